"""Replies: to what, with which quote, and what was said before `reply_parameters` were."""

from __future__ import annotations

from typing import Any

import pytest

from tests.people import Person, Telegram
from tests.sandbox.talk import TOKEN, refused


async def sent(telegram: Telegram, carla: Person, text: str = "x", **params: Any) -> dict[str, Any]:
    message: dict[str, Any] = await telegram.call(TOKEN, "sendMessage", chat_id=carla.id, text=text, **params)
    return message


class TestQuotes:
    async def test_a_quote_is_found_nearest_to_its_place_with_its_entities(
        self, telegram: Telegram, carla: Person
    ) -> None:
        first = await sent(telegram, carla, "🍕 <b>pizza</b>, no pizza, <b>pizza</b>", parse_mode="HTML")
        reply = {"message_id": first["message_id"], "quote": "<b>pizza</b>", "quote_parse_mode": "HTML"}
        answer = await sent(telegram, carla, reply_parameters=reply | {"quote_position": 15})
        bold = [{"type": "bold", "offset": 0, "length": 5}]
        assert answer["quote"] == {"text": "pizza", "position": 20, "is_manual": True, "entities": bold}
        assert answer["reply_to_message"]["message_id"] == first["message_id"]
        plain = await sent(telegram, carla, reply_parameters=reply | {"quote": "pizza,", "quote_position": 99})
        assert plain["quote"]["position"] == 13

    @pytest.mark.parametrize(
        "wrong",
        [{"quote": "pasta"}, {"quote": "izza", "quote_entities": [{"type": "italic", "offset": 0, "length": 1}]}],
    )
    async def test_what_the_message_does_not_say_is_no_quote(
        self, telegram: Telegram, carla: Person, wrong: dict[str, Any]
    ) -> None:
        first = await sent(telegram, carla, "pizza")
        reply = {"message_id": first["message_id"]} | wrong
        said = await refused(telegram, "sendMessage", chat_id=carla.id, text="x", reply_parameters=reply)
        assert said == "QUOTE_TEXT_INVALID"

    async def test_a_caption_can_be_quoted(self, telegram: Telegram, carla: Person) -> None:
        photo = {"chat_id": carla.id, "photo": "https://a.example/p.png", "caption": "Look here"}
        first = await telegram.call(TOKEN, "sendPhoto", **photo)
        reply = {"message_id": first["message_id"], "quote": "here"}
        assert (await sent(telegram, carla, reply_parameters=reply))["quote"]["position"] == 5


class TestOldParameters:
    async def test_reply_to_message_id_is_a_reply(self, telegram: Telegram, carla: Person) -> None:
        first = await sent(telegram, carla, "first")
        answer = await sent(telegram, carla, reply_to_message_id=first["message_id"])
        assert answer["reply_to_message"]["text"] == "first"

    async def test_a_message_that_is_gone_is_left_out_only_when_allowed(
        self, telegram: Telegram, carla: Person
    ) -> None:
        gone = {"chat_id": carla.id, "text": "x", "reply_to_message_id": 9}
        assert await refused(telegram, "sendMessage", **gone) == "message to be replied not found"
        answer = await telegram.call(TOKEN, "sendMessage", **gone, allow_sending_without_reply=True)
        assert "reply_to_message" not in answer
