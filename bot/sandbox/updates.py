"""Updates to the bots that ask for them by getUpdates, as Telegram's server hands them out (tdlib's Client)."""

from __future__ import annotations

from collections import deque

from bot.sandbox.bots import Bot, Pending
from bot.sandbox.calls import Call
from bot.sandbox.errors import ENDED_BY_WEBHOOK, SECOND_POLLER, WEBHOOK_IS_SET
from bot.sandbox.faults import Faults
from bot.sandbox.fields import Json
from bot.sandbox.watch import Watch

LONGEST_POLL = 50  # seconds
MOST_UPDATES = 100  # in one answer
ASKED_AGAIN = 3.0  # seconds: who asks for the same offset again sooner waits as long for updates
ASKED_AT_ONCE = 0.5  # seconds: who asks for the same offset again sooner gets one update, which could be a bad one
FUTURE = 10  # how far an offset may be beyond the next update: one farther away is a mistake and confirms nothing


class Pollers:
    """Who waits in getUpdates. Only one may wait for each bot: the next one to wait ends the call of the former."""

    def __init__(self, watch: Watch, faults: Faults) -> None:
        self._watch = watch
        self._faults = faults
        self._turn: dict[int, object] = {}

    async def get_updates(self, call: Call) -> list[Json]:
        """Wait for updates from `offset` on; all below it are confirmed and forgotten."""
        bot = call.bot
        if bot.webhook:
            raise WEBHOOK_IS_SET
        bot.allow(call.params.get("allowed_updates"))
        offset = call.number_or("offset", 0)
        timeout = min(max(call.number_or("timeout", 0), 0), LONGEST_POLL)
        limit = min(max(call.number_or("limit", MOST_UPDATES), 1), MOST_UPDATES)
        patience, limit = at_leisure(bot, offset, call.world.now(), timeout, limit)
        _confirm(bot, offset)
        call.world.expire(bot)
        await self._watch.changed()
        if patience and not bot.updates:
            await self._wait(bot, patience)
        return [self._handed_out(bot, one) for one in list(bot.updates)[:limit]]

    async def _wait(self, bot: Bot, seconds: float) -> None:
        turn = self._turn[bot.id] = object()
        await self._watch.changed()
        await self._watch.until(lambda: bot.updates or bot.webhook or self._turn[bot.id] is not turn, seconds)
        if self._turn[bot.id] is not turn:
            raise SECOND_POLLER
        if bot.webhook:
            raise ENDED_BY_WEBHOOK

    def _handed_out(self, bot: Bot, one: Pending) -> Json:
        one.sticky = comes_again(one, bot, self._faults)
        return one.update


def at_leisure(bot: Bot, offset: int, now: float, patience: float, limit: int) -> tuple[float, int]:
    """How long and for how many a poller waits that asks for the same again and again."""
    before, at = bot.asked
    bot.asked = offset, now
    if offset != before or now >= at + ASKED_AGAIN:
        return patience, limit
    return max(patience, ASKED_AGAIN), 1 if now < at + ASKED_AT_ONCE else limit


def _confirm(bot: Bot, offset: int) -> None:
    if offset < 0:  # that many of the newest are kept
        bot.updates = deque(list(bot.updates)[offset:])
    elif offset <= bot.next_update + FUTURE:
        bot.updates = deque(one for one in bot.updates if one.id >= offset or one.sticky)


def comes_again(one: Pending, bot: Bot, faults: Faults) -> bool:
    """Whether an update that is given to its bot now is to be given once more."""
    return not one.sticky and faults.doubles(one.kind, bot.id, one.chat)
