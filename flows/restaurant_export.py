"""A `Restaurant` as the owner's file again: what `flows.restaurant_file` reads back as the very same."""

from __future__ import annotations

from collections.abc import Iterator

from flows.hours import WEEKDAYS
from flows.menu import Item, OptionGroup, Restaurant
from flows.prices import written

HEADER = "# As `comanda restaurant export` wrote it; `comanda restaurant import FILE` takes it."

_ESCAPED = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
_JOINER = "\u200d"  # holds the parts of an emoji together, and may stand in a file as it is


def export(restaurant: Restaurant) -> str:
    """The text of the file. Every text in it is quoted, so that none means something else to YAML."""
    return "\n".join(_lines(restaurant)) + "\n"


def _lines(of: Restaurant) -> Iterator[str]:
    yield HEADER
    for name in ("name", "slug", "address", "phone", "currency", "timezone"):
        yield f"{name}: {_quoted(getattr(of, name))}"
    yield f"accept_within: {_time(of.accept_within)}"
    if of.hours is not None:
        days = [(day, getattr(of.hours, day)) for day in WEEKDAYS]
        open_days = [f"\n  {day}: {_list(spans)}" for day, spans in days if spans]
        yield "hours:" + ("".join(open_days) or " {}")
    yield "menu:"
    for category in of.menu:
        yield f"  - category: {_quoted(category.name)}"
        yield "    items:"
        for item in category.items:
            yield from _item(item)


def _item(item: Item) -> Iterator[str]:
    yield f"      - id: {_quoted(item.id)}"
    yield f"        name: {_quoted(item.name)}"
    yield f"        price: {_quoted(written(item.price))}"
    if item.description:
        yield f"        description: {_quoted(item.description)}"
    if item.allergens:
        yield f"        allergens: {_list(item.allergens)}"
    if item.options:
        yield "        options:"
        for group in item.options:
            yield from _group(group)


def _group(group: OptionGroup) -> Iterator[str]:
    choose = f"{group.least}" if group.least == group.most else f"{group.least}-{group.most}"
    yield f"          - name: {_quoted(group.name)}"
    yield f"            choose: {choose}"
    yield "            from:"
    for option in group.options:
        yield f"              - name: {_quoted(option.name)}"
        if option.price.minor:
            yield f"                price: {_quoted(written(option.price))}"


def _time(seconds: int) -> str:
    for unit, letter in ((3600, "h"), (60, "m")):
        if seconds % unit == 0:
            return f"{seconds // unit}{letter}"
    return f"{seconds}s"


def _list(texts: tuple[str, ...]) -> str:
    return f"[{', '.join(map(_quoted, texts))}]"


def _quoted(text: str) -> str:
    return '"' + "".join(map(_character, text)) + '"'


def _character(one: str) -> str:
    if one in _ESCAPED:
        return _ESCAPED[one]
    return one if one.isprintable() or one == _JOINER else f"\\U{ord(one):08x}"
