"""What the store has derived from an order, compared with what its events say. Pure; `workers.verify` reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from flows import keys
from flows.events import OrderPlaced, Side
from flows.ledger.signs import signs_of
from flows.order import Order, next_deadline

Command = tuple[str | float | bytes, ...]

NUMBER_LIFE = 3 * 86_400  # seconds that a day's counter is kept after its last use

PUT_OFF = timedelta(minutes=2)
"""How far ahead a deadline may have been put that could not be handled when it came; a clock does so by a minute."""

CLOSE_TO_MIDNIGHT = timedelta(minutes=1)
"""An order placed so soon after midnight may have taken its number before."""


@dataclass(frozen=True)
class Difference:
    """Something that does not agree. `cure` is the command of the store that puts it right, empty if none can."""

    subject: str
    says: str
    cure: Command = ()


@dataclass(frozen=True)
class Derived:
    """What the store has of one order beside its events, read at the same moment as these."""

    listed_at: float | None  # in the index of all orders; seconds since 1970, as all times here
    customers_at: float | None  # in that of the customer's
    is_open: bool
    wake_at: float | None
    notified: frozenset[Side]  # the sides that a clock is to look after


def of_order(order: Order, found: Derived, now: datetime) -> Iterator[Difference]:
    """Where the indices and deadlines of an order are not what its events say."""
    yield from _indices(order, found)
    yield from _wake(order, found, now)
    for side in Side:
        if order.owed_to(side) and side not in found.notified:
            cure: Command = ("ZADD", keys.DUE, now.timestamp(), keys.notify(order.id, side))
            yield Difference(order.id, f"nobody is to tell the {side} what it is owed", cure)


def _indices(order: Order, found: Derived) -> Iterator[Difference]:
    placed_at = order.placed.at.timestamp()
    customer, slug = order.placed.customer.id, order.placed.restaurant.slug
    for key, score in ((keys.ORDERS, found.listed_at), (keys.orders_of_customer(customer), found.customers_at)):
        if score != placed_at:
            says = f"is not in {key}" if score is None else f"is in {key} by another time"
            yield Difference(order.id, says, ("ZADD", key, placed_at, order.id))
    open_orders = keys.open_orders(slug)
    if order.over and found.is_open:
        yield Difference(order.id, f"is over and yet in {open_orders}", ("SREM", open_orders, order.id))
    elif not order.over and not found.is_open:
        yield Difference(order.id, f"is open and not in {open_orders}", ("SADD", open_orders, order.id))


def _wake(order: Order, found: Derived, now: datetime) -> Iterator[Difference]:
    deadline, member = next_deadline(order), keys.wake(order.id)
    if deadline is None:
        if found.wake_at is not None:
            yield Difference(order.id, "is over and yet has a deadline", ("ZREM", keys.DUE, member))
        return
    wanted = deadline.timestamp()
    cure: Command = ("ZADD", keys.DUE, wanted, member)
    if found.wake_at is None:
        yield Difference(order.id, "has no deadline", cure)
    elif found.wake_at < wanted or found.wake_at > max(wanted, (now + PUT_OFF).timestamp()):
        there = datetime.fromtimestamp(found.wake_at, UTC)
        yield Difference(order.id, f"has its deadline at {there:%F %T}Z, not at {deadline:%F %T}Z", cure)


def of_staff(staff: Mapping[str, str], chats: Mapping[str, str]) -> Iterator[Difference]:
    """Where the index of staff chats (chat -> slug) is not what the restaurants have (`chats`: slug -> chat)."""
    serves: dict[str, list[str]] = {}
    for slug, chat in chats.items():
        serves.setdefault(chat, []).append(slug)
    for chat, slugs in serves.items():
        if len(slugs) > 1:
            names = ", ".join(sorted(slugs))
            yield Difference(f"chat {chat}", f"is the staff chat of several restaurants: {names}; invite them anew")
        elif staff.get(chat) != slugs[0]:
            cure: Command = ("HSET", keys.STAFF, chat, slugs[0])
            yield Difference(
                f"chat {chat}", f"is the staff chat of {slugs[0]}, which `{keys.STAFF}` does not say", cure
            )
    for chat, slug in staff.items():
        if chat not in serves:
            cure = ("HDEL", keys.STAFF, chat)
            yield Difference(f"chat {chat}", f"stands in `{keys.STAFF}` for {slug}, whose staff chat it is not", cure)


def number_of_today(placed: OrderPlaced, now: datetime) -> tuple[str, int] | None:
    """The counter that an order of today had its number from, and the number. Raises `ValueError` for no time zone."""
    try:
        zone = ZoneInfo(placed.restaurant.timezone)
    except (KeyError, OSError):  # what `zoneinfo` raises for a zone or a name of a file that is none
        raise ValueError(f"there is no time zone {placed.restaurant.timezone!r}") from None
    at, today = placed.at.astimezone(zone), now.astimezone(zone).date()
    if at.date() != today or (at - CLOSE_TO_MIDNIGHT).date() != today:
        return None
    return keys.number(placed.restaurant.slug, today), placed.number


def of_number(key: str, highest: int, last: int | None) -> Iterator[Difference]:
    """Whether a counter would give out a number that an order has already."""
    if (last or 0) < highest:
        cure: Command = ("SET", key, highest, "EX", NUMBER_LIFE)
        yield Difference(key, f"is at {last or 0}, and an order has the number {highest}", cure)


def of_signs(key: str, taken: Mapping[str, str], orders: Iterable[OrderPlaced]) -> Iterator[Difference]:
    """Where the numbers and codes noted as taken (sign -> order) are not those of a restaurant's open `orders`."""
    owners: dict[str, list[str]] = {}
    for placed in orders:
        for sign in signs_of(placed):
            owners.setdefault(sign, []).append(placed.order_id)
    for sign in taken.keys() - owners.keys():
        yield Difference(key, f"has {sign} taken by {taken[sign]}, and no open order has it", ("HDEL", key, sign))
    for sign, ids in owners.items():
        if taken.get(sign) not in ids:
            yield Difference(key, f"does not say that {ids[0]} has {sign}", ("HSET", key, sign, ids[0]))
