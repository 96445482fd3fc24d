"""A sandbox with a bot and a person who has begun to write to it. Some tests bring a sandbox of their own."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.sandbox.keeping import packed, unpack
from bot.sandbox.server import Sandbox
from bot.sandbox.state import World
from tests.people import Person, Telegram
from tests.sandbox.talk import TOKEN, Clock, heard


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """A test that takes the `clock` moves its time."""
    now = request.getfixturevalue("clock") if "clock" in request.fixturenames else time.time
    async with Sandbox(now).serve() as serving:
        yield serving
    # Whatever a test has done to its world, a sandbox that starts again can have it.
    unpack(packed(serving.world), World())


@pytest.fixture
async def telegram(sandbox: Sandbox) -> AsyncIterator[Telegram]:
    control = Telegram(sandbox.url)
    await control.act("bot", token=TOKEN, username="pizza_bot", name="Pizza")
    yield control
    await control.close()


@pytest.fixture
async def carla(telegram: Telegram) -> Person:
    person = await telegram.person("Carla", bot=TOKEN)
    await person.send("/start")
    return person


@pytest.fixture
async def me(telegram: Telegram, carla: Person) -> dict[str, Any]:
    """Carla in her chat with the bot, which has heard all that she has said."""
    await heard(telegram)
    return {"user": carla.id, "bot": TOKEN}
