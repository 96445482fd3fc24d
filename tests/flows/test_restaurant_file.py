"""A good file becomes a restaurant; a bad one is refused with the line, the path and what was expected."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.money import Money
from flows.restaurant_file import SIZE_LIMIT, BadFile, load
from flows.yaml_lines import MOST_MISTAKES, Document
from flows.zones import AREAS

GOOD = """\
name: Trattoria da Nonna
slug: nonna
address: Via Roma 1, Torino
phone: "+39 011 000000"
currency: EUR
timezone: Europe/Rome
accept_within: 5m
hours: {mon: ["11:30-14:30", "18:00-22:30"], tue: ["18:00-22:30"]}
menu:
  - category: Pizza
    items:
      - id: margherita
        name: Margherita
        price: "8.50"
        description: Tomato, mozzarella, basil
        allergens: [gluten, milk]
        options:
          - {name: Size, choose: 1, from: [{name: Normal}, {name: Large, price: "3.00"}]}
          - {name: Extras, choose: 0-3, from: [{name: Olives, price: "1.00"}, {name: Anchovies, price: "1.50"}]}
      - id: marinara
        name: Marinara
        price: 7.00
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(BadFile) as caught:
        load(text, "nonna.yaml")
    return str(caught.value).splitlines()


def test_a_good_file_becomes_a_restaurant() -> None:
    nonna = load(GOOD, "nonna.yaml")
    margherita = nonna.item("margherita")
    assert margherita is not None
    assert (nonna.name, nonna.accept_within, margherita.price.decimal()) == ("Trattoria da Nonna", 300, "8.50")
    size, extras = margherita.options
    assert (size.single, extras.least, extras.most) == (True, 0, 2)
    assert [str(option.price) for option in size.options] == ["€0.00", "€3.00"]


def test_the_digits_of_a_number_in_json_are_looked_at_as_they_are_written() -> None:
    text = json.dumps(DATA).replace('"7.00"', "1.250")
    assert "did you mean 1250 or 1.25?" in mistakes(text)[0]


def test_as_many_as_there_are_may_be_chosen_where_the_file_allows_more() -> None:
    wide = GOOD.replace("choose: 0-3", "choose: 1-9").replace("choose: 1,", "choose: 1-1,")
    margherita = load(wide, "nonna.yaml").item("margherita")
    assert margherita is not None
    assert [(group.least, group.most) for group in margherita.options] == [(1, 1), (1, 2)]


def test_a_price_without_quotes_keeps_its_digits() -> None:
    marinara = load(GOOD, "nonna.yaml").item("marinara")
    assert marinara is not None
    assert marinara.price == Money(minor=700, currency="EUR")


