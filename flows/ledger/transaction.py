"""Optimistic transactions in one round trip: read, decide, and write only if what was read still stands.

The writes go to the server together with the values that were read. One script compares and then writes, all or
nothing, so between deciding and writing there is neither a lock nor a second round trip.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import NoScriptError, RedisError
from redis.exceptions import TimeoutError as NoReply

from flows import keys

T = TypeVar("T")

ATTEMPTS = 50
"""Conflicts in a row before giving up. Each lost round means that somebody else's write went through."""

REPLICATED_WITHIN = 2000
"""Milliseconds that replicas have to take what was written."""

# The shebang makes the server check memory (OOM), role (READONLY) and replicas (NOREPLICAS) before the first line, so
# that no write is refused in the middle.
_COMMIT = """#!lua
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
"""
_SHA = hashlib.sha1(_COMMIT.encode(), usedforsecurity=False).hexdigest()


class Contended(Exception):
    """Other writers came first `ATTEMPTS` times in a row. Nothing was written; try again."""


class Superseded(Exception):
    """What this was written on behalf of (see `only_while`) is over. Nothing was written, and nothing needs to be."""


class NotReplicated(RedisError):
    """The replicas have not confirmed a write in time. It may stand: come again with the same cause."""


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
            if replicas:
                _confirm(redis, replicas)
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
        # redis-py puts the two words of such as "CLIENT LIST" into one.
        parts = [*str(command[0]).split(), *command[1:]]
        arguments += [len(parts), *parts]
    failed, confirmed = _run(redis, replicas, "EVALSHA", _SHA, arguments)
    if isinstance(failed, NoScriptError):
        failed, confirmed = _run(redis, replicas, "EVAL", _COMMIT, arguments)
    for reply in (failed, confirmed):
        if isinstance(reply, Exception):
            raise reply
    if not failed and confirmed < replicas:
        raise NotReplicated(f"{confirmed} of {replicas} replicas have confirmed a write")
    return int(failed)


def _run(redis: Redis, replicas: int, *call: Any) -> tuple[Any, Any]:
    """The script's reply, and how many replicas have confirmed: WAIT counts on the connection that wrote."""
    command, script, arguments = call
    with redis.pipeline(transaction=False) as pipe:
        pipe.execute_command(command, script, 0, *arguments)  # type: ignore[no-untyped-call]
        if replicas:
            pipe.execute_command("WAIT", replicas, REPLICATED_WITHIN)  # type: ignore[no-untyped-call]
        replies = pipe.execute(raise_on_error=False)
    return replies[0], replies[1] if replicas else 0


def _confirm(redis: Redis, replicas: int) -> None:
    """Everything that this client could read is on the replicas. Raises `NotReplicated`.

    WAIT looks at the writes of its own connection only, so there has to be one.
    """
    with redis.pipeline(transaction=False) as pipe:
        pipe.set(keys.CONFIRMED, "1")
        pipe.execute_command("WAIT", replicas, REPLICATED_WITHIN)  # type: ignore[no-untyped-call]
        confirmed: int = pipe.execute()[1]
    if confirmed < replicas:
        raise NotReplicated(f"{confirmed} of {replicas} replicas have confirmed a write")


def _encoded(value: bytes | int | None) -> bytes:
    match value:
        case None:
            return b"-"
        case int():
            return b":%d" % value
        case _:
            return b"$" + value
