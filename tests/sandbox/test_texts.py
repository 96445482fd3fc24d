"""What becomes of a text on its way into a message: cleaned, marked, and its marks in Telegram's one form."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.cleaning import cleaned
from bot.sandbox.entities import CLOSED, QUOTES, STYLES, Entity, cut, end_of, merged, normal, overlap, units
from bot.sandbox.errors import ApiError
from bot.sandbox.finding import find_entities
from bot.sandbox.markup import parse_html


def mark(kind: str, offset: int, length: int, **more: Any) -> Entity:
    return {"type": kind, "offset": offset, "length": length, **more}


def marks(entities: list[Entity]) -> list[tuple[str, int, int]]:
    return [(one["type"], one["offset"], one["length"]) for one in entities]


def found(text: str) -> list[tuple[str, str]]:
    return [(one["type"], cut(text, one)) for one in find_entities(text)]


AFTER = "entity beginning at UTF-16 offset 0 ends after the end of the text at UTF-16 offset 7"


class TestLength:
    def test_a_text_is_as_long_as_its_utf_16(self) -> None:
        assert [units(text) for text in ("", "é", "🍕", "👩‍🍳")] == [0, 1, 2, 5]


class TestCleaning:
    @pytest.mark.parametrize(
        ("text", "clean"),
        [
            (" \n pizza \n", "pizza"),
            ("two\r\nlines", "two\nlines"),
            ("tab\there\0", "tab here"),
            ("line\u2028separators\u202e go", "lineseparators go"),
            ("a  b", "a  b"),
            ("\u00a0pizza\u00a0", "\u00a0pizza\u00a0"),
            (" \u200b\u3000\ufeff\n", ""),
            ("\U000e0001", ""),
            ("", ""),
        ],
    )
    def test_space_around_a_text_and_control_characters_go(self, text: str, clean: str) -> None:
        assert cleaned(text, []) == (clean, [])

    def test_the_entities_move_with_what_they_mark(self) -> None:
        text, entities = cleaned(" \r\n🍕\r pizza  ", [mark("bold", 3, 2), mark("italic", 7, 7)])
        assert [(one["type"], cut(text, one)) for one in entities] == [("bold", "🍕"), ("italic", "pizza")]
        assert text == "🍕 pizza"

    def test_space_at_the_begin_stays_where_it_is_marked(self) -> None:
        assert cleaned("  code", [mark("code", 1, 5)]) == (" code", [mark("code", 0, 5)])

    @pytest.mark.parametrize(
        ("entity", "words"),
        [
            (mark("bold", 9, 1), "entity begins after the end of the text at UTF-16 offset 9"),
            (
                mark("bold", 0, 9),
                "entity beginning at UTF-16 offset 0 ends after the end of the text at UTF-16 offset 9",
            ),
            (mark("bold", 2, 2), "entity begins in a middle of a UTF-16 symbol"),
            (mark("bold", 0, 2), "entity beginning at UTF-16 offset 0 ends in a middle of a UTF-16 symbol"),
        ],
    )
    def test_an_entity_that_is_not_of_the_text_is_refused(self, entity: Entity, words: str) -> None:
        with pytest.raises(ApiError) as caught:
            cleaned("x🍕yz", [entity])
        assert caught.value.description == f"Bad Request: {words}"


class TestFinding:
    @pytest.mark.parametrize(
        ("text", "entities"),
        [
            ("see https://a.example/x, or", [("url", "https://a.example/x")]),
            ("pizza.com. Good!", [("url", "pizza.com")]),
            ("(see example.org/a_(b))", [("url", "example.org/a_(b)")]),
            ("http://10.0.0.1:8080/x?y=1#z!", [("url", "http://10.0.0.1:8080/x?y=1#z")]),
            ("👉http://a.example:99999/x", [("url", "http://a.example")]),
            ("http://пример.рф/путь", [("url", "http://пример.рф/путь")]),
            ("tg://resolve?domain=pizza.", [("url", "tg://resolve?domain=pizza")]),
            ("the end.But no link, e.g. 5.50 or main.py3", []),
            ("http://localhost/x foo://a.com 999.1.1.1", []),
            ("mail anna.b+c@pizza.co.uk, please", [("email", "anna.b+c@pizza.co.uk")]),
            ("mailto:anna@pizza.it", [("email", "anna@pizza.it")]),
            ("call +39 011 123-4567 now", [("phone_number", "+39 011 123-4567")]),
            ("2 + 2, and +12", []),
            ("#pizza_1 #1 a#b c#", [("hashtag", "#pizza_1")]),
            ("$EUR or $eur", [("cashtag", "$EUR")]),
            ("(@anna) anna@bella @ann", [("mention", "@anna")]),
            ("/start@pizza_bot (/help) a/b /x/y", [("bot_command", "/start@pizza_bot"), ("bot_command", "/help")]),
        ],
    )
    def test_what_telegram_marks_by_itself(self, text: str, entities: list[tuple[str, str]]) -> None:
        assert found(text) == entities

    def test_offsets_are_in_utf_16_units(self) -> None:
        assert marks(find_entities("🍕 /start")) == [("bot_command", 3, 6)]

    def test_what_is_code_or_a_link_already_is_left_alone(self) -> None:
        source = "<b>/help</b> or <code>/secret</code> or <a href='https://a.it'>b.it</a>"
        text, entities = parse_html(source)
        kinds = [one["type"] for one in merged(entities, find_entities(text))]
        assert kinds == ["bot_command", "bold", "code", "text_link"]

    @given(st.text(alphabet="ab.@/:#$+-1( )A🍕?_\n\xa0"))
    def test_no_two_overlap_and_all_lie_within_the_text(self, text: str) -> None:
        entities = find_entities(text)
        assert all(end_of(one) <= other["offset"] for one, other in pairwise(entities))
        assert all(0 <= one["offset"] < end_of(one) <= units(text) for one in entities)


SPANS = st.lists(
    st.builds(
        mark,
        st.sampled_from((*STYLES, *QUOTES, *CLOSED, "text_link", "custom_emoji", "mention")),
        st.integers(0, 9),
        st.integers(1, 9),
    ),
    max_size=6,
)


class TestNormalForm:
    def test_the_later_of_two_styles_is_within_the_formers_last_part(self) -> None:
        crossing = [mark("bold", 0, 5), mark("italic", 3, 5)]
        assert marks(normal(crossing)) == [("bold", 0, 3), ("italic", 3, 5), ("bold", 3, 2)]

    def test_styles_that_touch_become_one(self) -> None:
        assert marks(normal([mark("bold", 0, 3), mark("bold", 3, 2)])) == [("bold", 0, 5)]

    def test_nothing_within_code_is_styled(self) -> None:
        assert marks(normal([mark("bold", 0, 9), mark("code", 3, 3)])) == [
            ("bold", 0, 3),
            ("code", 3, 3),
            ("bold", 6, 3),
        ]

    def test_what_crosses_a_quote_goes(self) -> None:
        crossing = [mark("blockquote", 0, 5), mark("code", 3, 5), mark("text_link", 1, 2)]
        assert marks(normal(crossing)) == [("blockquote", 0, 5), ("text_link", 1, 2)]

    @given(SPANS)
    def test_it_stays_as_it_is(self, entities: list[Entity]) -> None:
        assert normal(normal(entities)) == normal(entities)

    @given(SPANS)
    def test_every_two_lie_apart_or_one_within_the_other(self, entities: list[Entity]) -> None:
        ordered = normal(entities)
        for number, outer in enumerate(ordered):
            for inner in ordered[number + 1 :]:
                assert not overlap(outer, inner) or end_of(inner) <= end_of(outer)
