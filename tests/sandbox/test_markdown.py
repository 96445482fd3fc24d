"""Telegram's two Markdowns: what becomes an entity, where it is, and what is refused in which words."""

from __future__ import annotations

import pytest
from aiogram.utils.text_decorations import markdown_decoration
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.errors import ApiError
from bot.sandbox.markdown import RESERVED, parse_markdown, parse_markdown_v2
from bot.sandbox.markup import parse_html

Found = list[tuple[str, int, int]]


def found(entities: list[dict[str, object]]) -> Found:
    return [(str(one["type"]), int(str(one["offset"])), int(str(one["length"]))) for one in entities]


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("*bold* _italic_", "bold italic", [("bold", 0, 4), ("italic", 5, 6)]),
        (
            "__under__ ~gone~ ||secret||",
            "under gone secret",
            [("underline", 0, 5), ("strikethrough", 6, 4), ("spoiler", 11, 6)],
        ),
        ("*bold _both_*", "bold both", [("bold", 0, 9), ("italic", 5, 4)]),
        ("___both_ under__", "both under", [("underline", 0, 10), ("italic", 0, 4)]),
        ("`a_b*c`", "a_b*c", [("code", 0, 5)]),
        (r"`a\`b\\`", "a`b\\", [("code", 0, 4)]),
        ("```\nplain\n```", "plain\n", [("pre", 0, 6)]),
        (r"2 \* 3 \= 6\!", "2 * 3 = 6!", []),
        ("\U0001f355 *pizza*", "\U0001f355 pizza", [("bold", 3, 5)]),
        (">one\n>two\nthree", "one\ntwo\nthree", [("blockquote", 0, 7)]),
        (">hidden\n>lines||", "hidden\nlines", [("expandable_blockquote", 0, 12)]),
        ("**", "", []),
        (r"[x](javascript:alert) [example\.org]", "x example.org", [("text_link", 2, 11)]),
    ],
)
def test_what_markdown_v2_makes_an_entity(source: str, text: str, entities: Found) -> None:
    plain, marked = parse_markdown_v2(source)
    assert (plain, found(marked)) == (text, entities)


def test_a_link_an_emoji_and_the_language_of_code_keep_what_they_name() -> None:
    source = "[pizza](https://example.org/a_\\)b) ![\U0001f355](tg://emoji?id=42) ```python\nprint()```"
    _, marked = parse_markdown_v2(source)
    assert [one.get("url") or one.get("custom_emoji_id") or one.get("language") for one in marked] == [
        "https://example.org/a_)b",
        "42",
        "python",
    ]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("*bold", "Can't find end of Bold entity at byte offset 0"),
        ("café _it", "Can't find end of Italic entity at byte offset 6"),
        ("costs 5.50", "Character '.' is reserved and must be escaped with the preceding '\\'"),
        ("a | b", "Character '|' is reserved and must be escaped with the preceding '\\'"),
        ("[a](http://b", "Can't find end of a URL at byte offset 4"),
        ("*a _b* c_", "Can't find end of Italic entity at byte offset 8"),
        ("![x](tg://emoji?id=0)", "Custom emoji entity must contain a tg://emoji URL"),
        ("![x](https://a.b)", "Custom emoji entity must contain a tg://emoji URL"),
    ],
)
def test_broken_markdown_v2_is_refused_in_telegrams_words(source: str, problem: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse_markdown_v2(source)
    assert caught.value.description == f"Bad Request: can't parse entities: {problem}"


@given(st.text())
def test_any_text_survives_when_all_reserved_characters_are_escaped(text: str) -> None:
    escaped = "".join(f"\\{char}" if char in RESERVED + "\\" else char for char in text)
    assert parse_markdown_v2(escaped) == (text.replace("\r", ""), [])


@given(st.text(alphabet="ab \n_*[]()~`>|!\\\U0001f355"))
def test_whatever_is_written_gives_a_refusal_or_entities_within_the_text(source: str) -> None:
    for parse in (parse_markdown_v2, parse_markdown):
        try:
            text, entities = parse(source)
        except ApiError:
            continue
        length = len(text.encode("utf-16-le")) // 2
        assert all(0 <= offset < offset + size <= length for _, offset, size in found(entities))


WORDS = st.text(alphabet="ab.!\U0001f355", min_size=1, max_size=5)


@given(
    st.lists(
        st.tuples(WORDS, st.sampled_from(["bold", "italic", "underline", "strikethrough", "spoiler", "code"])),
        min_size=1,
    )
)
def test_html_and_markdown_v2_of_the_same_text_agree(parts: list[tuple[str, str]]) -> None:
    tags = {"bold": "b", "italic": "i", "underline": "u", "strikethrough": "s", "spoiler": "tg-spoiler", "code": "code"}
    html = " ".join(f"<{tags[kind]}>{word}</{tags[kind]}>" for word, kind in parts)
    write = {kind: getattr(markdown_decoration, kind) for kind in tags}
    markdown = " ".join(write[kind](markdown_decoration.quote(word)) for word, kind in parts)
    assert parse_markdown_v2(markdown) == parse_html(html)


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("_Italic_ *Bold* `Code`", "Italic Bold Code", [("italic", 0, 6), ("bold", 7, 4), ("code", 12, 4)]),
        (r"snake\_case 5.50!", "snake_case 5.50!", []),
        ("[pizza](https://a.b)", "pizza", [("text_link", 0, 5)]),
        ("```python\nprint()```", "print()", [("pre", 0, 7)]),
        ("*a_b*", "a_b", [("bold", 0, 3)]),
    ],
)
def test_what_the_older_markdown_makes_an_entity(source: str, text: str, entities: Found) -> None:
    plain, marked = parse_markdown(source)
    assert (plain, found(marked)) == (text, entities)


@pytest.mark.parametrize("source", ["*bold", "a_b", "[a](b"])
def test_the_older_markdown_misses_an_end_in_telegrams_words(source: str) -> None:
    with pytest.raises(ApiError, match="Can't find end of the entity starting at byte offset"):
        parse_markdown(source)
