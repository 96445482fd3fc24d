"""The files that python-telegram-bot's source distribution lacks, made as its tests expect them: each can be played.

They are filled up to the sizes that the tests name, by the padding that each format has for it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from bot.sandbox.samples import ogg_page, png_chunk

_SILENCE = b"\xf8\xff\xfe"  # an Opus frame without sound, one channel, 20 ms (RFC 6716, 3.1)
_FRAMES_A_SECOND = 50
_MP3_FRAME = b"\xff\xfb\x90\xc4" + bytes(413)  # MPEG 1, layer III, 128 kbit/s, 44.1 kHz, one channel, silent
_MP3_RATE = 128_000 // 8  # bytes a second


# Films


def film(size: int, seconds: int, width: int, height: int) -> bytes:
    """An MP4 with one track of pictures in JPEG, a grey one a second."""
    start = _box(b"ftyp", b"isom" + bytes(4) + b"isommp41")
    picture = _grey_jpeg()
    head = _movie(seconds, width, height, len(picture), 0)
    place = len(start) + len(head) + 8
    whole = start + _movie(seconds, width, height, len(picture), place) + _box(b"mdat", picture * seconds)
    return whole + _box(b"free", bytes(size - len(whole) - 8))


def _movie(seconds: int, width: int, height: int, picture: int, place: int) -> bytes:
    matrix = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    length = struct.pack(">II", 1000, 1000 * seconds)  # in milliseconds
    header = _full(b"mvhd", 0, bytes(8) + length + struct.pack(">IH", 1 << 16, 1 << 8) + bytes(10) + matrix + bytes(24))
    header = header[:-4] + struct.pack(">I", 2)  # the number of the next track
    shape = struct.pack(">II", width << 16, height << 16)
    track = struct.pack(">IIIII", 0, 0, 1, 0, 1000 * seconds) + bytes(16) + matrix + shape
    media = _full(b"mdhd", 0, bytes(8) + length + struct.pack(">HH", 0x55C4, 0))
    handler = _full(b"hdlr", 0, bytes(4) + b"vide" + bytes(12) + b"\0")
    samples = _box(b"stbl", _table(seconds, width, height, picture, place))
    reference = _box(b"dinf", _full(b"dref", 0, struct.pack(">I", 1) + _full(b"url ", 1, b"")))
    info = _box(b"minf", _full(b"vmhd", 1, bytes(8)) + reference + samples)
    whole = _full(b"tkhd", 3, track) + _box(b"mdia", media + handler + info)
    return _box(b"moov", header + _box(b"trak", whole))


def _table(seconds: int, width: int, height: int, picture: int, place: int) -> bytes:
    """Of which form the pictures are, how long each is seen, and where they are."""
    form = bytes(6) + struct.pack(">H", 1) + bytes(16) + struct.pack(">HHII", width, height, 72 << 16, 72 << 16)
    form += bytes(4) + struct.pack(">H", 1) + bytes(32) + struct.pack(">Hh", 24, -1)
    return b"".join(
        (
            _full(b"stsd", 0, struct.pack(">I", 1) + _box(b"jpeg", form)),
            _full(b"stts", 0, struct.pack(">III", 1, seconds, 1000)),
            _full(b"stsc", 0, struct.pack(">IIII", 1, 1, seconds, 1)),
            _full(b"stsz", 0, struct.pack(">II", picture, seconds)),
            _full(b"stco", 0, struct.pack(">II", 1, place)),
        )
    )


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _full(kind: bytes, flags: int, body: bytes) -> bytes:
    """A box with a version and flags."""
    return _box(kind, struct.pack(">I", flags) + body)


def _grey_jpeg() -> bytes:
    """A JPEG of 8 × 8 pixels, all grey: each of its two codes has one bit."""
    table = b"\xff\xdb\0\x43\0" + b"\x01" * 64
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, 8, 8, 1) + b"\1\x11\0"
    codes = b"".join(b"\xff\xc4" + struct.pack(">HB", 20, kind) + b"\1" + bytes(15) + b"\0" for kind in (0, 0x10))
    return b"\xff\xd8" + table + frame + codes + b"\xff\xda\0\x08\1\1\0\0\x3f\0" + b"\x3f" + b"\xff\xd9"


# Recordings


def voice(size: int, seconds: int) -> bytes:
    """Silence: Opus in Ogg (RFC 7845), with a comment that fills it up."""
    head = b"OpusHead" + struct.pack("<BBHIHB", 1, 1, 0, 48_000, 0, 0)
    frames = [[_SILENCE] * _FRAMES_A_SECOND] * (seconds - 1)
    frames += [[_SILENCE] * (_FRAMES_A_SECOND + 1)]  # the last one is cut off by the position where the stream ends
    pages = [ogg_page(2 + at, 4 * (at == seconds - 1), 48_000 * (at + 1), page) for at, page in enumerate(frames)]
    start = ogg_page(0, 2, 0, [head])
    room = size - len(start) - len(b"".join(pages))
    fitting = next(filled for filled in range(room) if _page_size(len(_tags(bytes(filled)))) == room)
    return start + ogg_page(1, 0, 0, [_tags(bytes(fitting))]) + b"".join(pages)


def _tags(padding: bytes) -> bytes:
    return b"OpusTags" + struct.pack("<I", 0) + struct.pack("<I", 0) + padding


def _page_size(packet: int) -> int:
    """The bytes of a page with one packet of so many."""
    return 27 + packet // 255 + 1 + packet


def tune(size: int, seconds: int) -> bytes:
    """Silence: an MP3 behind a tag that fills it up (ID3v2.4)."""
    frames = _MP3_FRAME * (_MP3_RATE * seconds // len(_MP3_FRAME))
    room = size - len(frames) - 10
    length = bytes(room >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\4\0\0" + length + bytes(room) + frames


# Pictures


def picture(width: int, height: int) -> bytes:
    """A PNG, all of one colour."""
    rows = (b"\0" + b"\x2a\xab\xee" * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*part) for part in parts)


SAMPLES: dict[str, Callable[[], bytes]] = {
    "telegram.mp4": lambda: film(326_534, 5, 360, 640),
    "telegram2.mp4": lambda: film(132_084, 3, 240, 240),
    "telegram.ogg": lambda: voice(9_199, 3),
    "telegram.mp3": lambda: tune(122_920, 3),
    "telegram.png": lambda: picture(512, 512),
}


def write(folder: Path) -> None:
    """Make those that are not there."""
    for name, make in SAMPLES.items():
        if not (folder / name).exists():
            (folder / name).write_bytes(make())
