"""HTML as Telegram reads it: entities in UTF-16 units, and its own words for what it can't read."""

from __future__ import annotations

import pytest

from bot.sandbox.errors import ApiError
from bot.sandbox.markup import parse_html, typed_entities, units, with_found, within


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("plain", "plain", []),
        ("a &lt; b &amp;&amp; c &#33;", "a < b && c !", []),
        ("&nbsp; stays", "&nbsp; stays", []),
        ("<b>x</b>", "x", [{"type": "bold", "offset": 0, "length": 1}]),
        ("👩‍🍳<B>🍕</B>", "👩‍🍳🍕", [{"type": "bold", "offset": 5, "length": 2}]),
        ("<b></b>", "", []),
        ("<i>x</>", "x", [{"type": "italic", "offset": 0, "length": 1}]),
        ('<span class="tg-spoiler">x</span>', "x", [{"type": "spoiler", "offset": 0, "length": 1}]),
        ("<blockquote expandable>x</blockquote>", "x", [{"type": "expandable_blockquote", "offset": 0, "length": 1}]),
        (
            '<a href="https://a.example/?x=1&amp;y=>">x</a>',
            "x",
            [{"type": "text_link", "url": "https://a.example/?x=1&y=>", "offset": 0, "length": 1}],
        ),
        ("<a>x</a>", "x", []),
        (
            '<pre><code class="language-python">x</code></pre>',
            "x",
            [{"type": "pre", "language": "python", "offset": 0, "length": 1}],
        ),
        ('<code class="language-python">x</code>', "x", [{"type": "code", "offset": 0, "length": 1}]),
    ],
)
def test_html_is_text_and_entities(source: str, text: str, entities: list[dict[str, object]]) -> None:
    assert parse_html(source) == (text, entities)


def test_entities_come_in_the_order_of_the_text_the_outer_one_first() -> None:
    _, entities = parse_html("<i>a</i><b><u>b</u>c</b>")
    assert [entity["type"] for entity in entities] == ["italic", "bold", "underline"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("🍕<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("🍕</b>", "Unexpected end tag at byte offset 4"),
        ("<b>x</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("a<br/>", 'Unsupported start tag "br/" at byte offset 1'),
        ("1 < 2 > 1", 'Unsupported start tag "" at byte offset 2'),
        ("I <3 you", "Unclosed start tag at byte offset 2"),
        ('<a href="x>y</a>', "Unclosed start tag at byte offset 0"),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
def test_html_that_cannot_be_read_is_refused_in_telegrams_words(source: str, words: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse_html(source)
    assert caught.value.description == f"Bad Request: can't parse entities: {words}"


def test_a_text_is_as_long_as_its_utf_16() -> None:
    assert [units(text) for text in ("", "é", "🍕", "👩‍🍳")] == [0, 1, 2, 5]


def test_what_a_person_types_is_marked_as_clients_do() -> None:
    found = typed_entities("🍕 /start@pizza_bot see https://a.example or @anna, not a/b")
    assert [(entity["type"], entity["offset"], entity["length"]) for entity in found] == [
        ("bot_command", 3, 16),
        ("url", 24, 17),
        ("mention", 45, 5),
    ]


def test_commands_in_code_are_not_marked() -> None:
    text, entities = parse_html("<b>/help</b> or <code>/secret</code>")
    assert [entity["type"] for entity in with_found(text, entities)] == ["bold", "bot_command", "code"]


def test_given_entities_are_cut_to_the_text_and_those_beyond_it_left_out() -> None:
    given = [
        {"type": "bold", "offset": 0, "length": 99},
        {"type": "italic", "offset": 9, "length": 2},
        {"type": "code", "offset": 3, "length": 2},
    ]
    assert within("hi \U0001f355", given) == [
        {"type": "bold", "offset": 0, "length": 5},
        {"type": "code", "offset": 3, "length": 2},
    ]
