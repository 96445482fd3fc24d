"""What can be seen of a text: people and files also give such as shows nothing, and a button can't be without words."""

from __future__ import annotations

import unicodedata

# Unicode categories of what is not drawn, or not by itself: controls and formats, halves of pairs, private use, spaces,
# and marks, which need a letter to stand on.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zs", "Zl", "Zp", "Mn", "Mc", "Me"})

# Letters and symbols that are drawn as nothing: fillers of Hangul, a Braille cell without dots, a note without a head,
# and the stand-in for an object.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\U0001d159\ufffc")


def seen(text: str) -> str:
    """The text from the first character on that is seen; empty if there is none."""
    first = next((index for index, character in enumerate(text) if _is_seen(character)), len(text))
    return text[first:]


def _is_seen(character: str) -> bool:
    category = unicodedata.category(character)
    if category == "Cn":  # unknown to this Python: an emoji that is younger, perhaps
        return not _is_ignorable(ord(character))
    return category not in _UNSEEN and character not in _BLANK


def _is_ignorable(code: int) -> bool:
    """Whether no text will ever show that code: the blocks that Unicode keeps for formats, and its noncharacters."""
    return (
        code == 0x2065
        or 0xFFF0 <= code <= 0xFFF8
        or 0xE0000 <= code <= 0xE0FFF
        or 0xFDD0 <= code <= 0xFDEF
        or code & 0xFFFE == 0xFFFE
    )
