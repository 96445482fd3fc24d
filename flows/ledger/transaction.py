"""Optimistic transactions in one round trip: read, decide, and write only if what was read still stands.

The writes go to the server together with the values that were read. One script compares and then writes, all or
nothing, so between deciding and writing there is neither a lock nor a second round trip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as NoReply

from flows import keys
from flows.store import Script

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
for check = 1, tonumber(take()) do
  local found = redis.call(unpack(command()))
  local expected = take()
  if type(found) == 'number' then found = ':' .. found elseif found then found = '$' .. found else found = '-' end
  if found ~= expected then return check end
end
for _ = 1, tonumber(take()) do redis.call(unpack(command())) end
return 0
""")
_NOTHING = Script("""#!lua
redis.call('SET', ARGV[1], '1')
""")


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


class Transaction:
    """What one attempt has read, and in `writes` what it means to write: a buffer, never executed by itself."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.checks: list[Check] = []
        self.writes: Pipeline = redis.pipeline(transaction=True)
        self.writes.multi()  # RQ stages into such pipelines only

    def get(self, key: str) -> bytes | None:
        found: bytes | None = self._read("GET", key)
        return found

    def get_both(self, one: str, other: str) -> tuple[bytes | None, bytes | None]:
        """Two strings in one round trip."""
        found: Any = self._redis.mget(one, other)
        self.checks += [Check(("GET", key), raw) for key, raw in zip((one, other), found, strict=True)]
        return found[0], found[1]

    def hget(self, key: str, field: str) -> bytes | None:
        found: bytes | None = self._read("HGET", key, field)
        return found

    def length(self, key: str) -> int:
        """The length of a list."""
        found: int = self._read("LLEN", key)
        return found

    def entries(self, key: str) -> list[bytes]:
        """A list to which entries are only ever added: it is the same as long as its length is."""
        found: Any = self._redis.lrange(key, 0, -1)
        self.checks.append(Check(("LLEN", key), len(found)))
        return list(found)

    def _read(self, *command: str) -> Any:
        found: Any = self._redis.execute_command(*command)  # type: ignore[no-untyped-call]
        self.checks.append(Check(command, found))
        return found


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
    guard = _guard.get()
    for _ in range(ATTEMPTS):
        attempt = Transaction(redis)
        result = work(attempt)
        if not attempt.writes.command_stack:
            if replicas:  # WAIT looks at its own connection's writes only, so there has to be one
                _NOTHING.run(redis, [keys.CONFIRMED], replicas)
            return result
        try:
            failed = _commit(redis, replicas, [*([guard] if guard else []), *attempt.checks], attempt.writes)
        except (ConnectionLost, NoReply):  # it may stand: the next attempt's reading tells
            continue
        if guard is not None and failed == 1:
            raise Superseded
        if not failed:
            return result
    raise Contended(f"{ATTEMPTS} conflicts in a row")


def _commit(redis: Redis, replicas: int, checks: list[Check], writes: Pipeline) -> int:
    """Returns 0, or the number of the check that failed. Raises `NotReplicated`."""
    arguments: list[Any] = [len(checks)]
    for check in checks:
        arguments += [len(check.command), *check.command, _encoded(check.expected)]
    commands = [command for command, _ in writes.command_stack]
    arguments.append(len(commands))
    for command in commands:
        arguments += [len(command), *command]
    failed: int = _COMMIT.run(redis, arguments, replicas)
    return failed


def _encoded(value: bytes | int | None) -> bytes:
    match value:
        case None:
            return b"-"
        case int():
            return b":%d" % value
        case _:
            return b"$" + value
