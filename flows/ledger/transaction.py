"""Optimistic transactions in one round trip: read, decide, and write only if what was read still stands.

The writes go to the server together with the values that were read. One script compares and then writes, all or
nothing, so between deciding and writing there is neither a lock nor a second round trip.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as NoReply

from flows import keys
from flows.backoff import Backoff
from flows.store import Command, Script, Together, at_once

T = TypeVar("T")

ATTEMPTS = 50
"""Conflicts in a row before giving up. Each lost round means that somebody else's write went through."""

SHORTEST, LONGEST = 0.001, 0.05
"""Seconds of the pauses after conflicts, first and at most: who comes again at once is as quick as the last winner, and
of many all but one lose again. All pauses of one transaction together take some two seconds."""

LOST = 2
"""Replies lost in a row before that counts as an outage, though the store can be read."""

# A key of another type refuses its command only when that is carried out, and the writes before it stay: so all types
# are looked at before the first write.
_COMMIT = Script("""#!lua
local types = {RPUSH = 'list', XADD = 'stream', ZADD = 'zset', ZREM = 'zset', SADD = 'set', SREM = 'set',
  HSET = 'hash', HDEL = 'hash'}
local at = 0
local function take() at = at + 1; return ARGV[at] end
local function command()
  local parts = {}
  for i = 1, tonumber(take()) do parts[i] = take() end
  return parts
end
local guarded = take() == '1'
for check = 1, tonumber(take()) do
  local found = redis.call(unpack(command()))
  local expected = take()
  if type(found) == 'number' then found = ':' .. found elseif found then found = '$' .. found else found = '-' end
  if found ~= expected then return guarded and check == 1 and -1 or 1 end
end
local writes = {}
for number = 1, tonumber(take()) do
  local write = command()
  local right, key = types[write[1]], write[2]
  local there = right and redis.call('TYPE', key).ok
  if right and there ~= right and there ~= 'none' then
    return redis.error_reply('WRONGTYPE `' .. key .. '` is a ' .. there .. ', where a ' .. right .. ' belongs')
  end
  writes[number] = write
end
for _, write in ipairs(writes) do redis.call(unpack(write)) end
local lock, token = take(), take()
if lock and redis.call('GET', lock) == token then redis.call('DEL', lock) end
return 0
""")
_NOTHING = Script("""#!lua
redis.call('SET', ARGV[1], '1')
""")

_SUPERSEDED = -1  # the script's reply when the guard's check failed


class Contended(Exception):
    """Other writers came first `ATTEMPTS` times in a row. Nothing was written; try again."""


class Superseded(Exception):
    """What this was written on behalf of (see `only_while`) is over. Nothing was written, and nothing needs to be."""


@dataclass(frozen=True)
class Check:
    """A command that reads one value, and the value that it has to give."""

    command: tuple[str, ...]
    expected: bytes | int | None


_guard: ContextVar[Check | None] = ContextVar("guard", default=None)


@contextmanager
def only_while(check: Check) -> Iterator[None]:
    """Whatever is written in this context is written only while `check` holds; else it raises `Superseded`."""
    token = _guard.set(check)
    try:
        yield
    finally:
        _guard.reset(token)


_read_before: ContextVar[dict[Command, Any] | None] = ContextVar("read_before", default=None)


@contextmanager
def having_read(replies: Mapping[Command, Any]) -> Iterator[None]:
    """The first transaction in this context begins with what has been read a moment ago, instead of asking again.

    Its commit finds out whether that still stands; only if not, all is read anew.
    """
    token = _read_before.set(dict(replies))
    try:
        yield
    finally:
        _read_before.reset(token)


def entries_of(key: str) -> Command:
    """What a transaction asks for a whole list."""
    return ("LRANGE", key, "0", "-1")


class Unread(Exception):
    """A transaction needs what nobody has read yet: the replies to `commands`."""

    def __init__(self, commands: Sequence[Command]) -> None:
        super().__init__(commands)
        self.commands = commands


class Transaction:
    """What one attempt has read, and in `writes` what it means to write: a buffer, never executed by itself."""

    def __init__(
        self, redis: Redis, seen: dict[Command, Any], read: Callable[[Sequence[Command]], Sequence[Any]]
    ) -> None:
        """`seen` is what has been read before; what is not there yet `read` gives, and it is added."""
        self._seen = seen
        self._read = read
        self.releases: tuple[str, str] | None = None
        """A lock that is let go with the writes, and the token of who should hold it; else it stays as it is."""
        self.reads: list[Command] = []
        self.checks: list[Check] = []
        self.writes: Pipeline = redis.pipeline(transaction=True)
        self.writes.multi()  # RQ stages into such pipelines only

    def get(self, key: str) -> bytes | None:
        found: bytes | None = self._checked("GET", key)
        return found

    def hget(self, key: str, field: str) -> bytes | None:
        found: bytes | None = self._checked("HGET", key, field)
        return found

    def length(self, key: str) -> int:
        """The length of a list."""
        found: int = self._checked("LLEN", key)
        return found

    def size(self, key: str) -> int:
        """The number of members of a set."""
        found: int = self._checked("SCARD", key)
        return found

    def entries(self, key: str) -> list[bytes]:
        """A list to which entries are only ever added: it is the same as long as its length is."""
        found = self._reply(*entries_of(key))
        self.checks.append(Check(("LLEN", key), len(found)))
        return list(found)

    def line(self, key: str) -> list[bytes]:
        """A list that is added to at its end, and taken from: nothing has come while its last entry is the same."""
        found = list(self._reply(*entries_of(key)))
        self.checks.append(Check(("LINDEX", key, "-1"), found[-1] if found else None))
        return found

    def has_all(self, key: str, members: Sequence[str]) -> bool:
        """Whether all these are in a set, now: it is not checked that they stay there."""
        return all(self._reply("SMISMEMBER", key, *members))

    def _checked(self, *command: str) -> Any:
        found = self._reply(*command)
        self.checks.append(Check(command, found))
        return found

    def _reply(self, *command: str) -> Any:
        self.fetch(command)
        return self._seen[command]

    def fetch(self, *commands: Command) -> None:
        """Read, in one round trip, what this attempt is about to ask for."""
        self.reads += [command for command in commands if command not in self.reads]
        missing = [command for command in commands if command not in self._seen]
        if missing:
            self._seen.update(zip(missing, self._read(missing), strict=True))


