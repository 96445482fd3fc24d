"""Taking orders out of the store that are over, and that an archive has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from redis.client import Pipeline

from flows import keys
from flows.events import Side
from flows.ledger.feed import Feed
from flows.ledger.signs import signs_of
from flows.ledger.transaction import Check, Transaction
from flows.order import Order


class Removal(Feed):
    """The end of orders."""

    def remove(self, orders: Sequence[Order]) -> set[str]:
        """Take these orders out of the store, each with all that follows from it, in one transaction.

        One that is not over, has changed since it was read, or still waits for something stays as it is. Returns the
        ids of those that are gone now.
        """
        entries = self.entries_of({order.id: order.version for order in orders})

        def work(attempt: Transaction) -> set[str]:
            gone = set()
            for order, (length, due, holders) in zip(orders, self._as_of_now(orders), strict=True):
                if length == order.version and order.over and not order.owed and not any(due):
                    attempt.checks += _checks(order)
                    _stage_free_own(attempt, order, holders)
                    _stage_removal(attempt.writes, order, entries[order.id])
                    gone.add(order.id)
                elif length == 0:  # by this transaction, whose reply was lost, or by somebody else's
                    gone.add(order.id)
            return gone

        return self._transact(work)

    def _as_of_now(self, orders: Sequence[Order]) -> Iterator[tuple[int, list[float | None], list[bytes | None]]]:
        """How many events each has, when it is due for whatever it may be due for, and who has its number and code."""
        with self._redis.pipeline(transaction=False) as pipe:
            for order in orders:
                pipe.llen(keys.order(order.id))
                pipe.zmscore(keys.DUE, _deadlines(order))
                pipe.hmget(keys.taken(order.placed.restaurant.slug), signs_of(order.placed))
            answers: list[Any] = pipe.execute()
        return zip(answers[::3], answers[1::3], answers[2::3], strict=True)


def _deadlines(order: Order) -> list[str]:
    of_sides = [member(order.id, side) for member in (keys.notify, keys.repaint) for side in Side]
    return [keys.wake(order.id), *of_sides]


def _checks(order: Order) -> list[Check]:
    unchanged = Check(("LLEN", keys.order(order.id)), order.version)
    return [unchanged, *(Check(("ZSCORE", keys.DUE, member), None) for member in _deadlines(order))]


def _stage_free_own(attempt: Transaction, order: Order, holders: Sequence[bytes | None]) -> None:
    """Let go of what a process that knew nothing of it left noted when it ended the order."""
    key = keys.taken(order.placed.restaurant.slug)
    for sign, holder in zip(signs_of(order.placed), holders, strict=True):
        if holder == order.id.encode():
            attempt.checks.append(Check(("HGET", key, sign), holder))
            attempt.writes.hdel(key, sign)


def _stage_removal(pipe: Pipeline, order: Order, entries: list[str]) -> None:
    pipe.delete(keys.order(order.id), keys.delivery(order.id))
    pipe.zrem(keys.ORDERS, order.id)
    pipe.zrem(keys.orders_of_customer(order.placed.customer.id), order.id)
    pipe.srem(keys.open_orders(order.placed.restaurant.slug), order.id)
    if entries:
        pipe.xdel(keys.EVENTS, *entries)
