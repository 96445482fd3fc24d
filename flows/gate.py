"""When a bot may send: Telegram's limits, kept by all processes that send with one token together.

Telegram publishes rough figures only (its Bots FAQ: about 30 messages a second overall, one a second in a chat with
short bursts, 20 a minute in a group; an edit counts like a message), and its `retry_after` rules. So there is a budget
for the bot and one for each chat, both in the store; one script looks at all of them and takes from all or from none.

Answers to people go first, then what is news: each `Urgency` leaves a reserve of the budgets to those above it.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flows import keys
from flows.backoff import granted
from flows.store import Command, Script, Together


class Urgency(StrEnum):
    """Who goes first where there is not enough for all."""

    ANSWER = "answer"  # to what somebody has just tapped or typed
    NEWS = "news"  # what rings: a new order, an acceptance, a cancellation
    ROUTINE = "routine"  # what can wait: a reminder, and a message that a worker brings up to date


# Milliseconds between two requests in the long run, and requests that may come at once. The bot's rate is a little
# below Telegram's, for what is spaced out here may arrive there bunched.
BOT_EVERY, BOT_BURST, BOT_RESERVE = 1000 / 29.5, 20, 10
CHAT_EVERY, CHAT_BURST = 1000.0, 4
GROUP_EVERY, GROUP_BURST = 3000.0, 10

# What each leaves of a chat's budget to those above it.
CHAT_RESERVE = {Urgency.ANSWER: 0, Urgency.NEWS: 1, Urgency.ROUTINE: 2}
GROUP_RESERVE = {Urgency.ANSWER: 0, Urgency.NEWS: 3, Urgency.ROUTINE: 6}

# Milliseconds ahead for which a chat's turns are given away at most. Answers take budget that was meant for them, so
# what waits has to ask again, and finds out soon when the chat has become quiet.
AHEAD = 30_000
TOGETHER = 10_000  # milliseconds between the refusals of two chats, within which they mean the whole bot

AT_ONCE = 64  # requests that one script looks at

# Each budget is the time until which it is spent (the "generic cell rate algorithm"): one number, no timer. Asked for
# several requests in a row, it stops at the first that has to wait for the bot's turn: the others come after it.
# A time further ahead than a budget reaches is from before the server's clock was put back, and counts as nothing.
_ASK = Script(
    """#!lua
local bot, quiet_bot = ARGV[1], ARGV[2]
local bot_every, bot_burst, bot_reserve, ahead = tonumber(ARGV[3]), ARGV[4], ARGV[5], tonumber(ARGV[6])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000
local function spent(key, reach)
  local till = tonumber(redis.call('GET', key) or 0)
  return till > now + reach + 1 and now or math.max(till, now)
end
local function keep(key, till)
  redis.call('SET', key, string.format('%.3f', till), 'PX', math.ceil(till - now) + 1000)
end
local function ask(chat, quiet_chat, booked, chat_every, chat_burst, chat_reserve, bulk)
  local quiet = math.max(redis.call('PTTL', quiet_bot), redis.call('PTTL', quiet_chat))
  if quiet > 0 then return quiet, 0 end
  local of_bot, of_chat = spent(bot, bot_burst * bot_every), spent(chat, chat_burst * chat_every)
  local wait = of_chat - now - (chat_burst - chat_reserve - 1) * chat_every
  if wait > 0 then
    if bulk == '1' then
      local turn = math.max(spent(booked, ahead), now + wait)
      keep(booked, turn + chat_every)
      wait = turn - now
    end
    return math.ceil(wait), 0
  end
  wait = of_bot - now - (bot_burst - bulk * bot_reserve - 1) * bot_every
  if wait > 0 then return math.ceil(wait), 1 end
  keep(bot, of_bot + bot_every)
  keep(chat, of_chat + chat_every)
  return 0, 0
end
local answers = {}
for at = 7, #ARGV, 7 do
  local wait, everybody =
    ask(ARGV[at], ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3]), ARGV[at + 4], ARGV[at + 5], ARGV[at + 6])
  table.insert(answers, {wait, everybody})
  if everybody == 1 then break end
end
return answers
""",
    lasting=False,
)

# The answer to one request too many does not tell which limit it was. It is the bot's where two chats get one within a
# moment, unless both are groups: those have a limit of their own, which a busy evening reaches in all of them.
# After the time that Telegram asked for, the chat has room for one request and not for a burst: `spent` milliseconds of
# its budget are taken.
_SLOW_DOWN = Script(
    """#!lua
local quiet_bot, quiet_chat, last, chat, life, together, budget, spent = unpack(ARGV)
local clock = redis.call('TIME')
local till = math.max(redis.call('PTTL', quiet_chat), tonumber(life)) + tonumber(spent)
redis.call('SET', budget, string.format('%.3f', clock[1] * 1000 + clock[2] / 1000 + till), 'PX', till + 1000)
local function be_quiet(key)
  if redis.call('PTTL', key) < tonumber(life) then redis.call('SET', key, 1, 'PX', life) end
