"""Bringing a backup back into a store that nobody else uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis import Redis

from flows import keys
from workers.backup import as_bytes, as_text, is_carried
from workers.backup_file import BadBackup, Record
from workers.reading import in_batches
from workers.verify import Finding, Verification

COUNT = 200  # keys written at a time

Progress = Callable[[str], Callable[[int], None]]
"""Of what a part is told how many are done; gives what is told that."""


@dataclass(frozen=True)
class Restored:
    """What was brought back, and what a look at all of it has found."""

    orders: int
    findings: list[Finding]


def is_empty(redis: Redis) -> bool:
    """Whether nothing would be lost: there is nothing that a backup would have, or only half of a former restore."""
    if redis.exists(keys.RESTORING):
        return True
    names = map(as_text, redis.scan_iter(count=1000))
    return not any(is_carried(name) and name not in (keys.BEAT, keys.DOWNTIMES) for name in names)


def checked(records: Iterable[Record]) -> int:
    """Read all of these. Returns how many; raises `BadBackup`, also for what no backup has: a job for RQ, say."""
    number = 0
    for record in records:
        number += 1
        if not is_carried(record.key):
            raise BadBackup(f"it has a key that no backup has: {record.key[:60]!r}")
    return number


def restore(redis: Redis, records: Iterable[Record], clock: Callable[[], datetime], progress: Progress) -> Restored:
    """Erase the store, write `records`, make anew what is derived from them, and look whether all of it agrees.

    Until all is done a mark in the store keeps everybody from starting on it (see `workers.store`). Raises redis-py's
    errors, upon which the restore has to be done again.
    """
    with redis.pipeline(transaction=True) as pipe:
        pipe.flushdb()
        pipe.set(keys.RESTORING, clock().isoformat())
        pipe.execute()
    number, tell = 0, progress("keys brought back")
    for batch in in_batches(records, COUNT):
        with redis.pipeline(transaction=True) as pipe:
            for record in batch:
                _write(pipe, record)
            pipe.execute()
        number += len(batch)
        tell(number)
    for _ in Verification(redis, clock, repair=True, as_of_then=True, tell=progress("orders replayed")).run():
        pass
    look = Verification(redis, clock, repair=False, tell=progress("orders compared"))
    findings = list(look.run())
    redis.delete(keys.RESTORING)
    return Restored(look.orders, findings)


def _write(pipe: Any, record: Record) -> None:
    key, value = as_bytes(record.key), record.value
    match record.type:
        case "string":
            pipe.set(key, as_bytes(value))
        case "list":
            pipe.rpush(key, *map(as_bytes, value))
        case "set":
            pipe.sadd(key, *map(as_bytes, value))
        case "hash":
            pipe.hset(key, mapping={as_bytes(field): as_bytes(one) for field, one in value.items()})
        case "zset":
            pipe.zadd(key, {as_bytes(member): score for member, score in value.items()})
    if record.expires is not None:
        pipe.pexpireat(key, record.expires)
