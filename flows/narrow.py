"""Characters that keyboards and word processors put in the place of others, as they are meant."""

from __future__ import annotations

import re

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}  # of East Asia's keyboards, to ASCII
_DASHES = re.compile(r"\s*[-\u2010-\u2015\u2212\u301c~]\s*")


def narrow(text: str) -> str:
    """The text with full-width digits and signs as ASCII has them."""
    return text.translate(_FULL_WIDTH)


def with_hyphens(text: str) -> str:
    """The narrow text with a hyphen for any dash between, which all look alike, and without blanks beside it."""
    return _DASHES.sub("-", narrow(text)).strip()
