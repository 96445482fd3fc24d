"""Members of the indices, deadlines and delivery records, each with the order it should belong to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from redis import Redis
from redis.exceptions import ResponseError

from flows import keys
from flows.events import Side
from flows.ledger.audit import Difference
from flows.store import is_outage
from workers.reading import printable

OF_CUSTOMERS = keys.orders_of_customer(0).removesuffix("0")
OPEN = keys.open_orders("")
COUNT = 1000  # members or keys asked for at a time


@dataclass(frozen=True)
class Home:
    """Where an order belongs."""

    customer: int
    slug: str


@dataclass(frozen=True)
class Member:
    """Something under `key` that names an order, and the difference that it makes if it should not be there."""

    key: str
    order_id: str
    difference: Difference

    def belongs_to(self, home: Home | None) -> bool:
        """Whether an order of that home may have this; none is no order that is known."""
        if home is None:
            return False
        if self.key.startswith(OF_CUSTOMERS):
            return self.key == keys.orders_of_customer(home.customer)
        if self.key.startswith(OPEN):
            return self.key == keys.open_orders(home.slug)
        return True


def members(redis: Redis) -> Iterator[Member]:
    """All of them, as they are found while the system may go on."""
    yield from _listed(keys.ORDERS, "ZREM", _scored(redis, keys.ORDERS))
    for key in redis.scan_iter(match=f"{OF_CUSTOMERS}*", count=COUNT):
        yield from _listed(printable(key), "ZREM", _scored(redis, key))
    for key in redis.scan_iter(match=f"{OPEN}*", count=COUNT):
        yield from _listed(printable(key), "SREM", redis.sscan_iter(key, count=COUNT))
    for raw, _ in redis.zscan_iter(keys.DUE, count=COUNT):
        yield Member(keys.DUE, _order_due(printable(raw)), _stray(keys.DUE, raw, "ZREM"))
    prefix = keys.delivery("")
    for key in redis.scan_iter(match=f"{prefix}*", count=COUNT):
        name = printable(key)
        order_id = name.removeprefix(prefix)
        if ":" not in order_id:  # a lock has one, and ends by itself
            difference = Difference(name, "is the delivery record of no order", ("DEL", key))
            yield Member(name, order_id, difference)


def _scored(redis: Redis, key: str | bytes) -> Iterator[bytes]:
    return (raw for raw, _ in redis.zscan_iter(key, count=COUNT))


def _listed(key: str, remove: str, found: Iterator[bytes]) -> Iterator[Member]:
    """What is `found` under a key; and where that is refused, for the key is of another type, the key itself."""
    try:
        for raw in found:
            yield Member(key, printable(raw), _stray(key, raw, remove))
    except ResponseError as error:
        yield Member(key, "", refused(key, error))


def refused(key: str, error: ResponseError) -> Difference:
    """That a key can't be read, for it is of another type. Raises the error if it is an outage."""
    if is_outage(error):
        raise error
    return Difference(key, f"is of another type than it should: see what wrote it, then `RENAME {key} {key}.old`")


def _stray(key: str, raw: bytes, remove: str) -> Difference:
    return Difference(key, f"names {printable(raw)}, which does not belong there", (remove, key, raw))


def _order_due(member: str) -> str:
    """The order that a deadline is about, or what can't be an order's id."""
    match member.split(":"):
        case ["wake", order_id]:
            return order_id
        case ["notify" | "repaint", order_id, side] if side in tuple(Side):
            return order_id
        case _:
            return ""
