"""What a file is that people look at or listen to, from its first bytes: the sandbox does not need to decode it."""

from __future__ import annotations

import struct

_STARTS = (
    (b"\x89PNG", "image/png"),
    (b"GIF8", "image/gif"),
    (b"\xff\xd8", "image/jpeg"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
)
UNKNOWN = (800, 600)  # pixels; of what is no picture, or comes from an address that nobody asks
PLACEHOLDER = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 600">
<rect width="800" height="600" fill="#9aa7b1"/>
<path d="M130 480 330 240 450 380 520 300 670 480Z" fill="#fff"/><circle cx="560" cy="190" r="60" fill="#fff"/>
</svg>"""  # shown for the latter


def kind(content: bytes) -> str | None:
    """The content type of what browsers show or play and can't run, or None."""
    if content[4:8] == b"ftyp":
        return "video/mp4"
    if content.startswith(b"RIFF"):
        return {b"WAVE": "audio/wav", b"WEBP": "image/webp"}.get(content[8:12])
    return next((name for start, name in _STARTS if content.startswith(start)), None)


def size(content: bytes) -> tuple[int, int]:
    """Width and height in pixels of a PNG, GIF or JPEG, or `UNKNOWN`."""
    try:
        if content.startswith(b"\x89PNG\r\n\x1a\n"):
            width, height = struct.unpack_from(">II", content, 16)
            return width, height
        if content.startswith((b"GIF87a", b"GIF89a")):
            width, height = struct.unpack_from("<HH", content, 6)
            return width, height
        if content.startswith(b"\xff\xd8"):
            return _jpeg(content)
    except struct.error:  # it ends too early
        pass
    return UNKNOWN


def _jpeg(content: bytes) -> tuple[int, int]:
    """From the start-of-frame segment (ITU T.81, B.2.2), past the segments before it."""
    at = 2
    while True:
        marker, length = struct.unpack_from(">HH", content, at)
        if 0xFFC0 <= marker <= 0xFFCF and marker not in (0xFFC4, 0xFFC8, 0xFFCC):
            height, width = struct.unpack_from(">HH", content, at + 5)
            return width, height
        if marker < 0xFF00:
            return UNKNOWN
        at += 2 + length


def fitted(width: int, height: int, longest: int) -> tuple[int, int]:
    """The same shape with sides of at most `longest` pixels."""
    scale = min(1.0, longest / max(width, height, 1))
    return max(1, round(width * scale)), max(1, round(height * scale))
