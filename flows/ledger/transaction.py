"""Optimistic transactions in one round trip: read, decide, and write only if what was read still stands.

The writes go to the server together with the values that were read. One script compares and then writes, all or
nothing, so between deciding and writing there is neither a lock nor a second round trip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as NoReply

from flows import keys
from flows.store import Command, Script, Together

T = TypeVar("T")

ATTEMPTS = 50
"""Conflicts in a row before giving up. Each lost round means that somebody else's write went through."""

_COMMIT = Script("""#!lua
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
for _ = 1, tonumber(take()) do redis.call(unpack(command())) end
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


class Unread(Exception):
    """A transaction needs what nobody has read yet: the reply to `command`."""

    def __init__(self, command: Command) -> None:
        super().__init__(command)
        self.command = command


class Transaction:
    """What one attempt has read, and in `writes` what it means to write: a buffer, never executed by itself."""

    def __init__(self, redis: Redis, read: Callable[[Command], Any]) -> None:
        self._read = read
        self.reads: list[Command] = []
        self.checks: list[Check] = []
        self.writes: Pipeline = redis.pipeline(transaction=True)
        self.writes.multi()  # RQ stages into such pipelines only

    def get(self, key: str) -> bytes | None:
        found: bytes | None = self._checked("GET", key)
        return found

    def get_both(self, one: str, other: str) -> tuple[bytes | None, bytes | None]:
        """Two strings in one round trip."""
        found = self._reply("MGET", one, other)
        self.checks += [Check(("GET", key), raw) for key, raw in zip((one, other), found, strict=True)]
        return found[0], found[1]

    def hget(self, key: str, field: str) -> bytes | None:
        found: bytes | None = self._checked("HGET", key, field)
        return found

    def length(self, key: str) -> int:
        """The length of a list."""
        found: int = self._checked("LLEN", key)
        return found

    def entries(self, key: str) -> list[bytes]:
        """A list to which entries are only ever added: it is the same as long as its length is."""
        found = self._reply("LRANGE", key, "0", "-1")
        self.checks.append(Check(("LLEN", key), len(found)))
        return list(found)

    def _checked(self, *command: str) -> Any:
        found = self._reply(*command)
        self.checks.append(Check(command, found))
        return found

    def _reply(self, *command: str) -> Any:
        self.reads.append(command)
        return self._read(command)


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

    def read(command: Command) -> Any:
        return redis.execute_command(*command)  # type: ignore[no-untyped-call]

    for _ in range(ATTEMPTS):
        attempt = Transaction(redis, read)
        result = work(attempt)
        commit = _commit(attempt, replicas)
        if commit is None:
            return result
        try:
            if _is_in(commit[0].run(redis, commit[1:], replicas)):
                return result
        except (ConnectionLost, NoReply):  # it may stand: the next attempt's reading tells
            continue
    raise Contended(f"{ATTEMPTS} conflicts in a row")


async def transact_together(store: Together, work: Callable[[Transaction], T], seen: dict[Command, Any]) -> T:
    """The same on an event loop, in the round trips that all of its tasks share.

    `seen` is what has been read a moment ago, by command: the commit finds out whether it still stands. Only if not, or
    where something is missing, is anything read. In the end it is what `work` decided by.
    """
    for _ in range(ATTEMPTS):
        attempt = Transaction(store.redis, partial(_known, seen))
        try:
            result = work(attempt)
        except Unread as unread:
            [seen[unread.command]] = await store.run(unread.command)
            continue
        commit = _commit(attempt, store.replicas)
        if commit is None:
            return result
        try:
            [failed] = await store.run(commit)
            if _is_in(failed):
                return result
        except (ConnectionLost, NoReply):
            pass
        seen.update(zip(attempt.reads, await store.run(*attempt.reads), strict=True))
    raise Contended(f"{ATTEMPTS} conflicts in a row")


def _known(seen: dict[Command, Any], command: Command) -> Any:
    if command not in seen:
        raise Unread(command)
    return seen[command]


def _commit(attempt: Transaction, replicas: int) -> Command | None:
    """The script and its arguments, or None if there is nothing to do. Its reply is for `_is_in`."""
    commands = [command for command, _ in attempt.writes.command_stack]
    if not commands:
        return (_NOTHING, keys.CONFIRMED) if replicas else None  # WAIT looks at its own connection's writes only
    guard = _guard.get()
    checks = [*([guard] if guard else []), *attempt.checks]
    arguments: list[Any] = [int(guard is not None), len(checks)]
    for check in checks:
        arguments += [len(check.command), *check.command, _encoded(check.expected)]
    arguments.append(len(commands))
    for command in commands:
        arguments += [len(command), *command]
    return (_COMMIT, *arguments)


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
