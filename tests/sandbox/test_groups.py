"""People who come into a group and go, and what the bots there are told of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.people import Person, Telegram
from tests.sandbox.talk import BOT, TOKEN, heard, refused, refused_to_act


@pytest.fixture
async def kitchen(telegram: Telegram) -> list[Person]:
    """Anna, who made the group, and Bruno; the bot is an administrator there and asks for everything."""
    people = await telegram.group("Kitchen", "Anna", "Bruno")
    await telegram.act("add_bot", chat=people[0].place["chat"], bot=TOKEN, by=people[0].id)
    await telegram.act("promote", chat=people[0].place["chat"], user=BOT)
    await telegram.call(TOKEN, "getUpdates", allowed_updates=["message", "chat_member"], offset=-1)
    await heard(telegram)
    return people


def change(update: dict[str, Any]) -> tuple[str, str, str]:
    told = update["chat_member"]
    return told["from"]["first_name"], told["old_chat_member"]["status"], told["new_chat_member"]["status"]


async def test_who_joins_is_told_as_a_member_and_as_a_message(telegram: Telegram, kitchen: list[Person]) -> None:
    anna, _ = kitchen
    dora = await telegram.act("user", first_name="Dora")
    await telegram.act("join", chat=anna.place["chat"], user=dora["id"])
    member, message = await heard(telegram)
    assert change(member) == ("Dora", "left", "member")
    assert [user["first_name"] for user in message["message"]["new_chat_members"]] == ["Dora"]
    assert await telegram.call(TOKEN, "getChatMemberCount", chat_id=anna.place["chat"]) == 4
    assert "already" in await refused_to_act(telegram, "join", chat=anna.place["chat"], user=dora["id"])


async def test_who_leaves_has_left_and_who_is_put_out_was_kicked(telegram: Telegram, kitchen: list[Person]) -> None:
    anna, bruno = kitchen
    chat = anna.place["chat"]
    await telegram.act("leave", chat=chat, user=bruno.id)
    left, message = await heard(telegram)
    assert change(left) == ("Bruno", "member", "left")
    assert message["message"]["left_chat_member"]["first_name"] == "Bruno"
    await telegram.act("join", chat=chat, user=bruno.id, by=anna.id)
    await telegram.act("leave", chat=chat, user=bruno.id, by=anna.id)
    kicked = (await heard(telegram))[2]
    assert change(kicked) == ("Anna", "member", "kicked")
    member = await telegram.call(TOKEN, "getChatMember", chat_id=chat, user_id=bruno.id)
    assert member["status"] == "kicked"
    assert "not in that group" in await refused_to_act(telegram, "send", user=bruno.id, chat=chat, text="hello?")


async def test_whoever_made_the_group_is_its_administrator_until_gone(
    telegram: Telegram, kitchen: list[Person]
) -> None:
    anna, _ = kitchen
    chat = (await telegram.act("migrate", chat=anna.place["chat"]))["id"]
    [owner, _] = await telegram.call(TOKEN, "getChatAdministrators", chat_id=chat)
    assert (owner["status"], owner["user"]["first_name"], owner["is_anonymous"]) == ("creator", "Anna", False)
    await telegram.act("leave", chat=chat, user=anna.id)
    [bot] = await telegram.call(TOKEN, "getChatAdministrators", chat_id=chat)
    assert (bot["status"], bot["user"]["id"]) == ("administrator", BOT)


async def test_a_private_chat_has_two_in_it_and_no_administrators(telegram: Telegram, carla: Person) -> None:
    assert await telegram.call(TOKEN, "getChatMemberCount", chat_id=carla.id) == 2
    words = "there are no administrators in the private chat"
    assert await refused(telegram, "getChatAdministrators", chat_id=carla.id) == words
    assert await telegram.call(TOKEN, "getUserProfilePhotos", user_id=carla.id) == {"total_count": 0, "photos": []}


async def test_a_bot_that_is_no_administrator_hears_nothing_of_others_who_come(telegram: Telegram) -> None:
    [anna] = await telegram.group("Kitchen", "Anna")
    await telegram.act("add_bot", chat=anna.place["chat"], bot=TOKEN, by=anna.id)
    await telegram.call(TOKEN, "getUpdates", allowed_updates=["message", "chat_member"], offset=-1)
    await heard(telegram)
    dora = await telegram.act("user", first_name="Dora")
    await telegram.act("join", chat=anna.place["chat"], user=dora["id"])
    [update] = await heard(telegram)
    assert "new_chat_members" in update["message"]


async def test_who_was_put_out_comes_back_only_when_somebody_lets_them_in(
    telegram: Telegram, kitchen: list[Person]
) -> None:
    anna, bruno = kitchen
    chat = anna.place["chat"]
    await telegram.act("leave", chat=chat, user=bruno.id, by=anna.id)
    assert "put out" in await refused_to_act(telegram, "join", chat=chat, user=bruno.id)
    await telegram.act("join", chat=chat, user=bruno.id, by=anna.id)
    assert (await telegram.call(TOKEN, "getChatMember", chat_id=chat, user_id=bruno.id))["status"] == "member"
