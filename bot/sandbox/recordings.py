"""How long a recording lasts, and how large a film is, from what the file says itself."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_OPUS_RATE = 48_000  # samples a second by which every Opus stream counts (RFC 7845)
# Bits a second of an MP3 by its frame's index: MPEG 1, layer III (ISO 11172-3, 2.4.2.3).
_MP3_RATES = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_IN_THEM = {b"moov", b"trak"}  # boxes of an MP4 that hold others


def seconds(content: bytes) -> int:
    """How long it lasts, rounded; 0 where that can't be told."""
    try:
        if content[4:8] == b"ftyp":
            return _of_film(content)
        if content.startswith(b"OggS"):
            return round(_last_position(content) / _OPUS_RATE)
        if content.startswith((b"ID3", b"\xff\xfb")):
            return _of_mp3(content)
        if content.startswith(b"RIFF"):
            [rate] = struct.unpack_from("<I", content, 28)
            return round((len(content) - 44) / rate) if rate else 0
    except (struct.error, IndexError, ValueError):  # it ends too early
        pass
    return 0


def size(content: bytes) -> tuple[int, int] | None:
    """Width and height of an MP4's first track that is seen, in pixels."""
    try:
        for kind, body in _boxes(content) if content[4:8] == b"ftyp" else ():
            width, height = struct.unpack_from(">II", body, len(body) - 8) if kind == b"tkhd" else (0, 0)
            if width:
                return width >> 16, height >> 16
    except struct.error:
        pass
    return None


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes of an MP4 (ISO 14496-12), those within the ones that matter among them."""
    at = 0
    while at + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        body = content[at + 8 : at + length]
        yield kind, body
        if kind in _IN_THEM:
            yield from _boxes(body)
        at += max(length, 8)


def _of_film(content: bytes) -> int:
    for kind, body in _boxes(content):
        if kind == b"mvhd":
            scale, length = struct.unpack_from(">IQ" if body[0] else ">II", body, 20 if body[0] else 12)
            return round(length / scale) if scale else 0
    return 0


def _last_position(content: bytes) -> int:
    [position] = struct.unpack_from("<q", content, content.rindex(b"OggS") + 6)
    return max(0, int(position))


def _of_mp3(content: bytes) -> int:
    """By the bit rate of its first frame, which counts for all."""
    at = 0
    if content.startswith(b"ID3"):
        a, b, c, d = content[6:10]  # seven bits each
        at = 10 + (a << 21 | b << 14 | c << 7 | d)
    rate = 1000 * _MP3_RATES[content[at + 2] >> 4]
    return round(8 * (len(content) - at) / rate) if rate else 0
