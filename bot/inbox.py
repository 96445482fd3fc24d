"""The updates of one bot that are stored and not yet dealt with, shared by all processes of that bot.

Each chat's updates stand in a line of their own, and one process at a time owns a chat: so they are handled in order
within a chat, and concurrently across chats and processes. Ownership rests on a lease of seconds that each process
renews; what a dead process owned goes to whoever notices.

Every step is one script, and can be repeated when its reply was lost: that changes nothing more.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from redis import Redis

from flows import keys
from flows.ledger import Check
from flows.ledger.hearing import hear, store_time
from flows.store import Command, Script, apart, at_once, pipelined, text, texts

log = logging.getLogger(__name__)

Update = dict[str, Any]
Reads = Callable[[Update], Sequence[Command]]

LISTENING_LIFE = 120  # seconds that a bot's last word on its polling stands; a poll takes up to 65
SEEN_LIFE = 25 * 3600  # seconds that ids are remembered; Telegram keeps an update for 24 h
MOST_OF_A_CHAT = 500  # updates that wait in one chat's line; who sends more than is answered loses what is beyond
MOST_DEAD = 1000  # updates set aside that are kept, with some thousand bytes each; the log has them all

LEASE = 4  # seconds that a process counts as alive after its last sign of life

_STORE = Script("""#!lua
local inbox, seen, owners, line, offset_key = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local me, now, forgotten, offset, most = ARGV[6], ARGV[7], ARGV[8], ARGV[9], tonumber(ARGV[10])
local mine, dropped = {}, {}
for i = 11, #ARGV, 3 do
  local id, chat, raw = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if not redis.call('ZSCORE', seen, id) then
    if redis.call('LLEN', line .. chat) < most then
      redis.call('HSET', inbox, id, raw)
      redis.call('RPUSH', line .. chat, id)
      redis.call('HSETNX', owners, chat, me)
    else
      dropped[#dropped + 1] = id
    end
    redis.call('ZADD', seen, now, id)
  end
  if redis.call('HGET', owners, chat) == me then
    local first = redis.call('LINDEX', line .. chat, 0) or ''
    mine[#mine + 1] = {chat, first, redis.call('ZSCORE', seen, first) or '', redis.call('LLEN', line .. chat)}
  end
end
redis.call('ZREMRANGEBYSCORE', seen, 0, forgotten)
if offset ~= '' then redis.call('SET', offset_key, offset) end
return {redis.call('HLEN', inbox), mine, dropped}
""")

_NEXT = Script("""#!lua
local inbox, owners, line, dead, me, chat, done, trace, most = unpack(ARGV, 1, 9)
local in_hand = {}
for i = 10, #ARGV do in_hand[ARGV[i]] = true end
local seen = inbox .. ':seen'
if redis.call('HGET', owners, chat) ~= me then return {redis.call('HLEN', inbox)} end
if done ~= '' then
  if trace ~= '' and redis.call('HEXISTS', inbox, done) == 1 and redis.call('HLEN', dead) < tonumber(most) then
    redis.call('HSET', dead, done, trace)
  end
  redis.call('LREM', line, 1, done)
  redis.call('HDEL', inbox, done)
  redis.call('SREM', inbox .. ':handled', done)
end
while true do
  local first = nil
  for _, id in ipairs(redis.call('LRANGE', line, 0, #ARGV - 9)) do
    if not in_hand[id] then first = id break end
  end
  local update = first and redis.call('HGET', inbox, first)
  if update then return {redis.call('HLEN', inbox), first, update, redis.call('ZSCORE', seen, first) or ''} end
  if not first then break end
  redis.call('LREM', line, 1, first)
end
if redis.call('LLEN', line) == 0 then redis.call('HDEL', owners, chat) end
return {redis.call('HLEN', inbox)}
""")

_CLAIM = Script("""#!lua
if redis.call('HGET', ARGV[1], ARGV[2]) ~= ARGV[3] then return 0 end
redis.call('HSET', ARGV[1], ARGV[2], ARGV[4])
return 1
""")

_REMEMBER = Script("""#!lua
redis.call('SADD', ARGV[1], ARGV[2])
""")

# The names of the bot's processes that are alive, by the server's clock.
_ALIVE = Script(
    """#!lua
local lease, life, processes, me = unpack(ARGV)
local now = tonumber(redis.call('TIME')[1])
redis.call('SET', lease, '1', 'EX', life)
redis.call('ZADD', processes, now, me)
redis.call('ZREMRANGEBYSCORE', processes, '-inf', now - life - 1)
redis.call('EXPIRE', processes, 10 * life)
return redis.call('ZRANGE', processes, 0, -1)
""",
    lasting=False,
)

# Notes which updates have taken effect, of those that are still in the inbox.
_HANDLED = Script(
    """#!lua
for i = 2, #ARGV do
  if redis.call('HEXISTS', ARGV[1], ARGV[i]) == 1 then redis.call('SADD', ARGV[1] .. ':handled', ARGV[i]) end
end
""",
    lasting=False,
)

# How many other processes of the bot are left.
_RELEASE = Script("""#!lua
local all, me, lease, processes, life = unpack(ARGV)
local owners = redis.call('HGETALL', all)
for i = 1, #owners, 2 do
  if owners[i + 1] == me then redis.call('HSET', all, owners[i], '') end
end
redis.call('DEL', lease)
redis.call('ZREM', processes, me)
redis.call('ZREMRANGEBYSCORE', processes, '-inf', redis.call('TIME')[1] - life - 1)
return redis.call('ZCARD', processes)
""")


@dataclass(frozen=True)
class First:
    """A chat's next update, and what was read for it in the moment in which it was stored.

    `alone` tells that none was behind it then.
    """

    update: Update
    read: dict[Command, Any]
    alone: bool = True
    came: datetime | None = field(default=None, compare=False)
    """When it was taken in first, where that is still known."""


@dataclass(frozen=True)
class Ours:
    """The `chats` that the process owns and may have to look at; `waiting` updates are in the inbox altogether.

    A chat comes with its next update where that has just been stored; else `Inbox.next` tells.
    """

    waiting: int
    chats: dict[str, First | None]


@dataclass(frozen=True)
class Next:
    """The chat's next update, None when the process has none to handle; `waiting` are in the inbox altogether."""

    waiting: int
    update: Update | None
    came: datetime | None = field(default=None, compare=False)


class Inbox:
    """One bot's updates, as its process `me` sees them. Synchronous."""

    def __init__(self, redis: Redis, bot: str, me: str, replicas: int = 0) -> None:
        """`replicas` is how many have to hold an update before it counts as stored."""
        self._redis = redis
        self._apart = apart(redis)  # so that signs of life wait for no handler's commands
        self._bot = bot
        self._me = me
        self._replicas = replicas
        self._missing: set[str] = set()
        self.fellows: Sequence[str] = ()  # the bot's processes that were alive when the store was last asked
        self._began: float | None = None  # when `time.monotonic` was 0 by the store's clock, or a little before

    def store(self, batch: list[Update], offset: int | None = None, reads: Reads = lambda _: ()) -> Ours:
        """Store what is new of a batch and, when polling, from which id on to ask next. Takes chats nobody owns.

        What is beyond `MOST_OF_A_CHAT` counts as seen, and is dropped.
        `reads` are the commands whose replies an update's handler will want first.
        """
        now = time.time()
        bot = self._bot
        arguments: list[Any] = [keys.inbox(bot), keys.inbox_seen(bot), keys.inbox_owners(bot), keys.inbox_chat(bot, "")]
        arguments += [keys.inbox_offset(bot), self._me, now, now - SEEN_LIFE, "" if offset is None else offset]
        arguments.append(MOST_OF_A_CHAT)
        for update in batch:
            arguments += [update["update_id"], chat_of(update) or 0, json.dumps(update)]
        asked = [list(reads(update)) for update in batch]
        stored, *replies = pipelined(self._redis, [[(_STORE, *arguments)], *asked], self._replicas)
        if isinstance(stored, Exception):
            raise stored
        waiting, mine, dropped = stored[0]
        if dropped:
            log.warning("%s bot: %s are dropped, for too many updates of their chats wait", bot, texts(dropped))
        firsts: dict[str, First] = {}
        for update, commands, read in zip(batch, asked, replies, strict=True):
            # Who gets an error here gets it again where it is looked at.
            known = {} if isinstance(read, Exception) else dict(zip(commands, read, strict=True))
            firsts[str(update["update_id"])] = First(update, known)
        chats: dict[str, First | None] = {}
        for chat, update_id, came, length in mine:  # of a chat with several updates here the last entry tells all
            first = firsts.get(text(update_id))
            chats[text(chat)] = first and replace(first, came=_time(came), alone=length == 1)
        return Ours(waiting, chats)

    def next(self, chat: str, done: Update | None = None, trace: str = "", in_hand: Collection[int] = ()) -> Next:
        """Strike the update `done` off a chat's line, and get the one behind it; after the last one let the chat go.

        With `trace` it is set aside with that traceback, for it can't be handled; of those the first are kept.
        The updates `in_hand` are skipped, and stay: they have taken effect, and wait for their pictures.
        """
        struck_off = "" if done is None else done["update_id"]
        entry = {"update": done, "chat": int(chat) or None, "traceback": trace, "at": time.time()}
        dead = json.dumps(entry) if trace else ""
        waiting, *found = _NEXT.run(
            self._redis, [*self._names(chat), self._me, chat, struck_off, dead, MOST_DEAD, *in_hand]
        )
        if not found:
            return Next(waiting, None)
        try:
            return Next(waiting, _read(*found[:2]), _time(found[2]))
        except (ValueError, RecursionError) as error:  # somebody else has written there
            log.warning("%s bot: what is stored as update %r can't be read: %s", self._bot, found[0], error)
            unreadable = {"update_id": int(found[0]), "unreadable": found[1].decode("utf-8", "backslashreplace")}
            return self.next(chat, unreadable, str(error) or type(error).__name__, in_hand)

    def _names(self, chat: str) -> list[str]:
        bot = self._bot
        return [keys.inbox(bot), keys.inbox_owners(bot), keys.inbox_chat(bot, chat), keys.inbox_dead(bot)]

    def holds(self, update: Update) -> Check:
        """What holds until the update is dealt with (see `flows.ledger.only_while`)."""
        return Check(("HEXISTS", keys.inbox(self._bot), str(update["update_id"])), 1)

    def renew(self, handled: Collection[int] = ()) -> Ours:
        """Say that this process is alive, and take the chats that dead ones owned.

        The updates `handled` have taken effect, and stay until that is shown: note that no order needs wait for them.

        Dead is whose lease is missing at two looks, so that a paused store does not expire everybody.
        """
        owned, waiting = ("HGETALL", keys.inbox_owners(self._bot)), ("HLEN", keys.inbox(self._bot))
        noted: list[Command] = [(_HANDLED, keys.inbox(self._bot), *handled)] if handled else []
        alive, found, number, *_ = at_once(self._apart, [self._alive(), owned, waiting, *noted])
        self.fellows = texts(alive)
        owners = {text(chat): text(owner) for chat, owner in found.items()}
        others = {owner for owner in owners.values() if owner not in ("", self._me)}
        missing = {owner for owner in others if not self._apart.exists(keys.inbox_lease(owner))}
        dead, self._missing = missing & self._missing, missing
        ours = [chat for chat, owner in owners.items() if owner == self._me or self._claim(chat, owner, dead)]
        return Ours(number, dict.fromkeys(ours))

    def stay(self) -> None:
        """Say that this process is alive, and take nothing."""
        [alive] = at_once(self._apart, [self._alive()])
        self.fellows = texts(alive)

    def _alive(self) -> Command:
        return (_ALIVE, keys.inbox_lease(self._me), LEASE, keys.inbox_processes(self._bot), self._me)

    def _claim(self, chat: str, owner: str, dead: set[str]) -> bool:
        if owner and owner not in dead:
            return False
        return bool(_CLAIM.run(self._apart, [keys.inbox_owners(self._bot), chat, owner, self._me]))

    def release(self) -> None:
        """Let others have the chats of this process, for it ends; the last one leaves word of that."""
        bot = self._bot
        mine = [keys.inbox_owners(bot), self._me, keys.inbox_lease(self._me), keys.inbox_processes(bot), LEASE]
        if _RELEASE.run(self._redis, mine) == 0:
            self._redis.set(keys.listening(bot), _word("", stopped=True), ex=LISTENING_LIFE)

    def tell(self, problem: str) -> None:
        """Leave word for `comanda doctor` that this bot asks for updates, and what hinders it; empty for nothing."""
        self._redis.set(keys.listening(self._bot), _word(problem), ex=LISTENING_LIFE)

    def remember_webhook(self, url: str) -> None:
        """Note that this is a webhook of ours: if nobody wants it any more, it may be taken away."""
        _REMEMBER.run(self._redis, [keys.webhooks(self._bot), url], self._replicas)

    def our_webhooks(self) -> list[str]:
        """All that have been ours."""
        return texts(self._redis.smembers(keys.webhooks(self._bot)))

    def hear(self, since: float) -> None:
        """Note that all is stored that people did until `since`, by this process's `time.monotonic`.

        By the store's clock that is reckoned from when that was read last, so it is never taken for later than it was.
        """
        if self._began is None:
            self._began = _began(self._redis.time())
        heard = hear(self._bot, datetime.fromtimestamp(self._began + since, UTC))
        self._began = _began(at_once(self._redis, [heard])[0])

    def offset(self) -> int:
        """From which id on to ask: one above the last that was stored, 0 when none was.

        0 too where that can't be read: Telegram then gives all that it still has, and what was seen is known.
        """
        raw = self._redis.get(keys.inbox_offset(self._bot))
        try:
            return 0 if raw is None else int(text(raw))
        except ValueError:
            log.warning("%s bot: where it had come to can't be read; it asks from the oldest update on", self._bot)
            return 0


def _time(score: bytes) -> datetime | None:
    return datetime.fromtimestamp(float(score), UTC) if score else None


def _read(number: bytes, raw: bytes) -> Update:
    """A stored update. Raises `ValueError` (or `RecursionError`) for what is none, or not the one of that number."""
    update = json.loads(raw)
    if not isinstance(update, dict) or str(update.get("update_id")).encode() != number:
        raise ValueError("this is not the update of that number")
    return update


def _began(store_clock: Any) -> float:
    return store_time(store_clock).timestamp() - time.monotonic()


def _word(problem: str, *, stopped: bool = False) -> str:
    return json.dumps({"at": time.time(), "problem": problem, "stopped": stopped})


def offset_after(batch: list[Update]) -> int:
    """From which id on to ask after a batch: its last one's, not the highest; after a week they may start anywhere."""
    return int(batch[-1]["update_id"]) + 1


def chat_of(update: Update) -> int | None:
    """The chat (or else the person) that an update belongs to; updates of one are handled in order."""
    for kind, content in update.items():
        if kind == "update_id" or not isinstance(content, dict):
            continue
        message = content.get("message")
        places = (content.get("chat"), message.get("chat") if isinstance(message, dict) else None, content.get("from"))
        found = next((place for place in places if isinstance(place, dict)), {}).get("id")
        return found if type(found) is int else None  # JSON's true would be one, too
    return None


def button_of(update: Update) -> object:
    """What the tapped button carries, as it came; None for what is no tap."""
    tap = update.get("callback_query")
    return tap.get("data") if isinstance(tap, dict) else None
