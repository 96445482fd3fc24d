"""The owner's file: YAML to a `Restaurant`, with every mistake named by its line, its path and what was expected."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self, get_args

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
from pydantic.fields import FieldInfo

from flows.hours import Hours
from flows.lookalikes import with_hyphens
from flows.menu import MAX_OPTIONS, Category, Item, ItemId, Label, Option, OptionGroup, Restaurant, Slug
from flows.money import CURRENCIES, Money
from flows.prices import example, price
from flows.visible import seen
from flows.yaml_lines import BYTES_LIMIT, SIZE_LIMIT, BadFile, Document, Path, decoded, dotted, shortened
from flows.zones import place

__all__ = ["BYTES_LIMIT", "SIZE_LIMIT", "BadFile", "decoded", "keys", "load"]


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
        if not found and not document.mistakes and not _cut_texts(document):
            return file.restaurant()
    mistakes = {document.written(path): (document.line(path), words) for path, words in found}
    mistakes |= document.mistakes | _cut_texts(document)
    raise BadFile(source, ((line, f"{dotted(path)}: {words}") for path, (line, words) in mistakes.items()))


def _cut_texts(document: Document) -> dict[Path, tuple[int, str]]:
    """Texts that are less than what was written. Of all other values the rest can only be a comment or a mistake."""
    return {path: mistake for path, mistake in document.cut.items() if _TEXTS.intersection(_without_numbers(path)[-1:])}


# The shapes of the file


def _money(value: Any, info: ValidationInfo) -> Money:
    stated = (info.context or {}).get("currency")
    currency = stated if isinstance(stated, str) else ""
    if not isinstance(value, str):
        raise ValueError(f'expected a price such as "{example(currency)}"')
    return price(value.strip(), currency)


def _currency(value: str) -> str:
    if value not in CURRENCIES:
        meant = value.strip().upper()
        if meant in CURRENCIES:
            raise ValueError(f"expected an ISO 4217 code; did you mean {meant}?")
        raise ValueError("expected an active ISO 4217 code such as EUR")
    return value


def _choose(value: Any) -> tuple[int, int]:
    written = with_hyphens(value) if isinstance(value, str) else ""
    match = re.fullmatch(r"([0-9]{1,2})(?:-([0-9]{1,2}))?", written)
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


def _lines(value: Any) -> Any:
    """Replace the line breaks and tabs of other programs, such as spreadsheets, by plain ones and spaces."""
    return re.sub(r"\r\n?", "\n", value).replace("\t", " ") if isinstance(value, str) else value


def _visible(value: str) -> str:
    if any(unicodedata.category(character) == "Cc" and character != "\n" for character in value):
        raise ValueError("expected a text without control characters")
    if value and not seen(value):
        raise ValueError("nothing of this text would be seen; expected letters, digits or an emoji")
    return value


def _days(value: Any) -> Any:
    if value is None:
        raise ValueError("expected days")
    return {day: _spans(spans) for day, spans in value.items()} if isinstance(value, dict) else value


def _spans(value: Any) -> Any:
    """A day's spans, between which commas may stand instead of a list; "closed" is none."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list):
        return value
    return [] if [_folded(one) for one in value] == ["closed"] else [_span(one) for one in value]


def _folded(value: Any) -> Any:
    return value.strip().casefold() if isinstance(value, str) else value


def _span(value: Any) -> Any:
    """The span with a hyphen for any dash, without blanks, and with 09:00 for 9:00."""
    if not isinstance(value, str):
        return value
    return re.sub(r"(?<![0-9])([0-9]:)", r"0\1", with_hyphens(value))


def _text(least: int, most: int) -> StringConstraints:
    return StringConstraints(min_length=least, max_length=most, strip_whitespace=True)


