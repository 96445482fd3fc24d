"""The owner's file: YAML to a `Restaurant`, with every mistake named by its line, its path and what was expected."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from flows.hours import Hours
from flows.menu import MAX_OPTIONS, Category, Item, ItemId, Label, Option, OptionGroup, Restaurant, Slug
from flows.money import CURRENCIES, Money
from flows.prices import example, price
from flows.yaml_lines import SIZE_LIMIT, BadFile, Document, Path, dotted
from flows.zones import place

__all__ = ["SIZE_LIMIT", "BadFile", "load"]


def load(text: str, source: str) -> Restaurant:
    """Read a restaurant from the text of its file; `source` names the file in messages. Raises `BadFile`."""
    document = Document(text, source)
    found = list(_twins(document.data))
    currency = document.data.get("currency") if isinstance(document.data, dict) else None
    try:
        file = _File.model_validate(document.data, context={"currency": currency})
    except ValidationError as error:
        found += _in_words(error)
    else:
        if not found and not document.mistakes:
            return file.restaurant()
    mistakes = {path: (document.line(path), words) for path, words in found} | document.mistakes
    raise BadFile(source, ((line, f"{dotted(path)}: {words}") for path, (line, words) in mistakes.items()))


# The shapes of the file


def _money(value: Any, info: ValidationInfo) -> Money:
    stated = (info.context or {}).get("currency")
    currency = stated if isinstance(stated, str) else ""
    if not isinstance(value, str):
        raise ValueError(f'expected a price such as "{example(currency)}"')
    return price(value.strip(), currency)


def _currency(value: str) -> str:
    if value not in CURRENCIES:
        raise ValueError("expected an active ISO 4217 code such as EUR")
    return value


def _choose(value: Any) -> tuple[int, int]:
    match = re.fullmatch(r"\s*([0-9]{1,2})(?:\s*-\s*([0-9]{1,2}))?\s*", value) if isinstance(value, str) else None
    least, most = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if most < max(least, 1):
        raise ValueError("expected how many to choose, such as 1 or 0-3")
    return least, most


def _seconds(value: Any) -> int:
    match = re.fullmatch(r"\s*([0-9]{1,5})\s*([smh])\s*", value) if isinstance(value, str) else None
    seconds = int(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]] if match else 0
    if not 30 <= seconds <= 86_400:
        raise ValueError('expected a time such as "5m", from 30s to 24h')
    return seconds


def _one_line(value: Any) -> Any:
    """Names are shown on buttons, and an address in one line: line breaks and indents of the file are no part of it."""
    return " ".join(value.split()) if isinstance(value, str) else value


def _visible(value: str) -> str:
    if any(unicodedata.category(character) == "Cc" and character != "\n" for character in value):
        raise ValueError("expected a text without control characters")
    return value


def _text(least: int, most: int) -> StringConstraints:
    return StringConstraints(min_length=least, max_length=most, strip_whitespace=True)


Price = Annotated[Money, BeforeValidator(_money)]
Name = Annotated[Label, BeforeValidator(_one_line), AfterValidator(_visible)]
Address = Annotated[str, _text(1, 200), BeforeValidator(_one_line), AfterValidator(_visible)]
Phone = Annotated[str, _text(3, 40), BeforeValidator(_one_line), AfterValidator(_visible)]
Description = Annotated[str, _text(0, 500), AfterValidator(_visible)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Option(_Shape):
    name: Name
    price: Price | None = None


class _Group(_Shape):
    name: Name
    from_: Annotated[list[_Option], Field(alias="from", min_length=1, max_length=20)]
    choose: Annotated[tuple[int, int], BeforeValidator(_choose)]  # after `from_`, which it is compared with

    @field_validator("choose", mode="after")
    @classmethod
    def _can_be_chosen(cls, choose: tuple[int, int], info: ValidationInfo) -> tuple[int, int]:
        options = info.data.get("from_")
        if options is not None and choose[0] > len(options):
            raise ValueError(f"expected at most {len(options)} to choose, as there are no more options")
        return choose

    def group(self, currency: str) -> OptionGroup:
        free = Money(minor=0, currency=currency)
        options = tuple(Option(name=option.name, price=option.price or free) for option in self.from_)
        # "0-3" of two options is as many as one likes: an owner who strikes an option off need not count again.
        most = min(self.choose[1], len(options))
        return OptionGroup(name=self.name, least=self.choose[0], most=most, options=options)


class _Item(_Shape):
    id: ItemId
    name: Name
    price: Price
    description: Description = ""
    allergens: Annotated[list[Name], Field(max_length=20)] = []
    options: Annotated[list[_Group], Field(max_length=10)] = []

    @model_validator(mode="after")
    def _fits_a_message(self) -> Self:
        if sum(len(group.from_) for group in self.options) > MAX_OPTIONS:
            raise ValueError(f"expected at most {MAX_OPTIONS} options in all groups of one dish")
        return self

    def item(self) -> Item:
        return Item(
            id=self.id,
            name=self.name,
            price=self.price,
            description=self.description,
            allergens=tuple(self.allergens),
            options=tuple(group.group(self.price.currency) for group in self.options),
        )


class _Category(_Shape):
    category: Name
    items: Annotated[list[_Item], Field(min_length=1, max_length=50)]


class _File(_Shape):
    name: Name
    slug: Slug
    address: Address
    phone: Phone
    currency: Annotated[str, AfterValidator(_currency)]
    timezone: Annotated[str, BeforeValidator(place)]
    accept_within: Annotated[int, BeforeValidator(_seconds)] = 300
    hours: Hours | None = None
    menu: Annotated[list[_Category], Field(min_length=1, max_length=30)]

    def restaurant(self) -> Restaurant:
        menu = tuple(Category(name=one.category, items=tuple(item.item() for item in one.items)) for one in self.menu)
        fields = self.model_dump(include=set(type(self).model_fields) - {"hours", "menu"})
        return Restaurant(**fields, hours=self.hours, menu=menu)


# Mistakes in words

_EXPECTED = {
    "slug": "lower-case letters, digits and '-', at most 24",
    "id": "lower-case letters, digits, '-' and '_', at most 24",
}
_SHAPES: dict[str | int, type[BaseModel]] = {
    "hours": Hours,
    "menu": _Category,
    "items": _Item,
    "options": _Group,
    "from": _Option,
}

Mistake = tuple[Path, str]


def _twins(data: Any) -> Iterator[Mistake]:
    """What must be there once and is there again. It is looked for in a file with other mistakes, too."""
    categories = _entries(data, (), "menu")
    items = [item for path, category in categories for item in _entries(category, path, "items")]
    yield from _repeated("category", categories)
    yield from _repeated("id", items)
    for path, item in items:
        groups = _entries(item, path, "options")
        yield from _repeated("name", groups)
        for inner, group in groups:
            yield from _repeated("name", _entries(group, inner, "from"))


def _entries(parent: Any, path: Path, key: str) -> list[tuple[Path, Any]]:
    children = parent.get(key) if isinstance(parent, dict) else None
    return [((*path, key, index), child) for index, child in enumerate(children if isinstance(children, list) else [])]


def _repeated(key: str, entries: list[tuple[Path, Any]]) -> Iterator[Mistake]:
    first: dict[str, Path] = {}
    for path, entry in entries:
        name = _one_line(entry.get(key)) if isinstance(entry, dict) else None
        if not isinstance(name, str):
            continue
        if name in first:
            yield (*path, key), f"{name!r} is there twice; see {dotted(first[name])}"
        first.setdefault(name, path)


def _in_words(error: ValidationError) -> Iterator[Mistake]:
    for one in error.errors(include_url=False):
        path = tuple(one["loc"])
        yield path, _expected(one["type"], path, one)


def _expected(kind: str, path: Path, error: Mapping[str, Any]) -> str:
    limits = error.get("ctx", {})
    match kind:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return _unknown_key(path)
        case "value_error":
            return str(error["msg"]).removeprefix("Value error, ")
        case "string_pattern_mismatch":
            return f"expected {_EXPECTED[str(path[-1])]}"
        case "string_type" | "string_unicode":
            return "expected a text"
        case "string_too_short":
            least = limits["min_length"]
            return "expected a text" if least == 1 else f"expected a text of at least {least} characters"
        case "string_too_long":
            return f"expected a text of at most {limits['max_length']} characters"
        case "too_short":
            return "expected at least one entry"
        case "too_long":
            return f"expected at most {limits['max_length']} entries"
        case "list_type" | "tuple_type":
            return "expected a list"
        case _:  # model_type, the only other one that these shapes have
            return "expected a mapping (key: value)"


def _unknown_key(path: Path) -> str:
    around = next((part for part in reversed(path[:-1]) if isinstance(part, str)), "")
    fields = _SHAPES.get(around, _File).model_fields
    known = [field.alias or name for name, field in fields.items()]
    close = difflib.get_close_matches(str(path[-1])[:40], known, 1)
    return "unknown key; " + (f"did you mean {close[0]}?" if close else f"expected one of {', '.join(known)}")
