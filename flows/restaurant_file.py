"""The owner's file: YAML to a `Restaurant`, with every mistake named by its line, its path and what was expected."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from flows.hours import WEEKDAYS, Hours
from flows.menu import MAX_OPTIONS, Category, Item, ItemId, Label, Option, OptionGroup, Restaurant, Slug
from flows.money import Money

SIZE_LIMIT = 1024 * 1024  # characters of a file
HIGHEST_PRICE = 10**9  # minor units; beyond it somebody has leant on a key

Path = tuple[str | int, ...]


class BadFile(ValueError):
    """The file can't be used. One line for each mistake, in the order of the file; nothing was changed."""

    def __init__(self, source: str, mistakes: Iterable[tuple[int, str]]) -> None:
        self.mistakes = sorted(set(mistakes))
        super().__init__("\n".join(f"{source}:{line}: {text}" for line, text in self.mistakes))


def load(text: str, source: str) -> Restaurant:
    """Read a restaurant from the text of its file; `source` names the file in messages. Raises `BadFile`."""
    if len(text) > SIZE_LIMIT:
        raise BadFile(source, [(1, f"the file is larger than {SIZE_LIMIT} characters")])
    tree = _Tree(source)
    data = tree.read(text)
    currency = data.get("currency") if isinstance(data, dict) else None
    try:
        file = _File.model_validate(data, context={"currency": currency})
    except ValidationError as error:
        raise BadFile(source, _mistakes(error, tree.lines)) from None
    return file.restaurant()


# YAML with line numbers. Every scalar stays the text that was written: 8.50 does not become 8.5, nor "no" False.


