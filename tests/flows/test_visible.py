"""Texts of which nothing would be seen are known for what they are, and no others."""

from __future__ import annotations

import pytest

from flows import ordering, serving
from flows.visible import seen

NOTHING = {
    "no characters": "",
    "spaces": " \u00a0\u2003\u3000",
    "zero-width characters": "\u200b\u200c\u200d\u2060\ufeff",
    "directions": "\u200e\u200f\u202e\u2066\u2069\u061c",
    "soft hyphens": "\u00ad\u00ad",
    "fillers of Hangul": "\u115f\u1160\u3164\uffa0",
    "a Braille cell without dots": "\u2800",
    "accents without letters": "\u0301\u20dd",
    "variation selectors": "\ufe0f\U000e0101",
    "tags": "\U000e0041\U000e007f",
    "private use": "\ue000\uf8ff\U000f0000",
    "noncharacters": "\ufdd0\U0001ffff",
    "reserved formats": "\u2065\U000e0fff",
    "controls": "\x00\x07\x7f\x85",
    "halves of pairs": "\ud83c",
    "a stand-in for an object": "\ufffc",
}
SOMETHING = ["a", ".", "👍", "❤️", "🏴\U000e0067\U000e007f", "あ", "é", "e\u0301", "١", "ﷺ", "\U0001fae9"]


@pytest.mark.parametrize("name", NOTHING)
def test_a_text_that_shows_nothing_is_seen_as_empty(name: str) -> None:
    assert seen(NOTHING[name]) == ""


@pytest.mark.parametrize("text", SOMETHING)
def test_a_text_that_shows_something_is_seen_as_it_is(text: str) -> None:
    assert seen(text) == text


@pytest.mark.parametrize("name", NOTHING)
def test_people_whose_names_show_nothing_are_called_guest_and_staff(name: str) -> None:
    assert (ordering.name_of(NOTHING[name]), serving.name_of(NOTHING[name])) == ("Guest", "Staff")


def test_a_name_is_not_cut_down_to_what_shows_nothing() -> None:
    assert ordering.name_of("\u200b" * 100 + "Carla") == "Carla"
