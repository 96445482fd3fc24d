"""The scene that the intake's tests play in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis import Redis

from bot.sandbox.server import Sandbox
from tests.bot.scenes import Scene
from tests.people import Telegram


@pytest.fixture
async def scene(redis: Redis) -> AsyncIterator[Scene]:
    """A sandbox of its own, a clean store, and a bot."""
    async with Sandbox().serve() as sandbox:
        telegram = Telegram(sandbox.url)
        yield Scene(sandbox, telegram, redis)
        await telegram.close()
