"""What a chat shows of itself, as bots change it: its title, description and picture."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance import samples
from tests.people import Person, Telegram
from tests.sandbox.talk import BOT, TOKEN, heard, refused

PICTURE = ("a.png", samples.picture(640, 640))


@pytest.fixture(params=["group", "supergroup", "channel"])
async def chat(request: pytest.FixtureRequest, telegram: Telegram) -> int:
    """A chat of each kind, in which the bot is an administrator."""
    anna = await telegram.act("user", first_name="Anna")
    kind = "channel" if request.param == "channel" else "group"
    made = await telegram.act(kind, title="Kitchen", members=[anna["id"]], bots=[TOKEN])
    if request.param == "supergroup":
        made = await telegram.act("migrate", chat=made["id"])
    await telegram.act("promote", chat=made["id"], user=BOT)
    await heard(telegram)
    return int(made["id"])


def told(update: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = update.get("channel_post") or update["message"]
    return message


async def test_a_new_title_is_said_in_the_chat(telegram: Telegram, chat: int) -> None:
    assert await telegram.call(TOKEN, "setChatTitle", chat_id=chat, title="Bakery")
    [update] = await heard(telegram)
    assert told(update)["new_chat_title"] == "Bakery"
    assert (await telegram.call(TOKEN, "getChat", chat_id=chat))["title"] == "Bakery"
    assert await telegram.call(TOKEN, "setChatTitle", chat_id=chat, title="Bakery")
    assert await heard(telegram) == []


async def test_a_picture_is_shown_until_it_is_taken_away(telegram: Telegram, chat: int) -> None:
    await telegram._http.post(f"/bot{TOKEN}/setChatPhoto", data={"chat_id": chat}, files={"photo": PICTURE})
    photo = (await telegram.call(TOKEN, "getChat", chat_id=chat))["photo"]
    path = (await telegram.call(TOKEN, "getFile", file_id=photo["big_file_id"]))["file_path"]
    assert (await telegram._http.get(f"/file/bot{TOKEN}/{path}")).content == PICTURE[1]
    await telegram.call(TOKEN, "deleteChatPhoto", chat_id=chat)
    assert "photo" not in await telegram.call(TOKEN, "getChat", chat_id=chat)
    new, gone = await heard(telegram)
    assert len(told(new)["new_chat_photo"]) == 2
    assert told(gone)["delete_chat_photo"] is True


async def test_a_description_is_told_to_those_who_ask(telegram: Telegram, chat: int) -> None:
    await telegram.call(TOKEN, "setChatDescription", chat_id=chat, description="Orders of today")
    assert (await telegram.call(TOKEN, "getChat", chat_id=chat))["description"] == "Orders of today"
    said = await refused(telegram, "setChatDescription", chat_id=chat, description="Orders of today")
    assert said == "chat description is not modified"


@pytest.mark.parametrize(
    ("method", "params", "words"),
    [
        ("setChatTitle", {"title": "x"}, "not enough rights to change chat title"),
        ("setChatDescription", {"description": "x"}, "not enough rights to set chat description"),
        ("deleteChatPhoto", {}, "not enough rights to change chat photo"),
    ],
)
async def test_a_bot_without_the_right_changes_nothing(
    telegram: Telegram, chat: int, method: str, params: dict[str, Any], words: str
) -> None:
    await telegram.act("promote", chat=chat, user=BOT, rights=["can_invite_users"])
    assert await refused(telegram, method, chat_id=chat, **params) == words


@pytest.mark.parametrize(
    ("method", "params", "words"),
    [
        ("setChatTitle", {"title": " "}, "title must be non-empty"),
        ("setChatPhoto", {}, "there is no photo in the request"),
        ("setChatPhoto", {"photo": "file1"}, "photo must be uploaded as an InputFile"),
        ("deleteChatPhoto", {}, "CHAT_NOT_MODIFIED"),
    ],
)
async def test_what_a_chat_cannot_show_is_refused(
    telegram: Telegram, chat: int, method: str, params: dict[str, Any], words: str
) -> None:
    assert await refused(telegram, method, chat_id=chat, **params) == words


async def test_a_private_chat_has_the_persons_name(telegram: Telegram, carla: Person) -> None:
    assert await refused(telegram, "setChatTitle", chat_id=carla.id, title="x") == "can't change private chat title"