Price = Annotated[Money, BeforeValidator(_money)]
Surcharge = Annotated[Money | None, BeforeValidator(_money)]
Name = Annotated[Label, BeforeValidator(_one_line), AfterValidator(_visible)]
Address = Annotated[str, _text(1, 200), BeforeValidator(_one_line), AfterValidator(_visible)]
Phone = Annotated[str, _text(3, 40), BeforeValidator(_one_line), AfterValidator(_visible)]
Description = Annotated[str, _text(0, 500), BeforeValidator(_lines), AfterValidator(_visible)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Option(_Shape):
    name: Name = Field(description="What customers and the kitchen read.", examples=["Large"])
    price: Surcharge = Field(None, description="What it costs more; nothing, if left out.", examples=['"3.00"'])


class _Group(_Shape):
    name: Name = Field(description="What is chosen.", examples=["Size"])
    from_: list[_Option] = Field(
        alias="from",
        min_length=1,
        max_length=20,
        description="The options, in the order in which they are shown; at most 20.",
        examples=['[{name: Normal}, {name: Large, price: "3.00"}]'],
    )
    # After `from_`, which it is compared with.
    choose: Annotated[tuple[int, int], BeforeValidator(_choose)] = Field(
        description="How many: a number, or the least and the most.", examples=["1", "0-3"]
    )

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
    id: ItemId = Field(
        description="Names the dish for good, whatever its name becomes; once in a file. Lower-case letters, digits, "
        "`-` and `_`, at most 24.",
        examples=["margherita"],
    )
    name: Name = Field(
        description="What customers and the kitchen read; at most 60 characters.", examples=["Margherita"]
    )
    price: Price = Field(
        description="What one costs without options: digits, and a dot before decimals.", examples=['"8.50"']
    )
    description: Description = Field(
        "", description="More about it; at most 500 characters.", examples=['"Tomato, mozzarella, basil"']
    )
    allergens: list[Name] = Field([], max_length=20, description="At most 20 words.", examples=["[gluten, milk]"])
    options: list[_Group] = Field(
        [],
        max_length=10,
        description=f"What there is to choose: at most 10 groups with {MAX_OPTIONS} options in all.",
        examples=['[{name: Size, choose: 1, from: [{name: Normal}, {name: Large, price: "3.00"}]}]'],
    )

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
    category: Name = Field(description="A heading of the menu; once in a file.", examples=["Pizza"])
    items: list[_Item] = Field(
        min_length=1,
        max_length=50,
        description="Its dishes, in the order in which they are shown; at most 50.",
        examples=['[{id: cola, name: Cola, price: "2.50"}]'],
    )


class _File(_Shape):
    name: Name = Field(description="The restaurant's name; at most 60 characters.", examples=["Trattoria da Nonna"])
    slug: Slug = Field(
        description="Names the restaurant for good, in links and commands. Lower-case letters, digits and `-`, "
        "at most 24.",
        examples=["nonna"],
    )
    address: Address = Field(description="Where orders are picked up.", examples=['"Via Roma 1, Torino"'])
    phone: Phone = Field(description="Whom customers call.", examples=['"+39 011 000000"'])
    currency: Annotated[str, AfterValidator(_currency)] = Field(
        description="That of all prices, by its ISO 4217 code.", examples=["EUR"]
    )
    timezone: Annotated[str, BeforeValidator(place)] = Field(
        description="That of the place, by its name in the tz database; an import prints the time there.",
        examples=["Europe/Rome"],
    )
    accept_within: Annotated[int, BeforeValidator(_seconds)] = Field(
        300, description="How long staff have to answer an order, from 30s to 24h; 5m, if left out.", examples=["5m"]
    )
    hours: Annotated[Hours | None, BeforeValidator(_days)] = Field(
        None,
        description=f"When orders are taken, by the restaurant's clock. Each day ({', '.join(Hours.model_fields)}) "
        "has a span, several with commas or as a list, or `closed`; one that is left out is closed. A span may pass "
        "midnight, and all day is `00:00-24:00`. Without hours it is always open.",
        examples=['{mon: "18:00-22:30", tue: ["11:30-14:30", "18:00-22:30"], wed: closed}'],
    )
    menu: list[_Category] = Field(
        min_length=1,
        max_length=30,
        description="The categories, in the order in which they are shown; at most 30.",
        examples=['[{category: Drinks, items: [{id: cola, name: Cola, price: "2.50"}]}]'],
    )

    def restaurant(self) -> Restaurant:
        menu = tuple(Category(name=one.category, items=tuple(item.item() for item in one.items)) for one in self.menu)
        fields = self.model_dump(include=set(type(self).model_fields) - {"hours", "menu"})
        return Restaurant(**fields, hours=self.hours, menu=menu)


# Mistakes in words

_EXPECTED = {
    "slug": "lower-case letters, digits and '-', at most 24",
    "id": "lower-case letters, digits, '-' and '_', at most 24",
}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TEXTS = {"name", "category", "address", "phone", "description", "allergens"}

Keys = tuple[str, ...]
"""Where a key stands: its name behind those of the mappings around it, whichever entry of a list it is in."""


def keys() -> dict[Keys, FieldInfo]:
    """Every key that a file may have, in the order in which it is documented."""
    return dict(_keys(_File, ()))


def _keys(shape: type[BaseModel], around: Keys) -> Iterator[tuple[Keys, FieldInfo]]:
    for name, field in shape.model_fields.items():
        here = (*around, field.alias or name)
        yield here, field
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, _Shape | Hours):
                yield from _keys(inner, here)


