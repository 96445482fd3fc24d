"""HTML as Telegram reads it: entities in UTF-16 units, and its own words for what it can't read."""

from __future__ import annotations

import pytest

from bot.sandbox.errors import ApiError
from bot.sandbox.markup import parse_html


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
        ('<a href="javascript:alert(1)">x</a>', "x", []),
        (
            "<a>Pizza.example</a>",
            "Pizza.example",
            [{"type": "text_link", "url": "http://pizza.example/", "offset": 0, "length": 13}],
        ),
        (
            '<a href="tg://user?id=7">x</a>',
            "x",
            [{"type": "text_mention", "user": {"id": 7}, "offset": 0, "length": 1}],
        ),
        (
            '<tg-emoji emoji-id="5368324170671202286">🍕</tg-emoji>',
            "🍕",
            [{"type": "custom_emoji", "custom_emoji_id": "5368324170671202286", "offset": 0, "length": 2}],
        ),
        (
            '<tg-time unix="1647531900" format="wDT">then</tg-time>',
            "then",
            [{"type": "date_time", "unix_time": 1647531900, "date_time_format": "wDT", "offset": 0, "length": 4}],
        ),
        ('<tg-time unix="soon">then</tg-time>', "then", []),
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
