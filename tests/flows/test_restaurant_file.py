"""A good file becomes a restaurant; a bad one is refused with the line, the path and what was expected."""

from __future__ import annotations

import json
import re
from importlib import resources
from typing import Any
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.hours import Hours
from flows.money import Money
from flows.restaurant_file import BYTES_LIMIT, SIZE_LIMIT, BadFile, decoded, load
from flows.yaml_lines import MOST_MISTAKES, Document
from flows.zones import AREAS, place

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
        (("name: Marinara", f"name: {'x' * 61}"), ["expected a text of at most 60 characters; this has 61"]),
        (("currency: EUR", "currency: eur"), ["currency: expected an ISO 4217 code; did you mean EUR?"]),
        (("id: marinara", "id: marinara\u200b"), [r"'-' and '_', at most 24, and not 'marinara\u200b'"]),
        (("slug: nonna", "slug: nonna\u00a0"), [r"digits and '-', at most 24, and not 'nonna\xa0'"]),
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
        (
            ("Tomato, mozzarella, basil", ""),
            ['items[0].description: has no value; write one such as "Tomato, mozzarella, basil", or leave the key out'],
        ),
        (
            ('{name: Large, price: "3.00"}', "{name: Large, price: }"),
            ["from[1].price: has no value; write one such as"],
        ),
        (("accept_within: 5m", "accept_within:"), ["accept_within: has no value", "or leave the key out"]),
        (("slug: nonna", "slug:"), ["nonna.yaml:2: slug: has no value; write one such as nonna"]),
        (
            ("[gluten, milk]", "[nuts (walnut, pecan), milk]"),
            ['allergens[0]: the comma cuts off pecan); write "nuts (walnut, pecan)"'],
        ),
        (("phone:", "PHONE:"), ["PHONE: unknown key; did you mean phone?"]),
        (
            ("    items:", "\u00a0   items:"),
            ["nonna.yaml:11: the file: the blanks that begin this line are not spaces; write spaces"],
        ),
        (("Via Roma 1, Torino", '" "'), ["nonna.yaml:3: address: expected a text"]),
        (("name: Marinara", r'name: "Bell \a"'), ["items[1].name: expected a text without control characters"]),
        (("name: Marinara", r'name: "\ud800"'), ["nonna.yaml:21: menu[0].items[1].name: half a character is here"]),
        (("name: Marinara", 'name: "\u200b"'), ["items[1].name: nothing of this text would be seen"]),
        (("category: Pizza", 'category: "\u2800"'), ["menu[0].category: nothing of this text would be seen"]),
        (("name: Normal", 'name: "\u3164"'), ["options[0].from[0].name: nothing of this text would be seen"]),
        (("name: Size", 'name: "\u2060"'), ["options[0].name: nothing of this text would be seen"]),
        (("Tomato, mozzarella, basil", '"\ufe0f"'), ["items[0].description: nothing of this text would be seen"]),
        (("[gluten, milk]", '[gluten, "\u200b"]'), ["items[0].allergens[1]: nothing of this text would be seen"]),
        (("Via Roma 1, Torino", '"\u200b"'), ["nonna.yaml:3: address: nothing of this text would be seen"]),
        (('"+39 011 000000"', '"\u200b\u200b\u200b"'), ["nonna.yaml:4: phone: nothing of this text would be seen"]),
        (("Trattoria da Nonna", '"\u115f"'), ["nonna.yaml:1: name: nothing of this text would be seen"]),
        (("name: Marinara", r'name: "\UFFFFFFFF"'), ["this is not YAML"]),
        (("menu:", "menu: ["), ["nonna.yaml:10: a [ or { above is not closed before this, or a comma is missing"]),
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
        return place(zone) == zone
    except ValueError:
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
    assert found[0] == "nonna.yaml:1: currency: is missing, such as currency: EUR"
    assert "nonna.yaml:4: the file: a key is a plain word" in found


def test_a_name_is_one_line_however_the_file_breaks_it() -> None:
    nonna = load(GOOD.replace("name: Marinara", "name: >\n          alla\n\n          Marinara"), "nonna.yaml")
    assert [item.name for item in nonna.items()] == ["Margherita", "alla Marinara"]


