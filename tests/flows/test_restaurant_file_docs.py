"""What docs/ say of the restaurant's file is what the model says."""

from __future__ import annotations

import re

import pytest

from flows.restaurant_file import keys, load
from tests.restaurant_file_table import PAGE, page

WRITTEN = PAGE.read_text("utf-8")
DOCUMENTED = {where: field for where, field in keys().items() if field.description}

FILE = """\
name: {name}
slug: {slug}
address: {address}
phone: {phone}
currency: {currency}
timezone: {timezone}
accept_within: {accept_within}
hours: {hours}
menu: {menu}
"""
ITEM = (
    "{{id: {id}, name: {name}, price: {price}, description: {description}, allergens: {allergens}, options: {options}}}"
)


def test_the_table_in_the_docs_is_the_models() -> None:
    assert page(WRITTEN) == WRITTEN, "run .venv/bin/python -m tests.restaurant_file_table"


@pytest.mark.parametrize("where", keys(), ids=".".join)
def test_every_key_is_in_the_docs(where: tuple[str, ...]) -> None:
    assert re.search(rf"\b{where[-1]}\b", WRITTEN)
    assert where in DOCUMENTED or where[:-1] == ("hours",)


@pytest.mark.parametrize("where", DOCUMENTED, ids=".".join)
def test_every_example_is_taken(where: tuple[str, ...]) -> None:
    for example in DOCUMENTED[where].examples or []:
        assert load(with_example(where, str(example)), "example.yaml")


def with_example(where: tuple[str, ...], example: str) -> str:
    """A file whose values are all examples, with this one at its place."""
    values = {one: str((field.examples or [""])[0]) for one, field in DOCUMENTED.items()} | {where: example}

    def of(around: tuple[str, ...]) -> dict[str, str]:
        return {one[-1]: value for one, value in values.items() if one[:-1] == around}

    match where:
        case ("menu", "items", "options", "from", _):
            option = "{{name: {name}, price: {price}}}".format(**of(where[:-1]))
            return with_example(where[:-1], f"[{option}, {{name: Other}}, {{name: Third}}]")
        case ("menu", "items", "options", _):
            group = "{{name: {name}, choose: {choose}, from: {from}}}".format(**of(where[:-1]))
            return with_example(where[:-1], f"[{group}]")
        case ("menu", "items", _):
            return with_example(where[:-1], f"[{ITEM.format(**of(where[:-1]))}]")
        case ("menu", _):
            return with_example(where[:-1], "[{{category: {category}, items: {items}}}]".format(**of(where[:-1])))
        case _:
            return FILE.format(**of(()))