_KEYS = keys()


def _without_numbers(path: Path) -> Keys:
    return tuple(part for part in path if isinstance(part, str))


def _example(path: Path) -> str:
    """How what is at that path, or the nearest thing around it, is written; empty for the file itself."""
    where = _without_numbers(path)
    if where[:-1] == ("hours",):
        return '"18:00-22:30"'
    while where and not (where in _KEYS and _KEYS[where].examples):
        where = where[:-1]
    examples = _KEYS[where].examples if where else None
    return str(examples[0]) if examples else ""


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
        empty = one["input"] is None and one["type"] != "extra_forbidden"
        yield path, _without_value(path) if empty else _expected(one["type"], path, one)


def _without_value(path: Path) -> str:
    """What to do about a key with nothing behind its colon: its value was forgotten, or it was to be left out."""
    field = _KEYS.get(_without_numbers(path))
    or_out = ", or leave the key out" if field is not None and not field.is_required() else ""
    return f"has no value; write one such as {_example(path)}{or_out}"


def _expected(kind: str, path: Path, error: Mapping[str, Any]) -> str:
    limits, example = error.get("ctx", {}), _example(path)
    match kind:
        case "missing":
            return f"is missing, such as {path[-1]}: {example}"
        case "extra_forbidden":
            return _unknown_key(path)
        case "value_error":
            return str(error["msg"]).removeprefix("Value error, ")
        case "string_pattern_mismatch":
            written = shortened(repr(error["input"]), 40)  # which shows blanks and other signs that are not seen
            return f"expected {_EXPECTED[str(path[-1])]}, and not {written}"
        case "string_type" | "string_unicode":
            return f"expected a text such as {example}"
        case "string_too_short":
            least = limits["min_length"]
            return f"expected a text {f'of at least {least} characters ' if least > 1 else ''}such as {example}"
        case "string_too_long":
            return (
                f"expected a text of at most {limits['max_length']} characters; this has {len(error['input'].strip())}"
            )
        case "too_short":
            return f"expected at least one entry, such as {example}"
        case "too_long":
            return f"expected at most {limits['max_length']} entries"
        case "tuple_type":  # of a day
            return 'expected a span such as "18:00-22:30", a list of spans, or closed'
        case "list_type":
            return f"expected a list such as {example}"
        case _:  # model_type, the only other one that these shapes have
            return f"expected keys with values, such as {example}" if example else "expected a mapping (key: value)"


def _unknown_key(path: Path) -> str:
    key, around = str(path[-1]), _without_numbers(path)[:-1]
    if re.fullmatch(r"[a-z_]+:.+", key):
        return "expected a space behind the colon"
    known = [where[-1] for where in _KEYS if where[:-1] == around]
    if around == ("hours",):
        return _unknown_day(key.casefold(), known)
    close = difflib.get_close_matches(key[:40].casefold(), known, 1)
    return "unknown key; " + (f"did you mean {close[0]}?" if close else f"expected one of {', '.join(known)}")


def _unknown_day(key: str, known: list[str]) -> str:
    """Suggest a day only for its English name or the beginning of one: `lun` looks like sun, and means Monday."""
    close = [day[:3] for day in _DAYS if len(key) > 1 and day.startswith(key)]
    if len(close) == 1:
        return f"unknown key; did you mean {close[0]}?"
    return f"unknown key; expected each day by itself: {', '.join(known)}"
