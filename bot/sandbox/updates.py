"""Updates to the bots as Telegram's server hands them out: by long polling, or to a webhook."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from functools import partial
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout

from bot.sandbox.errors import SECOND_POLLER, WEBHOOK_IS_SET
from bot.sandbox.methods import Call
from bot.sandbox.state import Bot, Json, World

log = logging.getLogger(__name__)

LONGEST_POLL = 50.0  # seconds
MOST_UPDATES = 100  # in one answer
WEBHOOK_PATIENCE = 60.0  # seconds that a bot has to answer its webhook
RETRIES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds between tries of a webhook; then the last one for ever


class Pollers:
    """Who waits in getUpdates. A bot has one poller: a second one ends the first one's call."""

    def __init__(self, changes: asyncio.Condition) -> None:
        self._changes = changes
        self._turn: dict[int, object] = {}

    async def get_updates(self, call: Call) -> list[Json]:
        """Wait for updates from `offset` on; all below it are confirmed and forgotten."""
        bot, params = call.bot, call.params
        if bot.webhook:
            raise WEBHOOK_IS_SET
        if isinstance(params.get("allowed_updates"), list):
            bot.allowed = params["allowed_updates"]
        turn = self._turn[bot.id] = object()
        async with self._changes:
            self._changes.notify_all()
        limit = min(max(int(params.get("limit") or MOST_UPDATES), 1), MOST_UPDATES)
        deadline = time.monotonic() + min(float(params.get("timeout") or 0), LONGEST_POLL)
        _confirm(bot, int(params.get("offset") or 0))
        async with self._changes:
            while True:
                call.world.expire(bot)
                if self._turn.get(bot.id) is not turn:
                    raise SECOND_POLLER
                if bot.webhook:
                    raise WEBHOOK_IS_SET
                left = deadline - time.monotonic()
                if bot.updates or left <= 0:
                    return [update for _, _, update in list(bot.updates)[:limit]]
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await self._changes.wait()


def _confirm(bot: Bot, offset: int) -> None:
    if offset < 0:
        while len(bot.updates) > -offset:
            bot.updates.popleft()
    while bot.updates and bot.updates[0][0] < offset:
        bot.updates.popleft()


class Webhooks:
    """Delivers to the bots that have set a webhook: in order per chat and kind of update, until they answer 2xx."""

    def __init__(self, world: World, changes: asyncio.Condition) -> None:
        self._world = world
        self._changes = changes
        self._queues: dict[tuple[int, Any, str], asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with ClientSession(timeout=ClientTimeout(WEBHOOK_PATIENCE)) as http:
            while True:
                for bot in list(self._world.bots.values()):
                    if bot.webhook:
                        self._start(bot, http)
                async with self._changes:
                    # Not by wait_for: in Python 3.11 it loses a cancellation that comes with the notification.
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(1.0):
                            await self._changes.wait()

    def _start(self, bot: Bot, http: ClientSession) -> None:
        for _, _, update in list(bot.updates):
            key = (bot.id, *_queue_of(update))
            if key not in self._queues:
                task = asyncio.create_task(self._deliver(bot, update, http))
                self._queues[key] = task
                task.add_done_callback(partial(self._forget, key))

    def _forget(self, key: tuple[int, Any, str], task: asyncio.Task[None]) -> None:
        del self._queues[key]

    async def _deliver(self, bot: Bot, update: Json, http: ClientSession) -> None:
        tries = 0
        while bot.webhook and any(number == update["update_id"] for number, _, _ in bot.updates):
            if await self._post(bot, update, http):
                remaining = [entry for entry in bot.updates if entry[0] != update["update_id"]]
                bot.updates.clear()
                bot.updates.extend(remaining)
                async with self._changes:
                    self._changes.notify_all()
                return
            await asyncio.sleep(RETRIES[min(tries, len(RETRIES) - 1)])
            tries += 1
            self._world.expire(bot)

    async def _post(self, bot: Bot, update: Json, http: ClientSession) -> bool:
        hook = bot.webhook
        if hook is None:
            return False
        headers = {"X-Telegram-Bot-Api-Secret-Token": hook.secret} if hook.secret else {}
        try:
            async with http.post(hook.url, json=update, headers=headers) as answer:
                if 200 <= answer.status < 300:
                    hook.last_error = ""
                    return True
                problem = f"Wrong response from the webhook: {answer.status} {answer.reason}"
        except (ClientError, TimeoutError) as error:
            problem = f"Connection failed: {type(error).__name__}"
        hook.last_error, hook.last_error_date = problem, int(time.time())
        log.info("webhook of bot %s: %s", bot.id, problem)
        return False


def _queue_of(update: Json) -> tuple[Any, str]:
    """Which queue an update waits in: one per person and kind, as with Telegram."""
    kind = next(key for key in update if key != "update_id")
    return update[kind].get("from", {}).get("id"), kind