@pytest.mark.parametrize("name", ["nonna.yaml", "momiji.yaml"])
def test_the_samples_are_good_files(name: str) -> None:
    text = (resources.files("flows") / "samples" / name).read_text("utf-8")
    assert load(text, name).hours is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("phone:", "fone:"), ["nonna.yaml:4: fone: unknown key; did you mean phone?", "phone: is missing"]),
        (
            ('"8.50"', '"1.250"'),
            ["nonna.yaml:14: menu[0].items[0].price: '1.250' has more decimals", "did you mean 1250 or 1.25?"],
        ),
        (('"8.50"', "1.250"), ["did you mean 1250 or 1.25?"]),
        (('"8.50"', "1_250"), ["did you mean 1250?"]),
        (('price: "1.00"', "price: 1.000"), ["options[1].from[0].price: '1.000' has", "did you mean 1000 or 1.00?"]),
        (('"8.50"', "[8.50]"), ['menu[0].items[0].price: expected a price such as "8.50"']),
        (("7.00", "100000.01"), ["menu[0].items[1].price: expected a price of at most €100000.00"]),
        (
            ("id: marinara", "id: margherita"),
            ["nonna.yaml:20: menu[0].items[1].id: 'margherita' is there twice; see menu[0].items[0]"],
        ),
        (
            ("name: Large", 'name: " Normal"'),
            ["nonna.yaml:18: menu[0].items[0].options[0].from[1].name: 'Normal' is there twice"],
        ),
        (("name: Extras", "name: Size"), ["nonna.yaml:19: menu[0].items[0].options[1].name: 'Size' is there twice"]),
        (
            ("Europe/Rome", "Europe/Roma"),
            ["nonna.yaml:6: timezone: expected the time zone of a place; did you mean Europe/Rome?"],
        ),
        (("Europe/Rome", "rome"), ["timezone: expected the time zone of a place; did you mean Europe/Rome?"]),
        (("Europe/Rome", "New York"), ["timezone: expected the time zone of a place; did you mean America/New_York?"]),
        (
            ("Europe/Rome", "posix/Asia/Tokyo"),
            ["timezone: expected the time zone of a place; did you mean Asia/Tokyo?"],
        ),
        (("Europe/Rome", "[Europe/Rome]"), ["timezone: expected the time zone of a place, such as Europe/Rome"]),
        (
            ("choose: 0-3", "choose: 3"),
            ["nonna.yaml:19: menu[0].items[0].options[1].choose: expected at most 2 to choose, as there are no more"],
        ),
        (("choose: 0-3", "choose: 3-2"), ["options[1].choose: expected how many to choose, such as 1 or 0-3"]),
        (("choose: 0-3", "choose: 0"), ["options[1].choose: expected how many to choose, such as 1 or 0-3"]),
        (("choose: 0-3", "choose: some"), ["options[1].choose: expected how many to choose, such as 1 or 0-3"]),
        (("5m", "5"), ['accept_within: expected a time such as "5m", from 30s to 24h']),
        (("currency: EUR", "currency: euro"), ["nonna.yaml:5: currency: expected an active ISO 4217 code such as EUR"]),
        (("currency: EUR", "currency: ZZZ"), ["nonna.yaml:5: currency: expected an active ISO 4217 code such as EUR"]),
        (("currency: EUR", "currency: HRK"), ["nonna.yaml:5: currency: expected an active ISO 4217 code such as EUR"]),
        (("currency: EUR", "currency: [EUR]"), ["nonna.yaml:5: currency: expected a text"]),
        (("slug: nonna", "slug: La Nonna"), ["slug: expected lower-case letters, digits and '-', at most 24"]),
        (("11:30-14:30", "11:30-25:00"), ["hours.mon[0]: '11:30-25:00' is not a span such as \"18:00-22:30\""]),
        (("11:30-14:30", "11:30-19:00"), ["hours.mon: two spans of one day overlap"]),
        (("slug: nonna", "name: again"), ["nonna.yaml:2: name: is written twice, first on line 1", "slug: is missing"]),
        (
            ("category: Pizza", "name: Pizza"),
            ["menu[0].category: is missing", "menu[0].name: unknown key; expected one of category, items"],
        ),
        (("description: Tomato, mozzarella, basil", "description:"), ["items[0].description: expected a text"]),
        (("Via Roma 1, Torino", '" "'), ["nonna.yaml:3: address: expected a text"]),
        (("name: Marinara", r'name: "Bell \a"'), ["items[1].name: expected a text without control characters"]),
        (("name: Marinara", r'name: "\ud800"'), ["items[1].name: expected a text"]),
        (("name: Marinara", r'name: "\UFFFFFFFF"'), ["this is not YAML"]),
        (("menu:", "menu: ["), ["this is not YAML"]),
        (("[gluten, milk]", "&a [gluten]\n        x: *a"), ["& and * are not supported"]),
        (("    items:", "    items: none\n    x:"), ["menu[0].items: expected a list"]),
    ],
)
def test_a_mistake_is_named_with_its_place_and_the_cure(change: tuple[str, str], expected: list[str]) -> None:
    assert change[0] in GOOD
    found = "\n".join(mistakes(GOOD.replace(*change)))
    assert all(part in found for part in expected), found


@pytest.mark.parametrize("written", ["CEST", "UTC+1", "Europe/Milano", "Italy", "../etc", "localtime", '""'])
def test_no_time_zone_is_guessed_for_what_looks_like_no_city_that_has_one(written: str) -> None:
    [found] = mistakes(GOOD.replace("Europe/Rome", written))
    assert found.endswith("timezone: expected the time zone of a place, such as Europe/Rome")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Etc/GMT+3", "Etc/GMT+3 is UTC-3 all year, not a place; expected the time zone of a place, such as"),
        ("EST", "EST is UTC-5 all year, not a place; expected"),
        ("UTC", "UTC is UTC+0 all year, not a place; expected"),
        ("EST5EDT", "EST5EDT is not a place; expected the time zone of a place, such as Europe/Rome"),
        ("CET", "CET is not a place; expected"),
    ],
)
def test_a_time_zone_that_is_no_place_is_refused(written: str, said: str) -> None:
    [found] = mistakes(GOOD.replace("Europe/Rome", written))
    assert found.startswith(f"nonna.yaml:6: timezone: {said}")


def test_every_time_zone_is_a_place_or_refused() -> None:
    refused = {zone for zone in available_timezones() if not is_place(zone)}
    assert {zone for zone in refused if zone.startswith((*AREAS, "US/", "Canada/", "Brazil/"))} == set()
    assert {"Europe/Kiev", "US/Eastern", "Japan", "GB", "Arctic/Longyearbyen"} <= available_timezones() - refused
    assert {zone for zone in available_timezones() if zone.startswith("Etc/")} <= refused


