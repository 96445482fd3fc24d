"""What becomes of the characters of a text before Telegram takes it (tdlib, fix_formatted_text)."""

from __future__ import annotations

from collections.abc import Iterable

from bot.sandbox.entities import Entity, end_of, normal, units
from bot.sandbox.errors import bad_request

_SPACES = dict.fromkeys({*range(0x20)} - {ord("\n"), ord("\r")}, " ")
_DROPPED = dict.fromkeys([ord("\r"), *range(0x2028, 0x202F), 0x30A, 0x333, 0x33F])  # what would upset its lines
_TABLE = _SPACES | _DROPPED
_INVISIBLE = {*range(0x200B, 0x2010), 0x202E, 0xFEFF, 0xA0}  # beside the spaces
_INVISIBLE |= {0x1680, 0x180E, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x2800, 0x3000, 0xFFFC, *range(0xE0000, 0xE0080)}


def cleaned(text: str, entities: Iterable[Entity]) -> tuple[str, list[Entity]]:
    """The text without control characters and without space around it, and its entities where they are then.

    Space at the begin is kept where an entity marks it. A text that shows nothing becomes an empty one. Raises
    `ApiError` for an entity that is not of the text.
    """
    marks = normal(one for one in entities if one["length"] > 0)
    clean = text.translate(_TABLE)
    if marks:
        places = _places(text)
        marks = normal(_moved(one, places) for one in marks)
    clean = clean.rstrip(" \n")
    if is_blank(clean):
        return "", []
    end = units(clean)
    marks = [one | {"length": min(one["length"], end - one["offset"])} for one in marks if one["offset"] < end]
    start = len(clean) - len(clean.lstrip(" \n"))
    start = min([start, *(one["offset"] for one in marks)])
    return clean[start:], normal(one | {"offset": one["offset"] - start} for one in marks if one["length"] > 0)


def is_blank(text: str) -> bool:
    """Whether a text shows nothing."""
    return all(char in " \n" or ord(char) in _INVISIBLE for char in text)


def _places(text: str) -> dict[int, int]:
    """Where each character was, in UTF-16 units, and where it is when the text is clean; so for the text's end."""
    places = {}
    before = after = 0
    for char in text:
        places[before] = after
        before += 1 + (char > "\uffff")
        after += 0 if ord(char) in _DROPPED else 1 + (char > "\uffff")
    return places | {before: after}


def _moved(entity: Entity, places: dict[int, int]) -> Entity:
    begin, end, last = entity["offset"], end_of(entity), max(places)
    if begin > last:
        raise bad_request(f"Entity begins after the end of the text at UTF-16 offset {begin}")
    if begin not in places:
        raise bad_request("Entity begins in a middle of a UTF-16 symbol")
    if end > last:
        words = f"ends after the end of the text at UTF-16 offset {end}"
        raise bad_request(f"Entity beginning at UTF-16 offset {begin} {words}")
    if end not in places:
        raise bad_request(f"Entity beginning at UTF-16 offset {begin} ends in a middle of a UTF-16 symbol")
    return entity | {"offset": places[begin], "length": places[end] - places[begin]}
