"""What the libraries write as HTML, the sandbox reads as the same text and entities."""

from __future__ import annotations

from typing import Any

import pytest
import telegram as ptb
from aiogram.types import MessageEntity as AiogramEntity
from aiogram.utils.text_decorations import html_decoration
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.cleaning import cleaned
from bot.sandbox.entities import CLOSED, KINDS, Entity, normal, units
from bot.sandbox.errors import ApiError
from bot.sandbox.markup import parse_html

MORE: dict[str, dict[str, Any]] = {
    "text_link": {"url": "https://pizza.example/?a=1&b=2"},  # neither library escapes quotes there
    "custom_emoji": {"custom_emoji_id": "5368324170671202286"},
    "text_mention": {"user": {"id": 7}},
}
WRITTEN = [kind for kind in KINDS if kind != "date_time"]


@st.composite
def marked(draw: st.DrawFn) -> tuple[str, list[Entity]]:
    """A clean text with entities in Telegram's form."""
    text, _ = cleaned(draw(st.text(alphabet="ab <>&\"'\n🍕è;", min_size=1, max_size=12)), [])
    edges = [units(text[:at]) for at in range(len(text) + 1)]
    entities = []
    for kind in draw(st.lists(st.sampled_from(WRITTEN), max_size=5)) if text else ():
        begin, end = sorted(draw(st.lists(st.sampled_from(edges), min_size=2, max_size=2)))
        if begin < end:
            entities.append({"type": kind, "offset": begin, "length": end - begin} | MORE.get(kind, {}))
    return text, normal(entities)


def given_back(source: str) -> tuple[str, list[Entity]]:
    text, entities = parse_html(source)
    return text, normal(entities)


@given(marked())
def test_python_telegram_bots_html_is_read_as_it_was_meant(message: tuple[str, list[Entity]]) -> None:
    text, entities = message
    user = {"id": 7, "is_bot": False, "first_name": "Anna"}
    whole = [one | ({"user": user} if one["type"] == "text_mention" else {}) for one in entities]
    chat = {"id": 1, "type": "private"}
    about = {"message_id": 1, "date": 0, "chat": chat, "text": text, "entities": whole}
    read = ptb.Message.de_json(about, None)
    assert given_back(read.text_html) == (text, entities)


@given(marked())
def test_aiograms_html_is_read_as_it_was_meant(message: tuple[str, list[Entity]]) -> None:
    text, entities = message
    user = {"id": 7, "is_bot": False, "first_name": "Anna"}
    whole = [one | ({"user": user} if one["type"] == "text_mention" else {}) for one in entities]
    source = html_decoration.unparse(text, [AiogramEntity.model_validate(one) for one in whole])
    assert given_back(source) == (text, entities)


@given(st.text(alphabet="<>/&;=\"' abiu-🍕#1xprecodtglq"))
def test_whatever_is_written_gives_a_refusal_or_entities_within_the_text(source: str) -> None:
    try:
        text, entities = parse_html(source)
    except ApiError:
        return
    assert all(0 <= one["offset"] < one["offset"] + one["length"] <= units(text) for one in entities)


@pytest.mark.parametrize("kind", CLOSED)
def test_code_is_never_styled(kind: str) -> None:
    bold, code = ({"type": one, "offset": 0, "length": 3} for one in ("bold", kind))
    assert normal([bold, code]) == [code]
