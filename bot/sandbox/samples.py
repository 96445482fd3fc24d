"""Small made-up files for who has none at hand: each can be opened or played."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable

_SIDES = (320, 240)  # pixels of the picture
_RATE = 8000  # samples a second of the tune
_TUNE = (440, 550, 660)  # Hz
_NOTE = 0.4  # seconds
_FRAME = 20  # ms of an Opus frame
_SILENCE = b"\xf8\xff\xfe"  # an Opus frame without sound, one channel, 20 ms (RFC 6716, 3.1)
_VOICE_LASTS = 2  # seconds


def picture() -> bytes:
    """A PNG: a table with a plate on it."""
    width, height = _SIDES
    rows = b"".join(b"\0" + b"".join(_pixel(x, y) for x in range(width)) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def _pixel(x: int, y: int) -> bytes:
    away = math.hypot(x - _SIDES[0] / 2, y - _SIDES[1] / 2)
    if away < 60:
        return b"\xd6\x4b\x30"
    return b"\xf4\xf1\xe8" if away < 95 else bytes((120 + 20 * (x // 40 % 2), 84, 52))


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """A part of a PNG with its length and checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def moving_picture() -> bytes:
    """A GIF of two frames, one light and one dark."""
    colours = b"\xd6\x4b\x30\xf4\xf1\xe8"
    frames = b"".join(_frame(bits) for bits in (b"\x44\x01", b"\x4c\x01"))
    repeat = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
    return b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + colours + repeat + frames + b"\x3b"


def _frame(bits: bytes) -> bytes:
    pause = b"\x21\xf9\x04\x00" + struct.pack("<H", 50) + b"\x00\x00"  # in hundredths of a second
    return pause + b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02" + bits + b"\x00"


def tune() -> bytes:
    """Three notes as a WAV."""
    length = round(_RATE * _NOTE)
    waves = (math.sin(2 * math.pi * note * step / _RATE) for note in _TUNE for step in range(length))
    samples = b"".join(struct.pack("<h", round(12_000 * wave)) for wave in waves)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, _RATE, 2 * _RATE, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", 36 + len(samples), b"WAVE") + form + b"data" + _sized(samples)


def _sized(content: bytes) -> bytes:
    return struct.pack("<I", len(content)) + content


def voice() -> bytes:
    """A voice note in which nothing is said: Opus in Ogg, as clients record it (RFC 7845)."""
    head = b"OpusHead" + struct.pack("<BBHIHB", 1, 1, 0, 48_000, 0, 0)
    tags = b"OpusTags" + _sized(b"comanda") + struct.pack("<I", 0)
    frames = [_SILENCE] * (_VOICE_LASTS * 1000 // _FRAME)
    end = 48 * _FRAME * len(frames)  # in samples at 48 kHz, whatever was recorded
    return ogg_page(0, 2, 0, [head]) + ogg_page(1, 0, 0, [tags]) + ogg_page(2, 4, end, frames)


def ogg_page(number: int, flags: int, position: int, packets: list[bytes]) -> bytes:
    """A page of an Ogg stream (RFC 3533)."""
    lengths = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
    head = struct.pack("<4sBBQII", b"OggS", 0, flags, position, 1, number)
    rest = bytes([len(lengths)]) + lengths + b"".join(packets)
    return head + struct.pack("<I", _checksum(head + bytes(4) + rest)) + rest


def _checksum(content: bytes) -> int:
    """Ogg's own CRC: the polynomial of zlib's, but unreflected and from 0."""
    crc = 0
    for byte in content:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1) ^ 0x104C11DB7 if crc & 0x80000000 else crc << 1
    return crc


def letter() -> bytes:
    """A text."""
    return b"Two pizzas at eight, please. Thank you!\n"


SAMPLES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "photo": ("table.png", picture),
    "document": ("note.txt", letter),
    "voice": ("voice.ogg", voice),
    "audio": ("tune.wav", tune),
    "animation": ("blink.gif", moving_picture),
}
