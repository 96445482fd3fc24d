"""Any restaurant file is a restaurant or a `BadFile` that points at its mistakes, and soon."""

from __future__ import annotations

import json

import pytest
from hypothesis import strategies as st

from flows.menu import Restaurant
from flows.restaurant_export import export
from flows.restaurant_file import SIZE_LIMIT, BadFile, load
from flows.yaml_lines import LONGEST_MISTAKE, MOST_MISTAKES, Document
from tests.fuzz.budget import fuzz
from tests.fuzz.strategies import damaged, mutated

GOOD = """\
name: Nonna
slug: nonna
address: Via Roma 1
phone: "+39 011 000000"
currency: EUR
timezone: Europe/Rome
hours: {mon: ["11:30-14:30"]}
menu:
  - category: Pizza
    items:
      - id: margherita
        name: Margherita
        price: "8.50"
        options:
          - {name: Size, choose: 1, from: [{name: Normal}, {name: Large, price: "3.00"}]}
"""
DATA = Document(GOOD, "nonna.yaml").data
YAML = st.text("-:,[]{}&*!|>%@`#?'\"\\ \t\n0aZé~", max_size=60)


def read(text: str) -> None:
    """Read or refuse a file. A restaurant comes back from store and export as it was; a refusal stays short."""
    try:
        restaurant = load(text, "any.yaml")
    except BadFile as bad:
        lines = str(bad).splitlines()
        assert 0 < len(lines) <= MOST_MISTAKES + 1
        assert all(line.startswith("any.yaml:") and len(line) <= LONGEST_MISTAKE + 30 for line in lines)
    else:
        assert Restaurant.model_validate_json(restaurant.model_dump_json()) == restaurant
        assert load(export(restaurant), "any.yaml") == restaurant


@fuzz(3, text=st.text(max_size=80) | YAML)
def test_any_text(text: str) -> None:
    read(text)


@fuzz(3, data=damaged(GOOD))
def test_a_damaged_file(data: bytes) -> None:
    read(data.decode("utf-8", "replace"))


@fuzz(5, data=mutated(DATA))
def test_anything_in_the_place_of_anything(data: object) -> None:
    read(json.dumps(data))


LAUGHS = "\n".join(
    [f"l0: &l0 [{', '.join(['x'] * 9)}]", *(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 9))]
)
BOMBS = {
    "a billion laughs": f"{GOOD}{LAUGHS}\n",
    "an alias within itself": f"{GOOD}me: &me [*me]\n",
    "merged keys": f"{GOOD}a: &a {{b: 1}}\nc:\n" + "  <<: *a\n" * 2000,
    "deep lists": f"{GOOD}deep: " + "[" * 50_000,
    "deep mappings": "{a: " * 50_000,
    "deep dashes": "- " * 20_000,
    "deep questions": "? " * 20_000,
    "many documents": "---\n" * 20_000,
    "many tags": f"{GOOD}tag: " + "!!python/object/apply:os.system " * 2,
    "a tag of ours": GOOD.replace("name: Nonna", "name: !!binary aGVsbG8="),
    "a date": GOOD.replace('"8.50"', "2026-03-14"),
    "a huge number": GOOD.replace('"8.50"', "9" * 100_000),
    "a huge exponent": GOOD.replace('"8.50"', "1e999999999"),
    "hexadecimal": GOOD.replace('"8.50"', "0x" + "f" * 5000),
    "base sixty": GOOD.replace('"8.50"', ":".join(["59"] * 5000)),
    "not a number": GOOD.replace('"8.50"', ".nan"),
    "a long escape": GOOD.replace("Nonna", '"\\UFFFFFFFF"', 1),
    "half a pair": GOOD.replace("Nonna", '"\\ud800"', 1),
    "a null byte": GOOD.replace("Nonna", '"\\0"', 1),
    "an anchor of a megabyte": "a: &" + "x" * 500_000,
    "a key of a megabyte": f"{GOOD}{'x' * 500_000}: 1\n",
    "many keys": GOOD + "\n".join(f"k{n}: 1" for n in range(20_000)),
    "commas in a name": GOOD.replace("{name: Normal}", "{name: Normal" + ", l" * 20_000 + "}"),
    "comments in a name": GOOD.replace("Margherita", "Margherita" + " #" * 100_000),
    "spaces in a comment": GOOD.replace("Margherita", "Margherita #" + " " * 400_000),
    "halves of characters": "a: [" + ", ".join(['"\\ud800"'] * 20_000) + "]",
    "a long name of a zone": GOOD.replace("Europe/Rome", "x" * 400_000),
    "dashes in a span": GOOD.replace("11:30-14:30", " -" * 100_000),
    "too large": "#" * (SIZE_LIMIT + 1),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.timeout(60)
def test_a_bomb(name: str) -> None:
    read(BOMBS[name])
