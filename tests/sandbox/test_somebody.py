"""Who is there when a bot comes to a sandbox where nobody has made anybody up, and how the page learns of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.sandbox.server import SOMEBODY, Sandbox
from tests.people import Telegram
from tests.sandbox.talk import TOKEN, refused_to_act

OTHER = "7002:another-token"


@pytest.fixture
async def alone() -> AsyncIterator[Telegram]:
    async with Sandbox(somebody=True).serve() as sandbox:
        control = Telegram(sandbox.url)
        yield control
        await control.close()


async def chats(telegram: Telegram) -> list[tuple[str, list[str], bool]]:
    found: list[dict[str, Any]] = await telegram.look("chats")
    names = [[member["first_name"] for member in room["members"]] for room in found]
    return [(room["bots"][0]["first_name"], who, room["started"]) for room, who in zip(found, names, strict=True)]


async def test_the_first_bot_finds_a_person_who_has_not_begun_to_write(alone: Telegram) -> None:
    await alone.call(TOKEN, "getMe")
    await alone.call(OTHER, "getMe")
    assert await chats(alone) == [("Bot 7001", [SOMEBODY], False)]
    assert [bot["id"] for bot in await alone.look("bots")] == [7001, 7002]
    assert [change["bot"] for change in await alone.look("changes") if change["kind"] == "bot"] == [7001, 7002]


async def test_nobody_is_made_up_beside_people_who_are_there(alone: Telegram) -> None:
    await alone.act("user", first_name="Anna")
    await alone.call(TOKEN, "getMe")
    assert await chats(alone) == []


async def test_nobody_is_made_up_unless_it_is_wanted(telegram: Telegram) -> None:
    await telegram.call(TOKEN, "getMe")
    assert await chats(telegram) == []


async def test_a_bot_never_takes_the_place_of_a_person(telegram: Telegram) -> None:
    """The ids that people get are beyond those of bots; one that was chosen stays the person's."""
    anna = await telegram.act("user", first_name="Anna")
    assert anna["id"] > 10**12
    await telegram.act("user", id=4242, first_name="Ben")
    answer = await telegram._http.post("/bot4242:any-token/getMe")
    assert answer.status_code == 401
    assert "person" in await refused_to_act(telegram, "bot", token="4242:any-token")
