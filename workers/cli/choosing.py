"""Which orders a person means: those of today, of a restaurant, by status, or the one that people call "#7"."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flows.ledger import Ledger
from flows.order import Order, Status

TWO_DAYS = timedelta(days=2)
"""Whatever the restaurant's time zone, what was placed today there was placed less long ago."""

MOST = 10  # orders to choose from that are shown

_NUMBER = re.compile(r"#?([0-9]{1,9})")


def wanted(ledger: Ledger, *, today: bool, restaurant: str | None, statuses: Collection[Status]) -> list[Order]:
    """The orders that are all of this, oldest first; without statuses, whatever theirs is."""
    now = ledger.clock()
    return [
        order
        for order in ledger.orders(since=now - TWO_DAYS if today else None)
        if (not today or is_of_today(order, now))
        and restaurant in (None, order.placed.restaurant.slug)
        and (not statuses or order.status in statuses)
    ]


def number_of(words: str) -> int | None:
    """The number that somebody calls an order by, as "7" or "#7"; None for what is none."""
    match = _NUMBER.fullmatch(words.strip())
    return None if match is None else int(match[1])


def numbered(ledger: Ledger, number: int, restaurant: str | None) -> tuple[list[Order], list[Order]]:
    """The orders of that number which may be meant (today's, and those not over yet), and the last ones before."""
    now, meant, before = ledger.clock(), list[Order](), list[Order]()
    for order in ledger.newest_first():
        if order.placed.number != number or restaurant not in (None, order.placed.restaurant.slug):
            continue
        if is_of_today(order, now) or not order.over:
            meant.append(order)
        elif len(before) < MOST:
            before.append(order)
        if len(before) == MOST:
            break
    return meant, before


def is_of_today(order: Order, now: datetime) -> bool:
    """Whether it was placed on the day that it is at the restaurant now."""
    zone = ZoneInfo(order.placed.restaurant.timezone)
    return order.placed.at.astimezone(zone).date() == now.astimezone(zone).date()