def test_a_description_keeps_its_lines_whichever_program_broke_them() -> None:
    nonna = load(GOOD.replace("Tomato, mozzarella, basil", r'"a\r\nb\rc\td"'), "nonna.yaml")
    assert [item.description for item in nonna.items()] == ["a\nb\nc d", ""]


def test_aliases_cannot_blow_up_a_small_file() -> None:
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 30))
    found = mistakes("l0: &l0 [x]\n" + levels)
    assert "& and * are not supported" in "".join(found)
    assert len(found) == MOST_MISTAKES + 1


CUT = [
    ("Combo #1", '" #" begins a comment and cuts off #1; write "Combo #1", or the comment elsewhere'),
    ("Combo # 1", '" #" begins a comment and cuts off # 1; write "Combo # 1"'),
    ("Combo #1  # our best", 'cuts off #1; write "Combo #1"'),
    ("#1 Combo", 'cuts off #1 Combo; write "#1 Combo"'),
    ('5" Combo #1', "cuts off #1; write '5\" Combo #1'"),
    ("&Chips and salsa", 'YAML reads & in its own way and cuts off &Chips; write "&Chips and salsa"'),
    ("!Hot soup", 'YAML reads ! in its own way and cuts off !Hot; write "!Hot soup"'),
    ("!!str 7", 'YAML reads ! in its own way and cuts off !!str; write "!!str 7"'),
    ("null", 'null means nothing in YAML; write "null"'),
    ("~", '~ means nothing in YAML; write "~"'),
]


@pytest.mark.parametrize(("name", "said"), CUT)
def test_a_name_that_yaml_would_cut_is_refused_with_what_is_cut_and_how_to_write_it(name: str, said: str) -> None:
    [found] = mistakes(GOOD.replace("Marinara", name))
    assert found.startswith("nonna.yaml:21: menu[0].items[1].name: ")
    assert said in found


@pytest.mark.parametrize(("name", "said"), [(f"Cola 0,33 l{tail}", 'write name: "Cola 0,33 l"') for tail in ("", " ")])
def test_a_comma_that_cuts_a_name_within_braces_is_named(name: str, said: str) -> None:
    for before, after in [("{name: Large, price", f"{{name: {name}, price"), ("{name: Normal}", f"{{name: {name}}}")]:
        [found] = mistakes(GOOD.replace(before, after))
        assert found.startswith("nonna.yaml:18: menu[0].items[0].options[0].from[")
        assert f"the comma cuts off 33 l; {said}" in found


def test_a_decimal_comma_within_braces_is_asked_back_as_a_price() -> None:
    [found] = mistakes(GOOD.replace('name: Large, price: "3.00"', "name: Large, price: 3,00"))
    assert found.endswith("from[1].price: '3,00' is not a price; did you mean 3.00?")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("name: @home", 'this text has to stand in quotes: name: "@home"'),
        ("name: `best`", 'name: "`best`"'),
        ("name: %off", 'name: "%off"'),
        ("name: *Star*", 'name: "*Star*"'),
        ("name: - dash", 'name: "- dash"'),
        ("name: ? what", 'name: "? what"'),
        ("name: | pipe", 'name: "| pipe"'),
        ("name: >x", 'name: ">x"'),
        ("name: , x", 'name: ", x"'),
        ("name: ]x", 'name: "]x"'),
        ("name: [Chef] special", 'name: "[Chef] special"'),
        ("name: Fish: and chips", 'name: "Fish: and chips"'),
        ("name: 'Joe's'", 'name: "Joe\'s"'),
        ('name: "Joe\'s" special', "name: '\"Joe''s\" special'"),
        ('name: "5" pizza"', "name: '5\" pizza'"),
        (r'name: "Half\Half"', r"name: 'Half\Half'"),
        ("name: !a!b c", 'name: "!a!b c"'),
        ("options: [{name: A: B, choose: 1}]", 'name: "A: B"'),
        ("options: [{name: 'it's', choose: 1}]", 'name: "it\'s"'),
        ("options: [{name: Combo #1, choose: 1}]", '" #" begins a comment; write name: "Combo #1"'),
        ("allergens: [nuts #1, milk]", '" #" begins a comment; write the text in quotes'),
        ("options: [{name: A, choose: 1]", "the { of line 21 is not closed before this, or a comma is missing"),
        ('name: "no end', "the quote that begins here has no end; close it, or if it belongs to the text, write name"),
        ("name: 'Nduja", 'if it belongs to the text, write name: "\'Nduja"'),
        (
            'name: "no end\n        id: "x"',
            "the quote that begins here ends only on line 22; close it, or if it belongs",
        ),
        (r'name: "Half\x"', r"name: 'Half\x'"),
        ('name: "Half",', "a comma stands here; take it away, or put the whole text in quotes"),
        ("`name: X", "nothing can begin with `; take it away, or put the text in quotes"),
        ("options: [{name: Combo # 1}]", '" #" begins a comment; write name: "Combo # 1"'),
        ('options: [{name: "A #1", choose: "1" from: 1}]', "the { of line 21 is not closed before this, or a comma"),
        ("\tname: X", "a tab stands here; write spaces instead"),
        ("  name: X", "this line does not fit the one above"),
        ("name X", "expected a key and a value, with a space behind the colon"),
        ("---", '"---" begins another document here; a file is one restaurant'),
    ],
)
def test_what_is_no_yaml_is_named_with_its_line_and_the_cure(line: str, said: str) -> None:
    [found] = mistakes(GOOD.replace("        name: Marinara", line if line == "---" else f"        {line}"))
    assert found.startswith("nonna.yaml:21: ")
    assert said in found


