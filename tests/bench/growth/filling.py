"""Many finished orders, quickly: one is made by the ledger, and what it has left in the store is written anew for each.

`check` holds a copy against an order that the ledger has made by itself.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from redis import Redis

from flows import keys
from flows.commands import AcceptOrder, MarkPickedUp, RecordNotified
from flows.events import About, Person, Side
from flows.ledger import Ledger, Shown
from flows.order import Status
from tests.bench.errors import BrokenRun
from tests.bench.stores import Served
from tests.orders import ANNA, place

Command = tuple[str | bytes, ...]

PATTERN, PATTERN_CUSTOMER = "0rder0pattrn", 999_999_999  # as long as what takes their place
CHUNK = 2000  # orders in one go
PER_CUSTOMER = 10
CUSTOMER = 100_000_000  # the first one's id


def order_id(number: int) -> str:
    """The id of the copy of that number."""
    return f"{number:012}"


def finish(ledger: Ledger, order: str, customer: int) -> None:
    """One order from its placing to its end, as a worker and people bring it there, without the messages."""
    ledger.execute(order, place(order, customer=Person(id=customer, name="Carla")), f"people-{order}-place")
    _told(ledger, order, Side.RESTAURANT, About.PLACED)
    ledger.execute(order, AcceptOrder(ANNA, 20), f"people-{order}-accept")
    _told(ledger, order, Side.CUSTOMER, About.ACCEPTED)
    ledger.execute(order, MarkPickedUp(ANNA), f"people-{order}-pick-up")
    for side in Side:
        _shown(ledger, order, side)
        done = ledger.order(order)
        assert done is not None
        ledger.settle(done, side, ledger.service("nonna").staff_chat)


def _told(ledger: Ledger, order: str, side: Side, about: About) -> None:
    version = _shown(ledger, order, side)
    ledger.execute(order, RecordNotified(side, about), f"delivery-{side}-{about}-{version}")


def _shown(ledger: Ledger, order: str, side: Side) -> int:
    found = ledger.order(order)
    assert found is not None
    chat = found.placed.customer.id if side is Side.CUSTOMER else ANNA.id
    ledger.record_shown(order, side, Shown(chat_id=chat, message_id=4711, version=found.version))
    return found.version


def forget_jobs(redis: Redis) -> None:
    """Remove what RQ keeps of jobs for a minute."""
    for key in redis.scan_iter("rq:*", count=1000):
        redis.delete(key)


def pattern(redis: Redis) -> list[Command]:
    """The commands that write what the ledger has left of the pattern order."""
    finish(Ledger(redis), PATTERN, PATTERN_CUSTOMER)
    forget_jobs(redis)
    commands: list[Command] = [("RPUSH", keys.order(PATTERN), *redis.lrange(keys.order(PATTERN), 0, -1))]
    delivery: Any = redis.hgetall(keys.delivery(PATTERN))
    commands.append(("HSET", keys.delivery(PATTERN), *(part for pair in delivery.items() for part in pair)))
    commands.append(("EXPIRE", keys.delivery(PATTERN), str(redis.ttl(keys.delivery(PATTERN)))))
    for key in (keys.ORDERS, keys.orders_of_customer(PATTERN_CUSTOMER)):
        commands.append(("ZADD", key, repr(redis.zscore(key, PATTERN)), PATTERN))
    stream: Any = redis.xrange(keys.EVENTS)
    for _, fields in stream:
        if fields[b"order"] == PATTERN.encode():
            commands.append(("XADD", keys.EVENTS, "*", *(part for pair in fields.items() for part in pair)))
    return commands


def fill(served: Served, commands: list[Command], orders: int) -> None:
    """Write so many finished orders. Raises `BrokenRun` when some are missing then."""
    before = served.redis.zcard(keys.ORDERS)
    served.redis.config_set("appendfsync", "no")
    place = urlsplit(served.url)
    with socket.create_connection((place.hostname or "", place.port or 0)) as connection:
        connection.sendall(b"CLIENT REPLY OFF\r\n")
        for chunk in _chunks(_encoded(commands), orders):
            connection.sendall(chunk)
        connection.sendall(b"CLIENT REPLY ON\r\n")
        connection.recv(16)
    served.redis.config_set("appendfsync", "always")
    there = served.redis.zcard(keys.ORDERS) - before
    if there != orders:
        raise BrokenRun(f"growth: {there} of {orders} orders are in the store")


def _encoded(commands: list[Command]) -> bytes:
    parts = []
    for command in commands:
        encoded = [part if isinstance(part, bytes) else part.encode() for part in command]
        parts.append(b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(one), one) for one in encoded))
    return b"".join(parts)


def _chunks(one: bytes, orders: int) -> Iterator[bytes]:
    customer = str(PATTERN_CUSTOMER).encode()
    for first in range(0, orders, CHUNK):
        numbers = range(first, min(first + CHUNK, orders))
        yield b"".join(
            one.replace(PATTERN.encode(), order_id(number).encode()).replace(
                customer, str(CUSTOMER + number // PER_CUSTOMER).encode()
            )
            for number in numbers
        )


def check(redis: Redis, copies: int) -> None:
    """Hold some copies against an order of the ledger's. Raises `BrokenRun` where they differ."""
    ledger = Ledger(redis)
    for number in {0, copies // 2, copies - 1}:
        copied = order_id(number)
        order = ledger.order(copied)
        if order is None or order.status is not Status.FULFILLED or order.owed or order.id != copied:
            raise BrokenRun(f"growth: the order {copied} is not finished")
        for name in (keys.order, keys.delivery):
            mine, theirs = (_about(redis, name(one)) for one in (copied, PATTERN))
            if mine != theirs:
                raise BrokenRun(f"growth: {name(copied)} is {mine}, and the ledger's own is {theirs}")


def _about(redis: Redis, key: str) -> tuple[Any, ...]:
    stored: Any = redis.lrange(key, 0, -1) if redis.type(key) == b"list" else redis.hvals(key)
    return redis.type(key), redis.object("ENCODING", key), sorted(map(len, stored))
