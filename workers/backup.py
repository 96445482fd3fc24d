"""What a backup has, and taking one while the system runs.

Orders are written one by one, each with the record of its messages as they are at one moment, and their events are
only ever appended: so a backup has a beginning of each order, up to some moment while it was taken. The parts are read
in an order in which what is read later may know more, and what it does not know of does no harm:

1. which updates were taken in, then the updates that wait: a tap that is handled meanwhile finds its effect there, on
   an order always, in a session if it is among the last ones (`flows.session.REMEMBERED`); a switch is set once more;
2. restaurants, carts and all else: a cart that was ordered meanwhile has the order's id, so it is not ordered twice;
3. orders;
4. what is due, and the counters of numbers: they know of every order above.

What is derived is left out and made anew (see `workers.verify`); so are RQ's jobs, which are hints made from what is
owed; and so is what lasts for seconds. Whatever else there is, is in it, whether this module knows of it or not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from redis import Redis

from flows import keys
from workers.backup_file import TYPES, Record, Summary, Type, written
from workers.reading import BATCH, in_batches
from workers.strays import OF_CUSTOMERS, OPEN

DERIVED = (keys.EVENTS, keys.ORDERS, keys.STAFF)
PASSING = (keys.WORKERS, keys.RESTORING, keys.CONFIRMED)
LEFT_OUT = (
    *("rq:", OF_CUSTOMERS, OPEN, "worker:", "quiet:", "gate:", "hint:", keys.staff_trouble("")),
    *(keys.inbox_lease(""), keys.listening("")),
)
ORDER, DELIVERY, NUMBER = keys.order(""), keys.delivery(""), "number:"
PHASES = range(5)

_READ: dict[Type, Callable[[Any, bytes], object]] = {
    "string": lambda pipe, key: pipe.get(key),
    "list": lambda pipe, key: pipe.lrange(key, 0, -1),
    "set": lambda pipe, key: pipe.smembers(key),
    "hash": lambda pipe, key: pipe.hgetall(key),
    "zset": lambda pipe, key: pipe.zrange(key, 0, -1, withscores=True),
}


class CannotBackUp(Exception):
    """There is something in the store that a backup can't have; the message says what."""


def is_carried(key: str) -> bool:
    """Whether a backup has that key."""
    if key in DERIVED or key in PASSING or key.startswith(LEFT_OUT):
        return False
    of_processes = key.startswith("inbox:") and key.endswith((":offset", ":processes"))
    return not of_processes and not (key.startswith(DELIVERY) and key.endswith(":lock"))


def take(redis: Redis, path: Path, tell: Callable[[int], None]) -> Summary:
    """Write a backup. `tell` gets the number of keys written so far. Raises `OSError` and `CannotBackUp`."""
    with written(path) as file:
        for record in _records(redis):
            file.add(record)
            tell(file.summary.keys.total())
    return file.summary


def _records(redis: Redis) -> Iterator[Record]:
    for phase in PHASES:
        for batch in in_batches(_keys(redis, phase), BATCH):
            yield from _values(redis, batch)


def _keys(redis: Redis, phase: int) -> Iterator[bytes]:
    """The keys of a phase, each once."""
    done = set[bytes]()
    for key in redis.scan_iter(count=1000):
        name = as_text(key)
        if _phase(name) == phase and key not in done:
            done.add(key)
            yield key


def _phase(key: str) -> int | None:
    if not is_carried(key):
        return None
    if key.startswith("inbox:"):
        return 0 if key.endswith(":seen") else 1
    if key.startswith(ORDER):
        return 3
    if key.startswith(DELIVERY):  # comes with its order
        return None
    return 4 if key == keys.DUE or key.startswith(NUMBER) else 2


def _values(redis: Redis, batch: list[bytes]) -> Iterator[Record]:
    """The records of these keys as they are at one moment."""
    beside = [DELIVERY.encode() + key.removeprefix(ORDER.encode()) for key in batch if key.startswith(ORDER.encode())]
    wanted = [*batch, *beside]
    with redis.pipeline(transaction=False) as pipe:
        for key in wanted:
            pipe.type(key)
        types = [as_text(answer) for answer in pipe.execute()]
    there = [(key, _type(key, kind)) for key, kind in zip(wanted, types, strict=True) if kind != "none"]
    with redis.pipeline(transaction=True) as pipe:
        for key, kind in there:
            _READ[kind](pipe, key)
            pipe.pttl(key)
        answers = pipe.execute()
    now = int(time.time() * 1000)
    for (key, kind), value, left in zip(there, answers[::2], answers[1::2], strict=True):
        if value or value == b"":  # otherwise it has gone meanwhile
            yield Record(as_text(key), kind, _plain(kind, value), now + left if left >= 0 else None)


def _type(key: bytes, kind: str) -> Type:
    if kind not in TYPES:
        raise CannotBackUp(f"the key {as_text(key)} is of the type {kind}, which no part of Comanda writes")
    return TYPES[kind]


def _plain(kind: Type, value: Any) -> Any:
    match kind:
        case "string":
            return as_text(value)
        case "list":
            return [as_text(one) for one in value]
        case "set":
            return sorted(as_text(one) for one in value)
        case "hash":
            return {as_text(field): as_text(one) for field, one in value.items()}
        case "zset":
            return {as_text(member): score for member, score in value}


def as_text(raw: bytes) -> str:
    """Text that `as_bytes` turns into the same bytes, whatever they are."""
    return raw.decode("utf-8", "surrogateescape")


def as_bytes(words: str) -> bytes:
    """The bytes that `as_text` made that text of."""
    return words.encode("utf-8", "surrogateescape")
