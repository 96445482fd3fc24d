"""A sandbox with a bot and a person who has begun to write to it. Some tests bring a sandbox with a clock of theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.sandbox.keeping import packed, unpack
from bot.sandbox.server import Sandbox
from bot.sandbox.state import World
from tests.people import Person, Telegram
from tests.sandbox.talk import TOKEN, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox().serve() as serving:
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
