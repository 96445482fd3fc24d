"""Optimistic transactions: read under WATCH, write in one MULTI/EXEC, and read again when it did not go through."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from redis import Redis, WatchError
from redis.client import Pipeline

T = TypeVar("T")

ATTEMPTS = 50
"""Conflicts in a row before giving up. Each lost round means that somebody else's write went through."""


class Contended(Exception):
    """Other writers came first `ATTEMPTS` times in a row. Nothing was written; try again."""


def transact(redis: Redis, keys: list[str], work: Callable[[Pipeline], T]) -> T:
    """Run `work(pipe)` with `keys` watched until its writes went through unconflicted.

    `work` reads through `pipe`, then calls `pipe.multi()` and stages its writes; staging nothing writes nothing.
    It may run several times, so it must decide from what it has just read. redis-py reports a lost reply of the
    EXEC as `WatchError` as well: the next run then sees its own write. Raises `Contended`, or redis-py's
    connection errors when the store can't be read.
    """
    for _ in range(ATTEMPTS):
        with redis.pipeline(transaction=True) as pipe:
            try:
                pipe.watch(*keys)  # type: ignore[no-untyped-call]
                result = work(pipe)
                if pipe.command_stack:
                    pipe.execute()
                return result
            except WatchError:
                continue
    raise Contended(f"{ATTEMPTS} conflicts in a row on {keys[0]}")
