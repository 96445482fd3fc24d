"""Characters that keyboards and word processors write instead of those that a file's numbers and times are made of."""

from __future__ import annotations

import re

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}  # of East Asian keyboards, to ASCII
_DASHES = re.compile(r"\s*[-\u2010-\u2015\u2212\u301c~]\s*")


def half_width(text: str) -> str:
    """Replace full-width digits and signs by those of ASCII."""
    return text.translate(_FULL_WIDTH)


def with_hyphens(text: str) -> str:
    """Replace every dash, and the blanks beside it, by a hyphen; full-width signs by those of ASCII."""
    return _DASHES.sub("-", half_width(text)).strip()