def test_a_comment_that_cuts_no_text_is_not_taken_for_what_is_wrong_with_a_list() -> None:
    [found] = mistakes(GOOD.replace("allergens: [gluten, milk]", "allergens: [  # as of [May]\n          gluten"))
    assert found == "nonna.yaml:18: the [ of line 16 is not closed before this, or a comma is missing"


def test_a_comment_with_two_spaces_before_it_or_behind_what_is_no_text_cuts_nothing() -> None:
    commented = GOOD.replace("name: Marinara", "name: Marinara  # the classic").replace("7.00", "7.00 # as ever")
    commented = commented.replace("Torino", "Torino   ## the door is at the back").replace("nonna\n", "nonna #1\n")
    assert load(commented, "nonna.yaml") == load(GOOD, "nonna.yaml")


@pytest.mark.parametrize("name", ["yes", "no", "on", "12:30", "007", "1e3", "7", "0x10", "2026-11-28", "True", ".5"])
def test_a_name_is_what_is_written_and_no_other_thing_that_yaml_knows(name: str) -> None:
    marinara = load(GOOD.replace("Marinara", name), "nonna.yaml").item("marinara")
    assert marinara is not None
    assert marinara.name == name


def test_the_two_halves_in_which_json_escapes_a_character_are_one() -> None:
    file = json.loads(json.dumps(DATA))
    file["menu"][0]["category"] = "🍕 Pizza"
    written = json.dumps(file, indent="\t").replace("Via Roma 1, Torino", r"Via Roma 1\/a")
    assert r"\ud83c\udf55 Pizza" in written
    nonna = load(written, "nonna.json")
    assert (nonna.menu[0].name, nonna.address) == ("🍕 Pizza", "Via Roma 1/a")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_bytes_of_a_file_are_read_by_the_mark_at_their_beginning(encoding: str) -> None:
    text = GOOD.replace("Margherita", "Tiramisù")
    assert load(decoded(text.encode(encoding), "nonna.yaml"), "nonna.yaml") == load(text, "nonna.yaml")


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("latin-1", "nonna.yaml:13: a character here is not UTF-8; save the file as UTF-8"),
        ("utf-16-be", "nonna.yaml:1: this is not plain text; save it as plain text in UTF-8"),
        ("utf-16-le", "nonna.yaml:1: the character U+0000 can't stand in a file; is it saved as UTF-8?"),
    ],
)
def test_bytes_that_are_no_utf8_are_refused_with_the_line(encoding: str, said: str) -> None:
    data = GOOD.replace("Margherita", "Tiramisu" if encoding == "utf-16-le" else "Tiramisù").encode(encoding)
    with pytest.raises(BadFile) as caught:
        load(decoded(data, "nonna.yaml"), "nonna.yaml")
    assert str(caught.value) == said


