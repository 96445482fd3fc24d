"""Entities, the marks on a text: how they are counted, and the one form into which Telegram brings them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

Entity = dict[str, Any]

STYLES = ("bold", "italic", "underline", "strikethrough", "spoiler")
QUOTES = ("blockquote", "expandable_blockquote")
CLOSED = ("pre", "code", "date_time")  # nothing within these is styled
FOUND = ("mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bank_card_number")
KINDS = (*STYLES, *QUOTES, *CLOSED, "text_link", "text_mention", "custom_emoji")  # that a bot may give
_ORDER = (*QUOTES, *CLOSED, "text_link", "text_mention", *FOUND, *STYLES, "custom_emoji")  # the outer ones first


def units(text: str) -> int:
    """Length in UTF-16 code units, as Telegram counts."""
    return len(text.encode("utf-16-le")) // 2


def cut(text: str, entity: Entity) -> str:
    """The part of the text that an entity marks."""
    raw = text.encode("utf-16-le")
    begin = 2 * entity["offset"]
    return raw[begin : begin + 2 * entity["length"]].decode("utf-16-le", "replace")


def end_of(entity: Entity) -> int:
    return int(entity["offset"] + entity["length"])


def place(entity: Entity) -> tuple[int, int, int]:
    """Sorts entities as Telegram does: by offset, the longer ones first, and of the same place the outer kind."""
    return entity["offset"], -entity["length"], _ORDER.index(entity["type"])


def normal(entities: Iterable[Entity]) -> list[Entity]:
    """The entities as Telegram keeps them, whatever they overlapped (tdlib, fix_entities).

    Quotes hold everything else and nothing else holds anything but styles. Styles of a kind that touch become one,
    and each is cut where another entity begins, so that of two the later one lies within the former's last part.
    """
    ordered = sorted(entities, key=place)
    quotes = _apart(one for one in ordered if one["type"] in QUOTES)
    others = _apart(one for one in ordered if one["type"] not in (*STYLES, *QUOTES))
    solid = quotes + [one for one in others if not any(_crosses(one, quote) for quote in quotes)]
    styles = [one for one in ordered if one["type"] in STYLES]
    return sorted(solid + _styled(styles, solid), key=place)


def overlap(one: Entity, other: Entity) -> bool:
    return bool(one["offset"] < end_of(other) and other["offset"] < end_of(one))


def merged(entities: list[Entity], found: Iterable[Entity]) -> list[Entity]:
    """The entities with those that were found in the rest of the text (tdlib, merge_new_entities)."""
    closed = [one for one in entities if one["type"] not in (*STYLES, *QUOTES)]
    return normal(entities + [one for one in found if not any(overlap(one, other) for other in closed)])


def _apart(ordered: Iterable[Entity]) -> list[Entity]:
    """Those that do not overlap one before them."""
    kept: list[Entity] = []
    for one in ordered:
        if not kept or one["offset"] >= end_of(kept[-1]):
            kept.append(one)
    return kept


def _crosses(one: Entity, quote: Entity) -> bool:
    """Whether an entity lies neither within a quote nor apart from it."""
    within = quote["offset"] <= one["offset"] and end_of(one) <= end_of(quote)
    return overlap(one, quote) and not within


def _styled(styles: list[Entity], solid: list[Entity]) -> list[Entity]:
    spans = [(kind, *span) for kind in STYLES for span in _joined(one for one in styles if one["type"] == kind)]
    edges = {begin for _, begin, _ in spans} | {edge for one in solid for edge in (one["offset"], end_of(one))}
    closed = [one for one in solid if one["type"] in CLOSED]
    pieces = []
    for kind, begin, end in spans:
        cuts = sorted({begin, end} | {edge for edge in edges if begin < edge < end})
        pieces += [{"type": kind, "offset": start, "length": stop - start} for start, stop in pairwise(cuts)]
    return [piece for piece in pieces if not any(overlap(piece, one) for one in closed)]


def _joined(ordered: Iterable[Entity]) -> list[tuple[int, int]]:
    """Begin and end of what the entities cover together."""
    spans: list[tuple[int, int]] = []
    for one in ordered:
        if spans and one["offset"] <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(spans[-1][1], end_of(one))
        else:
            spans.append((one["offset"], end_of(one)))
    return spans
