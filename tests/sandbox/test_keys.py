"""Keys of a reply keyboard that people press, and what each of them sends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.people import Telegram
from tests.sandbox.talk import TOKEN, heard, heard_by_both, refused_to_act


async def show(telegram: Telegram, chat: int, **key: Any) -> int:
    """Give the chat a keyboard of one key."""
    keyboard = {"keyboard": [[{"text": "Go", **key}]]}
    sent = await telegram.call(TOKEN, "sendMessage", chat_id=chat, text="Well?", reply_markup=keyboard)
    return int(sent["message_id"])


async def test_a_plain_key_sends_its_text(telegram: Telegram, me: dict[str, Any]) -> None:
    await show(telegram, me["user"])
    await telegram.act("press_key", **me, key="Go")
    assert (await heard_by_both(telegram))["text"] == "Go"


async def test_a_key_that_is_not_there_any_more_is_refused(telegram: Telegram, me: dict[str, Any]) -> None:
    await show(telegram, me["user"])
    assert "no key 'Stop'" in await refused_to_act(telegram, "press_key", **me, key="Stop")
    gone = {"remove_keyboard": True}
    await telegram.call(TOKEN, "sendMessage", chat_id=me["user"], text="Thanks", reply_markup=gone)
    assert "no key 'Go'" in await refused_to_act(telegram, "press_key", **me, key="Go")


async def test_in_a_group_it_answers_the_message_so_that_the_bot_hears_of_it(telegram: Telegram) -> None:
    anna, _ = await telegram.group("Kitchen", "Anna", "Bruno")
    chat = anna.place["chat"]
    await telegram.act("add_bot", chat=chat, bot=TOKEN, by=anna.id)
    number = await show(telegram, chat)
    await heard(telegram)
    await telegram.act("press_key", user=anna.id, **anna.place, key="Go")
    message = await heard_by_both(telegram)
    assert (message["text"], message["reply_to_message"]["message_id"]) == ("Go", number)


async def test_a_place_and_a_number_are_shared_in_place_of_the_text(telegram: Telegram, me: dict[str, Any]) -> None:
    await show(telegram, me["user"], request_location=True)
    await telegram.act("press_key", **me, key="Go", latitude=45.1, longitude=7.7)
    message = await heard_by_both(telegram)
    assert message["location"] == {"latitude": 45.1, "longitude": 7.7}
    assert "text" not in message
    await show(telegram, me["user"], request_contact=True)
    await telegram.act("press_key", **me, key="Go", phone_number="+390119999")
    contact = (await heard_by_both(telegram))["contact"]
    assert contact == {"phone_number": "+390119999", "first_name": "Carla", "user_id": me["user"]}


class TestPeople:
    async def test_are_shared_with_no_more_than_the_key_asks_for(self, telegram: Telegram, me: dict[str, Any]) -> None:
        dino = await telegram.act("user", first_name="Dino", last_name="Rossi", username="dino")
        await show(telegram, me["user"], request_users={"request_id": 7, "max_quantity": 2})
        await telegram.act("press_key", **me, key="Go", shared_users=[dino["id"], me["user"]])
        shared = (await heard_by_both(telegram))["users_shared"]
        assert (shared["request_id"], shared["user_ids"]) == (7, [dino["id"], me["user"]])
        assert shared["users"][0] == {"user_id": dino["id"]}
        await show(
            telegram, me["user"], request_users={"request_id": 8, "request_name": True, "request_username": True}
        )
        await telegram.act("press_key", **me, key="Go", shared_users=[dino["id"]])
        [user] = (await heard_by_both(telegram))["users_shared"]["users"]
        assert user == {"user_id": dino["id"], "first_name": "Dino", "last_name": "Rossi", "username": "dino"}

    @pytest.mark.parametrize("chosen", [[], [1], [1, 2], [7001]], ids=str)
    async def test_whom_a_client_would_not_offer_are_refused(
        self, telegram: Telegram, me: dict[str, Any], chosen: list[int]
    ) -> None:
        await show(telegram, me["user"], request_users={"request_id": 7, "user_is_bot": False})
        assert await refused_to_act(telegram, "press_key", **me, key="Go", shared_users=chosen)
        assert await heard(telegram) == []


class TestChats:
    async def test_one_is_shared_by_its_number(self, telegram: Telegram, me: dict[str, Any]) -> None:
        chat = await telegram.act("group", title="Family", members=[me["user"]])
        await show(
            telegram, me["user"], request_chat={"request_id": 9, "chat_is_channel": False, "request_title": True}
        )
        await telegram.act("press_key", **me, key="Go", shared_chat=chat["id"])
        shared = (await heard_by_both(telegram))["chat_shared"]
        assert shared == {"request_id": 9, "chat_id": chat["id"], "title": "Family"}

    @pytest.mark.parametrize("asked", [{"chat_is_channel": True}, {"chat_is_created": True}, {"chat_is_forum": True}])
    async def test_one_that_a_client_would_not_offer_is_refused(
        self, telegram: Telegram, me: dict[str, Any], asked: dict[str, bool]
    ) -> None:
        dino = await telegram.act("user", first_name="Dino")
        chat = await telegram.act("group", title="Family", members=[dino["id"], me["user"]])
        await show(telegram, me["user"], request_chat={"request_id": 9, "chat_is_channel": False} | asked)
        words = await refused_to_act(telegram, "press_key", **me, key="Go", shared_chat=chat["id"])
        assert "no chat that the key asks for" in words


async def test_a_poll_is_refused_honestly(telegram: Telegram, me: dict[str, Any]) -> None:
    await show(telegram, me["user"], request_poll={})
    assert await refused_to_act(telegram, "press_key", **me, key="Go") == "the sandbox has no polls"