end
local before = redis.call('GET', last)
be_quiet(quiet_chat)
redis.call('SET', last, chat, 'PX', together)
if not before or before == chat then return end
if string.sub(before, 1, 1) == '-' and string.sub(chat, 1, 1) == '-' then return end
be_quiet(quiet_bot)
""",
    lasting=False,
)


class NotYet(Exception):
    """The chat's turn comes in `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"this chat's turn comes in {seconds:.1f} s")
        self.seconds = seconds


@dataclass(frozen=True)
class _Asked:
    """Somebody in line for one request; `wait` will be the seconds until the chat's turn, 0 if it is now."""

    chat_id: int
    urgency: Urgency
    wait: asyncio.Future[float]


class Gate:
    """One bot's way out, as one process uses it."""

    def __init__(self, store: Together, bot: str) -> None:
        self._store = store
        self._bot = bot
        self._line: list[_Asked] = []
        self._serving: asyncio.Task[None] | None = None

    async def through(self, chat_id: int, urgency: Urgency = Urgency.ANSWER, *, patience: float = 0.0) -> None:
        """Return when a request that makes a message in this chat, or edits one, may be made.

        The bot's own turn is waited for. Raises `NotYet` when the chat's takes longer than `patience` seconds; what is
        no answer gets a time of its own there, so that not all of it comes back at once.
        """
        until = time.monotonic() + patience
        while (wait := await self._in_line(chat_id, urgency)) > 0:
            if time.monotonic() + wait > until:
                raise NotYet(wait)
            await asyncio.sleep(wait)

    async def _in_line(self, chat_id: int, urgency: Urgency) -> float:
        """Wait for the bot's turn. Returns the seconds until the chat's turn."""
        asked = _Asked(chat_id, urgency, asyncio.get_running_loop().create_future())
        self._line.append(asked)
        if self._serving is None:
            self._serving = asyncio.create_task(self._serve())
        return await asked.wait

    async def _serve(self) -> None:
        """Ask for all in line, in their order, until nobody is left."""
        try:
            while line := [one for one in self._line if not one.wait.done()]:  # answered, or cancelled
                self._line = line
                await asyncio.sleep(await self._ask_for(line[:AT_ONCE]))
        finally:
            self._serving = None

    async def _ask_for(self, asked: list[_Asked]) -> float:
        """Answer those that need not wait for the bot's turn. Returns the seconds until that is."""
        try:
            [answers] = await self._store.run(self.command([(one.chat_id, one.urgency) for one in asked]))
        except BaseException as error:  # whoever asked gets to know
            for one in asked:
                if not one.wait.done():
                    one.wait.set_exception(error)
            if isinstance(error, asyncio.CancelledError):
                raise
            return 0.0
        for one, (wait, everybody) in zip(asked, answers, strict=False):
            if everybody:
                return float(wait / 1000)
            if not one.wait.done():
                one.wait.set_result(wait / 1000)
        return 0.0

    def command(self, requests: Sequence[tuple[int, Urgency]]) -> Command:
        """Asks for these requests, each a chat and how urgent it is, in their order.

        Each answer is the milliseconds to wait, 0 for now, and 1 if it is the bot's turn that is waited for; that one
        is the last, for the rest comes after it.
        """
        arguments: list[Any] = [keys.gate(self._bot), keys.quiet(self._bot), BOT_EVERY, BOT_BURST, BOT_RESERVE, AHEAD]
        for chat_id, urgency in requests:
            bot, chat = self._bot, str(chat_id)
            arguments += [keys.gate(bot, chat), keys.quiet(bot, chat), keys.booked(bot, chat, urgency)]
            arguments += [*_chat_limits(chat_id, urgency), int(urgency is not Urgency.ANSWER)]
        return (_ASK, *arguments)

    async def slow_down(self, chat_id: int, seconds: float) -> None:
        """Telegram wants to be left alone for so long: by this chat's messages at least."""
        bot, chat = self._bot, str(chat_id)
        every, burst, _ = _chat_limits(chat_id, Urgency.ANSWER)
        names = [keys.quiet(bot), keys.quiet(bot, chat), keys.last_quiet(bot)]
        spent = [keys.gate(bot, chat), int((burst - 1) * every)]
        await self._store.run((_SLOW_DOWN, *names, chat, math.ceil(granted(seconds) * 1000), TOGETHER, *spent))


def _chat_limits(chat_id: int, urgency: Urgency) -> tuple[float, int, int]:
    """A group's ids are negative."""
    if chat_id < 0:
        return GROUP_EVERY, GROUP_BURST, GROUP_RESERVE[urgency]
    return CHAT_EVERY, CHAT_BURST, CHAT_RESERVE[urgency]