def is_place(zone: str) -> bool:
    try:
        return load(GOOD.replace("Europe/Rome", zone), "nonna.yaml").timezone == zone
    except BadFile:
        return False


def test_all_mistakes_are_named_at_once_in_the_order_of_the_file() -> None:
    bad = GOOD.replace("EUR", "euro").replace('"8.50"', "x").replace("phone", "fone")
    bad = bad.replace("id: marinara", "id: margherita").replace("name: Extras", "name: Size")
    bad = bad.replace("[gluten, milk]", "&a [gluten]").replace("7.00", "7.00\n        allergens: *a")
    assert [line.split(":")[1] for line in mistakes(bad)] == ["1", "4", "5", "14", "19", "20", "23"]


@pytest.mark.parametrize(("wrong", "price"), [("kwd", "8.505"), ("uyw", "8.5055"), ("idr", "150000000")])
def test_a_wrong_currency_is_not_a_mistake_of_every_price(wrong: str, price: str) -> None:
    assert len(mistakes(GOOD.replace("EUR", wrong).replace("8.50", price))) == 1


def test_nobody_has_to_read_a_thousand_mistakes() -> None:
    found = mistakes("".join(f"key{number}: 1\n" for number in range(1000)))
    assert len(found) == MOST_MISTAKES + 1
    assert found[-1].endswith("more")


def test_a_mistake_is_one_line_that_is_safe_to_print() -> None:
    found = mistakes(GOOD.replace("phone:", r'"a\n\e[2J\ud800":').replace("currency:", "x" * 900 + ":"))
    assert all(line.isprintable() and len(line) < 500 for line in found)
    assert found[0] == "nonna.yaml:1: currency: is missing"
    assert "nonna.yaml:4: the file: a key is a plain word" in found


def test_a_name_is_one_line_however_the_file_breaks_it() -> None:
    nonna = load(GOOD.replace("name: Marinara", "name: >\n          alla\n\n          Marinara"), "nonna.yaml")
    assert [item.name for item in nonna.items()] == ["Margherita", "alla Marinara"]


def test_aliases_cannot_blow_up_a_small_file() -> None:
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 30))
    found = mistakes("l0: &l0 [x]\n" + levels)
    assert "& and * are not supported" in "".join(found)
    assert len(found) == MOST_MISTAKES + 1


def test_an_anchor_that_nobody_uses_does_no_harm() -> None:
    assert load(GOOD.replace("[gluten, milk]", "[&a gluten, &a milk]"), "nonna.yaml").item("margherita")


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_files_of_other_systems_are_read_too(ending: str) -> None:
    assert load("\ufeff" + GOOD.replace("\n", ending), "nonna.yaml") == load(GOOD, "nonna.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- a list",
        "just text",
        "{}",
        "x" * (SIZE_LIMIT + 1),
        "[" * 100_000,
        "- " * 100_000,
        "a: !!python/object:os.system x",
    ],
)
def test_what_is_no_restaurant_at_all_is_refused(text: str) -> None:
    assert mistakes(text)


def assert_read_or_refused(text: str) -> None:
    try:
        load(text, "any.yaml")
    except BadFile as bad:
        problems = str(bad)
    else:
        problems = "any.yaml:"
    assert problems.startswith("any.yaml:")


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    assert_read_or_refused(text)


@given(st.integers(0, len(GOOD)), st.integers(0, 12), st.text(max_size=8))
def test_any_slip_of_the_keyboard_is_read_or_refused_and_nothing_else(at: int, cut: int, typed: str) -> None:
    assert_read_or_refused(GOOD[:at] + typed + GOOD[at + cut :])


DATA = Document(GOOD, "nonna.yaml").data
VALUES = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["8.50", "0-3", "5m", "nonna"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


def changed(node: Any, draw: st.DrawFn) -> Any:
    """The same tree with another value somewhere."""
    if not isinstance(node, dict | list) or not node or draw(st.integers(0, 4)) == 0:
        return draw(VALUES)
    key = draw(st.sampled_from(list(node) if isinstance(node, dict) else range(len(node))))
    copy = node.copy()
    copy[key] = changed(node[key], draw)
    return copy


@st.composite
def files(draw: st.DrawFn) -> str:
    """The good file with something else in up to three places, as JSON, which is YAML too."""
    data = DATA
    for _ in range(draw(st.integers(0, 3))):
        data = changed(data, draw)
    return json.dumps(data)


@given(files())
def test_anything_in_the_place_of_anything_is_read_or_refused_and_nothing_else(text: str) -> None:
    assert_read_or_refused(text)
