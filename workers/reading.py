"""Reading many orders at once, each with what is derived from it, as they were at one moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ResponseError, WatchError

from flows import events, keys
from flows.backoff import Backoff
from flows.events import OrderPlaced, Side
from flows.ledger.audit import Derived
from flows.ledger.transaction import ATTEMPTS, LONGEST, SHORTEST, Contended
from flows.order import Order, fold

BATCH = 100  # orders read in one transaction, which holds up everybody else for a millisecond or so

T = TypeVar("T")


@dataclass(frozen=True)
class Reading:
    """An order and what the store had derived from it when its events were read."""

    order: Order
    derived: Derived
    stored: tuple[bytes, ...]  # its events as they are stored


@dataclass(frozen=True)
class Unreadable:
    """An order whose events can't be read, and why."""

    order_id: str
    why: str


def in_batches(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """The same in lists of at most `size`."""
    batch: list[T] = []
    for thing in things:
        batch.append(thing)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def printable(raw: bytes) -> str:
    """A key or member of the store as text, whatever bytes it has."""
    return raw.decode("utf-8", "backslashreplace")


def order_ids(redis: Redis) -> Iterator[str]:
    """The ids of all orders, by their events; each once. Those placed meanwhile may be missing."""
    prefix, seen = keys.order(""), set[str]()
    for key in redis.scan_iter(match=f"{prefix}*", count=1000):
        order_id = printable(key).removeprefix(prefix)
        if order_id not in seen:
            seen.add(order_id)
            yield order_id


def read_orders(redis: Redis, ids: list[str]) -> list[Reading | Unreadable]:
    """Those of these that are there, each as it was at one moment. An unreadable one does not stop the others."""
    with redis.pipeline(transaction=False) as pipe:
        for order_id in ids:
            pipe.lindex(keys.order(order_id), 0)
        # Events are only ever appended, so the first one is the same in the next transaction.
        firsts = pipe.execute(raise_on_error=False)
    found: list[Reading | Unreadable] = []
    placed: list[OrderPlaced] = []
    for order_id, raw in zip(ids, firsts, strict=True):
        if raw is None:  # archived meanwhile
            continue
        try:
            placed.append(_placed(order_id, raw))
        except (ValueError, TypeError, RecursionError) as error:
            found.append(Unreadable(order_id, _in_a_line(error)))
    with redis.pipeline(transaction=True) as pipe:
        for first in placed:
            _ask(pipe, first)
        answers = pipe.execute(raise_on_error=False)
    for number, first in enumerate(placed):
        try:
            reading = _reading(answers[number * _ASKED : (number + 1) * _ASKED])
        except (ValueError, TypeError, RecursionError) as error:
            found.append(Unreadable(first.order_id, _in_a_line(error)))
        else:
            found += [] if reading is None else [reading]
    return found


def _placed(order_id: str, raw: Any) -> OrderPlaced:
    first = events.load(_intact(raw))
    if not isinstance(first, OrderPlaced):
        raise ValueError(f"a history begins with order_placed, not {first.kind}")
    if first.order_id != order_id:
        raise ValueError(f"its events are those of an order {first.order_id}")
    return first


_ASKED = 7  # commands for each order


def _ask(pipe: Any, first: OrderPlaced) -> None:
    order_id = first.order_id
    pipe.lrange(keys.order(order_id), 0, -1)
    pipe.zscore(keys.ORDERS, order_id)
    pipe.zscore(keys.orders_of_customer(first.customer.id), order_id)
    pipe.sismember(keys.open_orders(first.restaurant.slug), order_id)
    pipe.zscore(keys.DUE, keys.wake(order_id))
    for side in Side:
        pipe.zscore(keys.DUE, keys.notify(order_id, side))


def _reading(answers: list[Any]) -> Reading | None:
    stored, listed_at, customers_at, is_open, wake_at, *notify = map(_intact, answers)
    order = fold(map(events.load, stored))
    if order is None:  # archived since its first event was read
        return None
    notified = frozenset(side for side, score in zip(Side, notify, strict=True) if score is not None)
    return Reading(order, Derived(listed_at, customers_at, bool(is_open), wake_at, notified), tuple(stored))


def _intact(answer: Any) -> Any:
    """An answer of the store, unless it is an error: another type of value than ours, say."""
    if isinstance(answer, ResponseError):
        raise ValueError(str(answer)) from answer
    return answer


def _in_a_line(error: Exception) -> str:
    words = str(error).splitlines() or [type(error).__name__]
    return words[0][:120]


def watched(redis: Redis, names: Sequence[str], work: Callable[[Pipeline], T]) -> T:
    """What `work` returns, once its writes went in with these keys unchanged since it began to read.

    Raises `Contended` where that does not come about in as many attempts as the ledger makes.
    """
    backoff = Backoff(LONGEST, SHORTEST)
    for _ in range(ATTEMPTS):
        with redis.pipeline(transaction=True) as pipe:
            pipe.watch(*names)  # type: ignore[no-untyped-call]
            result = work(pipe)
            try:
                pipe.execute()
            except WatchError:
                time.sleep(backoff.next())
            else:
                return result
    raise Contended(f"{ATTEMPTS} conflicts in a row")
