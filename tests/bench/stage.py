"""The whole of Comanda as its own programs on a local Telegram, and everything that goes over its wire."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis

from flows import keys
from flows.ledger import Ledger
from tests.bench.pipeline.place import TOKENS, Place
from tests.bench.processes import running
from tests.bench.stores import store
from tests.people import Person, Telegram
from tests.waiting import until

CUSTOMER, RESTAURANT = TOKENS
STARTED_WITHIN = 120.0  # seconds; on a busy machine one import alone takes many
Entry = dict[str, Any]


@dataclass
class Stage:
    """A store and a sandbox in processes of their own, and the programs that were started on them."""

    redis: Redis
    telegram: Telegram
    place: Place
    folder: Path
    stack: ExitStack

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.redis)

    def start(self, *module: str, **environment: str) -> None:
        """Run a program until the stage is left."""
        log = self.folder / f"{module[-1]}.log"
        command = [sys.executable, "-m", *module]
        self.stack.enter_context(running(command, {**self.place.environment(), **environment}, log))

    async def bots(self, *, opened: bool) -> None:
        """Start both bots, with the limits `opened` wide or as they are, and wait until they ask for updates."""
        for module in ("bot.customer", "bot.restaurant"):
            self.start(*(["tests.bench.opened"] if opened else []), module)
        await until(
            lambda: self.redis.exists(keys.listening("customer"), keys.listening("restaurant")) == 2, STARTED_WITHIN
        )

    async def workers(self, number: int, *, opened: bool) -> None:
        """Start so many workers, and wait until they are there."""
        for _ in range(number):
            self.start(*(["tests.bench.opened"] if opened else []), "workers")
        await until(lambda: self.redis.scard(keys.WORKERS) == number, STARTED_WITHIN)

    async def person(self, name: str, bot: str) -> Person:
        """Somebody who has started that bot; what the bot would have answered is forgotten."""
        person = await self.telegram.person(name, bot)
        await person.send("/start")
        return person

    async def forget_updates(self) -> None:
        """Take what the bots have not yet asked for, before they run."""
        for token in TOKENS:
            while updates := await self.telegram.call(token, "getUpdates", limit=100):
                await self.telegram.call(token, "getUpdates", offset=updates[-1]["update_id"] + 1, limit=1)


@asynccontextmanager
async def stage(folder: Path, *, limits: bool = False) -> AsyncIterator[Stage]:
    """A stage on which nothing runs yet; with `limits` the sandbox refuses what Telegram would."""
    with ExitStack() as stack:
        served = stack.enter_context(store(folder / "store"))
        command = [sys.executable, "-m", "bot.sandbox", "--port", "0", "--json", *(["--limits"] if limits else [])]
        sandbox = stack.enter_context(running(command, {}, folder / "sandbox.log", told=True))
        assert sandbox.stdout is not None
        url = json.loads(await asyncio.to_thread(sandbox.stdout.readline))["url"]
        telegram = Telegram(url)
        try:
            yield Stage(served.redis, telegram, Place(served.url, url), folder, stack)
        finally:
            await telegram.close()
            await asyncio.to_thread(stack.close)


@asynccontextmanager
async def following(telegram: Telegram, hear: Callable[[Entry], None]) -> AsyncIterator[None]:
    """Hand every request to the Bot API and every verb to `hear`, from now on and as it happens."""
    log = await telegram.look("log")
    task = asyncio.create_task(_follow(telegram, log[-1]["seq"] if log else 0, hear))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _follow(telegram: Telegram, after: int, hear: Callable[[Entry], None]) -> None:
    while True:
        for entry in await telegram.look("log", after=after, wait=5):
            after = entry["seq"]
            hear(entry)
        await asyncio.sleep(0.02)  # in one gulp what came meanwhile: whoever is measured has better uses for the CPU