def test_bytes_beyond_what_a_file_may_have_are_refused_before_they_are_read_as_text() -> None:
    with pytest.raises(BadFile, match="the file is larger than"):
        decoded(b"\xff" * (BYTES_LIMIT + 1), "nonna.yaml")
    assert decoded("🍕".encode() * SIZE_LIMIT, "nonna.yaml")


def test_a_day_is_a_span_a_list_of_spans_or_closed() -> None:
    days = "{mon: closed, tue: 18:00-22:30, wed: '9:00 – 17:00', thu: Closed, fri: [11:30-14:30, 18:00 - 22:30]}"
    hours = load(re.sub("hours: .*", f"hours: {days}", GOOD), "nonna.yaml").hours
    assert hours == Hours(tue=("18:00-22:30",), wed=("09:00-17:00",), fri=("11:30-14:30", "18:00-22:30"))


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_day_may_have_several_spans_with_commas_between(quote: str) -> None:
    days = f"{{mon: {quote}11:30-14:30, 18:00–22:30{quote}, tue: [closed]}}"
    hours = load(re.sub("hours: .*", f"hours: {days}", GOOD), "nonna.yaml").hours
    assert hours == Hours(mon=("11:30-14:30", "18:00-22:30"))


@pytest.mark.parametrize("dash", "-\u2010\u2011\u2012–—\u2212～〜~－")
def test_any_dash_that_an_editor_makes_parts_two_numbers(dash: str) -> None:
    written = re.sub("hours: .*", f"hours: {{mon: 18：00{dash}02:00}}", GOOD).replace(
        "choose: 0-3", f"choose: 0{dash}1"
    )
    nonna = load(written, "nonna.yaml")
    assert nonna.hours == Hours(mon=("18:00-02:00",))
    assert [(group.least, group.most) for item in nonna.items() for group in item.options] == [(1, 1), (0, 1)]


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        ("closed", 'hours: expected keys with values, such as {mon: "18:00-22:30", tue: ['),
        ("11:00-22:00", "hours: expected keys with values, such as"),
        ("", "hours: has no value; write one such as {mon:"),
        ("{mon: 11:00-14:00; 18:00-22:00}", "hours.mon: '11:00-14:00; 18:00-22:00' is not a span such as"),
        (
            "{mon: all day}",
            "hours.mon: 'all day' is not a span such as \"18:00-22:30\", nor several with commas, nor closed",
        ),
        ("{mon: [18:00-22:00, closed]}", "hours.mon[1]: closed stands alone, and not beside spans"),
        ("{mon: 18:00-26:00}", 'nor closed; two at night is 02:00: "18:00-02:00"'),
        ("{mon: }", 'hours.mon: has no value; write one such as "18:00-22:30", or leave the key out'),
        ("{monday: closed}", "hours.monday: unknown key; did you mean mon?"),
        ("{Thurs: closed}", "hours.Thurs: unknown key; did you mean thu?"),
        ("{lun: closed}", "hours.lun: unknown key; expected each day by itself: mon, tue, wed, thu, fri, sat, sun"),
        ("{mon-fri: 18:00-22:00}", "hours.mon-fri: unknown key; expected each day by itself: mon, tue"),
    ],
)
def test_other_words_for_hours_are_answered_with_an_example(hours: str, said: str) -> None:
    assert said in mistakes(re.sub("hours: .*", f"hours: {hours}", GOOD))[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("[gluten, milk]", "gluten"), "allergens: expected a list such as [gluten, milk]"),
        (('"+39 011 000000"', "[39]"), 'phone: expected a text such as "+39 011 000000"'),
        (("name: Marinara", "name:"), "items[1].name: has no value; write one such as Margherita"),
        (("{name: Normal}", "Normal"), "from[0]: expected keys with values, such as [{name: Normal}, {name: Large"),
        (("{name: Normal}", "{name:Normal}"), "from[0].name:Normal: expected a space behind the colon"),
    ],
)
def test_what_has_another_shape_is_answered_with_an_example(change: tuple[str, str], said: str) -> None:
    assert said in "\n".join(mistakes(GOOD.replace(*change)))


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