class Transacting:
    """What keeps things in the store."""

    def __init__(self, redis: Redis, replicas: int = 0) -> None:
        self._redis = redis
        self._replicas = replicas

    def _transact(self, work: Callable[[Transaction], T]) -> T:
        return transact(self._redis, self._replicas, work)


def transact(redis: Redis, replicas: int, work: Callable[[Transaction], T]) -> T:
    """Run `work` until what it stages in `writes` goes in with everything that it has read unchanged.

    It may run several times, so it must decide from what it has just read. After a lost reply it runs again as well,
    and sees its own write: finding its cause there, it has nothing more to do. With `replicas` that many replicas have
    confirmed all that it read and wrote before this returns.

    Raises `Contended`, `Superseded`, `NotReplicated`, or redis-py's errors while the store can't be used.
    """

    def read(commands: Sequence[Command]) -> list[Any]:
        return at_once(redis, commands)

    seen, lost, backoff = _take_what_was_read(), 0, Backoff(LONGEST, SHORTEST)
    for _ in range(ATTEMPTS):
        attempt, seen = Transaction(redis, seen, read), {}
        result = work(attempt)
        commit = _commit(attempt, replicas)
        if commit is None:
            return result
        try:
            if _is_in(commit[0].run(redis, commit[1:], replicas)):
                return result
            lost = 0
        except (ConnectionLost, NoReply):  # it may stand: the next attempt's reading tells
            lost += 1
            if lost == LOST:
                raise
        time.sleep(backoff.next())
    raise Contended(f"{ATTEMPTS} conflicts in a row")


async def transact_together(store: Together, work: Callable[[Transaction], T], seen: dict[Command, Any]) -> T:
    """The same on an event loop, in the round trips that all of its tasks share.

    `seen` is what has been read a moment ago, by command: the commit finds out whether it still stands. Only if not, or
    where something is missing, is anything read. In the end it is what `work` decided by.
    """
    lost, backoff = 0, Backoff(LONGEST, SHORTEST)
    for _ in range(ATTEMPTS):
        attempt = Transaction(store.redis, seen, _not_read)
        try:
            result = work(attempt)
        except Unread as unread:
            seen.update(zip(unread.commands, await store.run(*unread.commands), strict=True))
            continue
        commit = _commit(attempt, store.replicas)
        if commit is None:
            return result
        try:
            [failed] = await store.run(commit)
            if _is_in(failed):
                return result
            lost = 0
        except (ConnectionLost, NoReply):
            lost += 1
            if lost == LOST:
                raise
        await asyncio.sleep(backoff.next())
        seen.update(zip(attempt.reads, await store.run(*attempt.reads), strict=True))
    raise Contended(f"{ATTEMPTS} conflicts in a row")


def _not_read(commands: Sequence[Command]) -> Sequence[Any]:
    raise Unread(commands)


def confirming(store: Together) -> list[Command]:
    """What is asked for behind reads so that their reply counts only once the replicas have confirmed what was read."""
    return [_nothing()] if store.replicas else []


def _nothing() -> Command:
    return (_NOTHING, keys.CONFIRMED)


def _take_what_was_read() -> dict[Command, Any]:
    """What the context has read before, for the first that asks: after a write it may be old."""
    before = _read_before.get() or {}
    taken = dict(before)
    before.clear()
    return taken


def _commit(attempt: Transaction, replicas: int) -> Command | None:
    """The script and its arguments, or None if there is nothing to do. Its reply is for `_is_in`."""
    commands = [command for command, _ in attempt.writes.command_stack]
    if not commands:
        return _nothing() if replicas else None  # WAIT looks at its own connection's writes only
    guard = _guard.get()
    checks = [*([guard] if guard else []), *attempt.checks]
    arguments: list[Any] = [int(guard is not None), len(checks)]
    for check in checks:
        arguments += [len(check.command), *check.command, _encoded(check.expected)]
    arguments.append(len(commands))
    for command in commands:
        arguments += [len(command), *command]
    return (_COMMIT, *arguments, *(attempt.releases or ()))


def _is_in(failed: int | None) -> bool:
    """Whether a commit went in. Raises `Superseded`."""
    if failed == _SUPERSEDED:
        raise Superseded
    return not failed


def _encoded(value: bytes | int | None) -> bytes:
    match value:
        case None:
            return b"-"
        case int():
            return b":%d" % value
        case _:
            return b"$" + value
