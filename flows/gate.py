"""When a bot may send: Telegram's limits, kept by all processes that send with one token together.

Telegram publishes rough figures only (its Bots FAQ: about 30 messages a second overall, one a second in a chat with
short bursts, 20 a minute in a group), and its `retry_after` rules. So there is a budget for the bot and one for each
chat, both in the store; one script looks at all of them and takes from all or from none.

Answers to people go first: messages in bulk leave a reserve of each budget to them.
"""

from __future__ import annotations

import asyncio
import time

from redis import Redis

from flows import keys
from flows.backoff import LONGEST
from flows.store import Script

# Milliseconds between two messages in the long run, and messages that may come at once. The bot's rate is a little
# below Telegram's, for what is spaced out here may arrive there bunched.
BOT_EVERY, BOT_BURST, BOT_RESERVE = 1000 / 29.5, 20, 10
CHAT_EVERY, CHAT_BURST, CHAT_RESERVE = 1000.0, 4, 1
GROUP_EVERY, GROUP_BURST, GROUP_RESERVE = 3000.0, 10, 3

# Each budget is the time until which it is spent (the "generic cell rate algorithm"): one number, no timer.
_ASK = Script("""#!lua
local bot, chat, quiet_bot, quiet_chat, booked = unpack(ARGV, 1, 5)
local bot_every, bot_burst, chat_every, chat_burst = tonumber(ARGV[6]), ARGV[7], tonumber(ARGV[8]), ARGV[9]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000
local function spent(key) return math.max(tonumber(redis.call('GET', key) or 0), now) end
local function keep(key, till)
  redis.call('SET', key, string.format('%.3f', till), 'PX', math.ceil(till - now) + 1000)
end
local quiet = math.max(redis.call('PTTL', quiet_bot), redis.call('PTTL', quiet_chat))
if quiet > 0 then return {quiet, 0} end
if chat_every > 0 then
  local wait = spent(chat) - now - (chat_burst - 1) * chat_every
  if wait > 0 then
    if ARGV[10] == '1' then
      local turn = math.max(spent(booked), now + wait)
      keep(booked, turn + chat_every)
      wait = turn - now
    end
    return {math.ceil(wait), 0}
  end
end
local wait = spent(bot) - now - (bot_burst - 1) * bot_every
if wait > 0 then return {math.ceil(wait), 1} end
keep(bot, spent(bot) + bot_every)
if chat_every > 0 then keep(chat, spent(chat) + chat_every) end
return {0, 0}
""")

# The answer to one request too many does not tell which limit it was. Once a second chat gets one, it is the bot's.
_SLOW_DOWN = Script("""#!lua
local quiet_bot, quiet_chat, last, chat, life = unpack(ARGV)
local before = redis.call('GET', last)
redis.call('SET', quiet_chat, 1, 'PX', life)
redis.call('SET', last, chat, 'PX', life)
if before and before ~= chat then redis.call('SET', quiet_bot, 1, 'PX', life) end
""")


class NotYet(Exception):
    """The chat's turn comes in `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"this chat's turn comes in {seconds:.1f} s")
        self.seconds = seconds


class Gate:
    """One bot's way out, as one process uses it."""

    def __init__(self, redis: Redis, bot: str, *, bulk: bool = False) -> None:
        """With `bulk` the reserves are left to others, and who has to wait for a chat gets a turn of their own."""
        self._redis = redis
        self._bot = bot
        self._bulk = bulk
        self._line = asyncio.Lock()

    async def through(self, chat_id: int, *, new: bool, patience: float = 0.0) -> None:
        """Return when a request to this chat may be made; `new` tells that it makes a message.

        The bot's own turn is waited for. Raises `NotYet` when the chat's takes longer than `patience` seconds.
        """
        until = time.monotonic() + patience
        while (wait := await self._first_in_line(chat_id, new)) > 0:
            if time.monotonic() + wait > until:
                raise NotYet(wait)
            await asyncio.sleep(wait)

    async def _first_in_line(self, chat_id: int, new: bool) -> float:
        """Wait for the bot's turn: one of this process asks at a time. Returns the seconds until the chat's turn."""
        async with self._line:
            while True:
                wait, everybody = await asyncio.to_thread(self._ask, chat_id, new)
                if not wait or not everybody:
                    return wait
                await asyncio.sleep(wait)

    def _ask(self, chat_id: int, new: bool) -> tuple[float, bool]:
        bot, chat = self._bot, str(chat_id)
        every, burst, reserve = _chat_limits(chat_id)
        names = [keys.gate(bot), keys.gate(bot, chat), keys.quiet(bot), keys.quiet(bot, chat), keys.booked(bot, chat)]
        limits = [BOT_EVERY, BOT_BURST - self._bulk * BOT_RESERVE, every if new else 0, burst - self._bulk * reserve]
        wait, everybody = _ASK.run(self._redis, [*names, *limits, int(self._bulk)])
        return wait / 1000, bool(everybody)

    async def slow_down(self, chat_id: int, seconds: float) -> None:
        """Telegram wants to be left alone for so long: by this chat's messages at least."""
        bot, chat = self._bot, str(chat_id)
        names = [keys.quiet(bot), keys.quiet(bot, chat), keys.last_quiet(bot)]
        await asyncio.to_thread(_SLOW_DOWN.run, self._redis, [*names, chat, max(1, int(min(seconds, LONGEST) * 1000))])


def _chat_limits(chat_id: int) -> tuple[float, int, int]:
    """A group's ids are negative."""
    if chat_id < 0:
        return GROUP_EVERY, GROUP_BURST, GROUP_RESERVE
    return CHAT_EVERY, CHAT_BURST, CHAT_RESERVE
