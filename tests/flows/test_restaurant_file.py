"""A good file becomes a restaurant; a bad one is refused with the line, the path and what was expected."""

from __future__ import annotations

from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.money import Money
from flows.restaurant_file import SIZE_LIMIT, BadFile, load

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
          - {name: Extras, choose: 0-3, from: [{name: Olives, price: "1.00"}, {name: Anchovies}, {name: Capers}]}
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
    assert (size.single, extras.least, extras.most) == (True, 0, 3)
    assert [str(option.price) for option in size.options] == ["€0.00", "€3.00"]


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
            ('"8.50"', '"-8.50"'),
            ['nonna.yaml:14: menu[0].items[0].price: expected a price such as "8.50", not negative'],
        ),
        (('"8.50"', '"8.505"'), ["menu[0].items[0].price: '8.505' has more digits than EUR allows (2)"]),
        (('"8.50"', "cheap"), ["'cheap' is not an amount such as 8.50"]),
        (("id: marinara", "id: margherita"), ["item id 'margherita' is there twice"]),
        (("name: Large", "name: Normal"), ["menu[0].items[0].options[0]: option 'Normal' is there twice"]),
        (("name: Extras", "name: Size"), ["option group 'Size' is there twice"]),
        (("Europe/Rome", "Europe/Roma"), ["nonna.yaml:6: timezone: expected a time zone such as Europe/Rome"]),
        (("Europe/Rome", "../etc"), ["timezone: expected a time zone"]),
        (("choose: 0-3", "choose: 0-4"), ["choose says up to 4, but there are 3 options"]),
        (("choose: 0-3", "choose: some"), ["options[1].choose: expected how many to choose, such as 1 or 0-3"]),
        (("5m", "5"), ['accept_within: expected a time such as "5m", from 30s to 24h']),
        (("currency: EUR", "currency: euro"), ["nonna.yaml:5: currency: expected an ISO 4217 code such as EUR"]),
        (("slug: nonna", "slug: La Nonna"), ["slug: expected lower-case letters, digits and '-', at most 24"]),
        (("11:30-14:30", "11:30-25:00"), ["hours.mon: '11:30-25:00' is not a span such as \"18:00-22:30\""]),
        (("11:30-14:30", "11:30-19:00"), ["hours.mon: two spans of one day overlap"]),
        (("slug: nonna", "name: again"), ["nonna.yaml:2: name is written twice"]),
        (("menu:", "menu: ["), ["this is not YAML"]),
        (("[gluten, milk]", "&a [gluten]\n        x: *a"), ["& and * are not supported"]),
        (("    items:", "    items: none\n    x:"), ["menu[0].items: expected a list"]),
    ],
)
def test_a_mistake_is_named_with_its_place_and_the_cure(change: tuple[str, str], expected: list[str]) -> None:
    assert change[0] in GOOD
    found = "\n".join(mistakes(GOOD.replace(*change)))
    assert all(part in found for part in expected), found


def test_all_mistakes_are_named_at_once_in_the_order_of_the_file() -> None:
    bad = GOOD.replace("EUR", "euro").replace('"8.50"', "x").replace("phone", "fone")
    assert [line.split(":")[1] for line in mistakes(bad)] == ["1", "4", "5", "14"]


@pytest.mark.parametrize(
    "text", ["", "- a list", "just text", "{}", "x" * (SIZE_LIMIT + 1), "[" * 5000, "a: !!python/object:os.system x"]
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