class _Tree:
    """The plain lists, mappings and texts of a YAML document, and the line on which each began."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.lines: dict[Path, int] = {(): 1}
        self._seen: set[int] = set()

    def read(self, text: str) -> Any:
        try:
            root = YAML(typ="rt", pure=True).compose(text)
        except (YAMLError, ValueError) as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or str(error).splitlines()[0]
            raise self._bad(1 if mark is None else mark.line + 1, f"this is not YAML: {problem}") from None
        except RecursionError:
            raise self._bad(1, "this is nested too deeply") from None
        if root is None:
            raise self._bad(1, "the file is empty")
        return self._plain(root, ())

    def _plain(self, node: Node, path: Path) -> Any:
        line: int = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        if len(path) > 12:
            raise self._bad(line, "this is nested too deeply")
        if id(node) in self._seen:
            raise self._bad(line, f"{_dotted(path)}: write it out; & and * are not supported")
        self._seen.add(id(node))
        if isinstance(node, ScalarNode):
            return None if str(node.tag).endswith(":null") and node.style is None else str(node.value)
        if isinstance(node, SequenceNode):
            return [self._plain(child, (*path, index)) for index, child in enumerate(node.value)]
        return self._mapping(node, path)

    def _mapping(self, node: Node, path: Path) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for key, value in node.value if isinstance(node, MappingNode) else []:
            line = key.start_mark.line + 1
            if not isinstance(key, ScalarNode):
                raise self._bad(line, f"{_dotted(path)}: a key is a plain word")
            name = str(key.value)
            if name in plain:
                raise self._bad(line, f"{_dotted((*path, name))} is written twice")
            self.lines[(*path, name)] = line
            plain[name] = self._plain(value, (*path, name))
        return plain

    def _bad(self, line: int, text: str) -> BadFile:
        return BadFile(self._source, [(line, text)])


# The shapes of the file


def _money(value: Any, info: ValidationInfo) -> Money:
    currency = (info.context or {}).get("currency")
    if not isinstance(value, str):
        raise ValueError('expected a price such as "8.50"')
    known = isinstance(currency, str) and re.fullmatch(r"[A-Z]{3}", currency)
    money = Money.parse(value.strip(), str(currency) if known else "EUR")
    if not 0 <= money.minor <= HIGHEST_PRICE:
        raise ValueError('expected a price such as "8.50", not negative')
    return money


def _choose(value: Any) -> tuple[int, int]:
    match = re.fullmatch(r"\s*(\d{1,2})(?:\s*-\s*(\d{1,2}))?\s*", value) if isinstance(value, str) else None
    least, most = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if most < max(least, 1):
        raise ValueError("expected how many to choose, such as 1 or 0-3")
    return least, most


def _seconds(value: Any) -> int:
    match = re.fullmatch(r"\s*(\d{1,5})\s*([smh])\s*", value) if isinstance(value, str) else None
    seconds = int(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]] if match else 0
    if not 30 <= seconds <= 86_400:
        raise ValueError('expected a time such as "5m", from 30s to 24h')
    return seconds


_ZONE = "expected a time zone such as Europe/Rome"


def _zone(value: Any) -> str:
    try:
        if isinstance(value, str):
            return ZoneInfo(value).key
    except (KeyError, ValueError, OSError):  # no such zone, or not even a name of one
        raise ValueError(_ZONE) from None
    raise ValueError(_ZONE)


Price = Annotated[Money, BeforeValidator(_money)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Option(_Shape):
    name: Label
    price: Price | None = None


class _Group(_Shape):
    name: Label
    choose: Annotated[tuple[int, int], BeforeValidator(_choose)]
    from_: Annotated[list[_Option], Field(alias="from", min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _can_be_chosen(self) -> Self:
        if self.choose[1] > len(self.from_):
            raise ValueError(f"choose says up to {self.choose[1]}, but there are {len(self.from_)} options")
        _unique("option", (option.name for option in self.from_))
        return self

    def group(self, currency: str) -> OptionGroup:
        free = Money(minor=0, currency=currency)
        options = tuple(Option(name=option.name, price=option.price or free) for option in self.from_)
        return OptionGroup(name=self.name, least=self.choose[0], most=self.choose[1], options=options)


class _Item(_Shape):
    id: ItemId
    name: Label
    price: Price
    description: Annotated[str, StringConstraints(max_length=500)] = ""
    allergens: Annotated[list[Label], Field(max_length=20)] = []
    options: Annotated[list[_Group], Field(max_length=10)] = []

    @model_validator(mode="after")
    def _has_clear_options(self) -> Self:
        _unique("option group", (group.name for group in self.options))
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
    category: Label
    items: Annotated[list[_Item], Field(min_length=1, max_length=50)]


class _File(_Shape):
    name: Label
    slug: Slug
    address: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    phone: Annotated[str, StringConstraints(min_length=3, max_length=40)]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    timezone: Annotated[str, BeforeValidator(_zone)]
    accept_within: Annotated[int, BeforeValidator(_seconds)] = 300
    hours: Hours | None = None
    menu: Annotated[list[_Category], Field(min_length=1, max_length=30)]

    @model_validator(mode="after")
    def _has_one_of_each(self) -> Self:
        _unique("category", (category.category for category in self.menu))
        _unique("item id", (item.id for category in self.menu for item in category.items))
        return self

    def restaurant(self) -> Restaurant:
        menu = tuple(Category(name=one.category, items=tuple(item.item() for item in one.items)) for one in self.menu)
        fields = self.model_dump(include=set(type(self).model_fields) - {"hours", "menu"})
        return Restaurant(**fields, hours=self.hours, menu=menu)


def _unique(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what} {name!r} is there twice")
        seen.add(name)


# Mistakes in words

_KEYS = ["name", "slug", "address", "phone", "currency", "timezone", "accept_within", "hours", "menu", "category"]
_KEYS += ["items", "id", "price", "description", "allergens", "options", "choose", "from", *WEEKDAYS]

_EXPECTED = {
    "slug": "lower-case letters, digits and '-', at most 24",
    "id": "lower-case letters, digits, '-' and '_', at most 24",
    "currency": "an ISO 4217 code such as EUR",
}


def _mistakes(error: ValidationError, lines: Mapping[Path, int]) -> list[tuple[int, str]]:
    found = []
    for one in error.errors(include_url=False):
        path = tuple(one["loc"])
        found.append((_line(path, lines), f"{_dotted(path)}: {_expected(one['type'], path, one)}"))
    return found


def _expected(kind: str, path: Path, error: Mapping[str, Any]) -> str:
    name = str(path[-1]) if path else "the file"
    match kind:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            close = difflib.get_close_matches(name, _KEYS, 1)
            return "unknown key" + (f"; did you mean {close[0]}?" if close else "")
        case "string_pattern_mismatch":
            return f"expected {_EXPECTED.get(name, 'another text')}"
        case "value_error":
            return str(error["msg"]).removeprefix("Value error, ")
        case "model_type" | "dict_type":
            return "expected a mapping (key: value)"
        case "list_type" | "tuple_type":
            return "expected a list"
        case _:
            return f"expected {str(error['msg'])[0].lower()}{str(error['msg'])[1:]}"


def _line(path: Path, lines: Mapping[Path, int]) -> int:
    while path not in lines:
        path = path[:-1]
    return lines[path]


def _dotted(path: Path) -> str:
    """menu[0].items[2].price"""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "the file"
