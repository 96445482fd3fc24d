"""Updates to the bots as Telegram's server hands them out: by long polling, or to a webhook."""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from aiohttp import ClientError, ClientSession, ClientTimeout

from bot.sandbox.calls import Call
from bot.sandbox.errors import ENDED_BY_WEBHOOK, SECOND_POLLER, WEBHOOK_IS_SET
from bot.sandbox.faults import Faults
from bot.sandbox.state import Bot, Json, Pending, World
from bot.sandbox.watch import Watch

log = logging.getLogger(__name__)

LONGEST_POLL = 50  # seconds
MOST_UPDATES = 100  # in one answer
WEBHOOK_PATIENCE = 60.0  # seconds that a bot has to answer its webhook
RETRIES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds between tries of a webhook; then the last one for ever


class Pollers:
    """Who waits in getUpdates. A bot has one poller: a second one ends the first one's call."""

    def __init__(self, watch: Watch, faults: Faults) -> None:
        self._watch = watch
        self._faults = faults
        self._turn: dict[int, object] = {}

    async def get_updates(self, call: Call) -> list[Json]:
        """Wait for updates from `offset` on; all below it are confirmed and forgotten."""
        bot = call.bot
        if bot.webhook:
            raise WEBHOOK_IS_SET
        if isinstance(call.params.get("allowed_updates"), list):
            bot.allowed = call.params["allowed_updates"]
        turn = self._turn[bot.id] = object()
        limit = call.number_or("limit", MOST_UPDATES)
        if not 1 <= limit <= MOST_UPDATES:
            limit = MOST_UPDATES
        _confirm(bot, call.number_or("offset", 0))
        call.world.expire(bot)
        await self._watch.changed()
        patience = min(max(call.number_or("timeout", 0), 0), LONGEST_POLL)
        await self._watch.until(lambda: bot.updates or bot.webhook or self._turn[bot.id] is not turn, patience)
        if self._turn[bot.id] is not turn:
            raise SECOND_POLLER
        if bot.webhook:
            raise ENDED_BY_WEBHOOK
        return [self._handed_out(bot, one) for one in list(bot.updates)[:limit]]

    def _handed_out(self, bot: Bot, one: Pending) -> Json:
        one.sticky = _comes_again(one, bot, self._faults)
        return one.update


def _confirm(bot: Bot, offset: int) -> None:
    if offset < 0:  # that many of the newest are kept
        bot.updates = deque(list(bot.updates)[offset:])
    elif bot.updates:
        bot.updates = deque(one for one in bot.updates if one.id >= offset or one.sticky)


def _comes_again(one: Pending, bot: Bot, faults: Faults) -> bool:
    """Whether an update that is given to its bot now is to be given once more."""
    return not one.sticky and faults.doubles(one.kind, bot.id, one.chat)


_Queue = tuple[int, int, str]


class Webhooks:
    """Delivers to the bots that have set a webhook: in order per person and kind of update, until they answer 2xx."""

    def __init__(self, world: World, watch: Watch, faults: Faults) -> None:
        self._world = world
        self._watch = watch
        self._faults = faults
        self._queues: dict[_Queue, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Deliver until cancelled."""
        try:
            async with ClientSession(timeout=ClientTimeout(WEBHOOK_PATIENCE)) as http:
                await self._watch.until(lambda: self._deliver(http))
        finally:
            for task in self._queues.values():
                task.cancel()

    def _deliver(self, http: ClientSession) -> None:
        """Let somebody work on every queue that has updates."""
        self._queues = {queue: task for queue, task in self._queues.items() if not task.done()}
        for bot in self._world.bots.values():
            for one in bot.updates if bot.webhook else ():
                queue = _queue_of(bot, one)
                if queue not in self._queues:
                    self._queues[queue] = asyncio.create_task(self._drain(bot, queue, http))

    async def _drain(self, bot: Bot, queue: _Queue, http: ClientSession) -> None:
        tries = 0
        while bot.webhook and (one := next((one for one in bot.updates if _queue_of(bot, one) == queue), None)):
            if await self._post(bot, one, http):
                tries = 0
                one.sticky = _comes_again(one, bot, self._faults)
                if not one.sticky and one in bot.updates:
                    bot.updates.remove(one)
                await self._watch.changed()
            else:
                await asyncio.sleep(RETRIES[min(tries, len(RETRIES) - 1)])
                tries += 1
            self._world.expire(bot)

    async def _post(self, bot: Bot, one: Pending, http: ClientSession) -> bool:
        hook = bot.webhook
        if hook is None:
            return False
        headers = {"X-Telegram-Bot-Api-Secret-Token": hook.secret} if hook.secret else {}
        try:
            async with http.post(hook.url, json=one.update, headers=headers) as answer:
                if 200 <= answer.status < 300:
                    hook.last_error = ""
                    return True
                problem = f"Wrong response from the webhook: {answer.status} {answer.reason}"
        except (ClientError, TimeoutError) as error:
            problem = f"Connection failed: {type(error).__name__}"
        hook.last_error, hook.last_error_date = problem, int(self._world.now())
        log.info("webhook of bot %s: %s", bot.id, problem)
        return False


def _queue_of(bot: Bot, one: Pending) -> _Queue:
    """Which queue an update waits in: one per person and kind, as with Telegram."""
    return bot.id, one.content.get("from", {}).get("id", 0), one.kind
