"""A local Telegram, a store, and a bot fed by the intake that does what the test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from redis import Redis

from bot.intake import Face, Intake
from bot.pictures import Picture
from bot.polling import Polling
from bot.sandbox.server import Sandbox
from flows import keys
from flows.store import Command
from tests.people import Person, Telegram

TOKEN = "7001:customer-token"
Update = dict[str, Any]


async def handled(face: Face, update: Update) -> None:
    """Have a bot handle an update and show what it leaves, as the intake does when nothing else is wanted."""
    picture = await face.handle(update)
    if picture is not None:
        await face.draw(update, picture)


class Bot:
    """A bot that remembers what it was given."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.sorry: list[int] = []
        self.told_to_wait: list[str] = []
        self.act: Callable[[str], Any] = lambda text: None
        self.drawn: list[str] = []
        self.show: Callable[[str], Any] = lambda text: None

    def reads(self, update: Update) -> list[Command]:
        return []

    async def handle(self, update: Update) -> Picture | None:
        """What the test's `act` leaves is to be shown in that place."""
        text = update["message"]["text"]
        self.seen.append(text)
        result = self.act(text)
        place = await result if asyncio.iscoroutine(result) else result
        if not isinstance(place, str):
            return None
        return Picture(update["message"]["chat"]["id"], place, partial(self._draw, text))

    async def _draw(self, text: str) -> None:
        self.drawn.append(text)
        result = self.show(text)
        if asyncio.iscoroutine(result):
            await result

    async def draw(self, update: Update, picture: Picture) -> None:
        await picture.draw()

    async def apologise(self, chat_id: int) -> None:
        self.sorry.append(chat_id)

    async def try_again(self, update: Update) -> None:
        self.told_to_wait.append(update["message"]["text"])

    async def run(self, api_url: str, redis: Redis, stop: asyncio.Event) -> None:
        """Have the intake poll for this bot."""
        intake = Intake(bot="customer", token=TOKEN, redis=redis, face=self)
        await intake.run(Polling("customer", TOKEN, api_url, ["message"]), stop)

    @asynccontextmanager
    async def listening(self, api_url: str, redis: Redis) -> AsyncIterator[None]:
        """The intake runs until the context is left, and is then asked to stop."""
        stop = asyncio.Event()
        task = asyncio.create_task(self.run(api_url, redis, stop))
        try:
            yield
        finally:
            stop.set()
            await task


class Scene:
    """The bot on the sandbox."""

    def __init__(self, sandbox: Sandbox, telegram: Telegram, redis: Redis) -> None:
        self.sandbox = sandbox
        self.telegram = telegram
        self.redis = redis
        self.bot = Bot()

    async def person(self, name: str) -> Person:
        return await self.telegram.person(name, bot=TOKEN)

    @asynccontextmanager
    async def listening(self, redis: Redis | None = None) -> AsyncIterator[None]:
        """The intake runs until the context is left, and is then asked to stop."""
        async with self.bot.listening(self.sandbox.url, redis or self.redis):
            yield

    def waiting(self) -> int:
        return int(self.redis.hlen(keys.inbox("customer")))
