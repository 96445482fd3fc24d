"""The events of an order: facts, past tense, immutable, never renamed.

They are stored as JSON for ever. A changed shape gets a new `v` and an upcaster in `_UPCASTERS`; old bytes stay.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
from itertools import zip_longest
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from flows.money import Money
from flows.option_names import named
from flows.times import Instant, Zone


class Side(StrEnum):
    """The two parties of an order."""

    CUSTOMER = "customer"
    RESTAURANT = "restaurant"


class About(StrEnum):
    """What a notification told its side."""

    PLACED = "placed"
    REMINDER = "reminder"
    TAP_AGAIN = "tap_again"
    ACCEPTED = "accepted"
    READY = "ready"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    NOT_COLLECTED = "not_collected"


class DeclineReason(StrEnum):
    """Why staff declined (the reasons the trade uses)."""

    TOO_BUSY = "too_busy"
    CLOSING_EARLY = "closing_early"
    ITEM_UNAVAILABLE = "item_unavailable"
    OTHER = "other"


class CancelReason(StrEnum):
    """Why an order that stood was cancelled."""

    CUSTOMER_CHANGED_MIND = "customer_changed_mind"
    KITCHEN_PROBLEM = "kitchen_problem"
    ITEM_UNAVAILABLE = "item_unavailable"
    CLOSING_EARLY = "closing_early"
    OTHER = "other"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Person(_Frozen):
    """Someone who tapped: the Telegram user id, and the name as it was then."""

    id: int
    name: str


class RestaurantCard(_Frozen):
    """What an order remembers of its restaurant, so that an old order reads as it was placed."""

    slug: str
    name: str
    address: str
    phone: str
    timezone: Zone


class Line(_Frozen):
    """One line of an order with the price agreed: `unit` includes the surcharges of `options`.

    `groups` has the group of each option whose name says nothing without it, and "" for the others; nothing where there
    is none to name, and in orders from before it was stored.
    """

    item_id: str
    name: str
    options: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    quantity: int = Field(ge=1)
    unit: Money

    @property
    def total(self) -> Money:
        return self.unit * self.quantity

    @property
    def chosen(self) -> tuple[str, ...]:
        """The options as everyone reads them, such as "Large" and "Onions: No"."""
        return tuple(named(group, option) for option, group in zip_longest(self.options, self.groups, fillvalue=""))


class Event(_Frozen):
    """What every event carries: when (UTC), and the id of what caused it (an update, a job, a deadline)."""

    v: int = 1
    at: Instant
    cause: str = ""


class OrderPlaced(Event):
    """The customer placed the order; `answer_by` is when it expires unless staff answer."""

    kind: Literal["order_placed"] = "order_placed"
    order_id: str
    number: int
    code: str
    restaurant: RestaurantCard
    customer: Person
    lines: tuple[Line, ...]
    note: str = ""
    total: Money
    answer_by: Instant


class RestaurantNotified(Event):
    """A message reached the staff chat."""

    kind: Literal["restaurant_notified"] = "restaurant_notified"
    about: About


class OrderAccepted(Event):
    """Staff accepted and promised the food by `ready_by`."""

    kind: Literal["order_accepted"] = "order_accepted"
    by: Person
    ready_by: Instant


class UserNotified(Event):
    """A message reached the customer."""

    kind: Literal["user_notified"] = "user_notified"
    about: About


class OrderReady(Event):
    """The food waits to be picked up."""

    kind: Literal["order_ready"] = "order_ready"
    by: Person


class OrderFulfilled(Event):
    """The customer picked the food up."""

    kind: Literal["order_fulfilled"] = "order_fulfilled"
    by: Person


class OrderDeclined(Event):
    """Staff said no before accepting."""

    kind: Literal["order_declined"] = "order_declined"
    by: Person
    reason: DeclineReason


class OrderCancelled(Event):
    """Called off: by the customer before acceptance, or by staff after it."""

    kind: Literal["order_cancelled"] = "order_cancelled"
    side: Side
    by: Person
    reason: CancelReason


class OrderExpired(Event):
    """Nobody answered in time, or the ticket could not reach the restaurant at all (`unreachable`)."""

    kind: Literal["order_expired"] = "order_expired"
    unreachable: bool = False


class OrderNotCollected(Event):
    """Staff marked the order as not collected; or, where `by` is None, the clock closed it at its deadline."""

    kind: Literal["order_not_collected"] = "order_not_collected"
    by: Person | None = None


class ReminderDue(Event):
    """Staff have not acted for a while and are to be reminded: to answer, or to close a pick-up."""

    kind: Literal["reminder_due"] = "reminder_due"


class AnswerTimeExtended(Event):
    """Comanda was down, or could not hear staff, while the order waited: they have until `answer_by` now.

    With `tap_again` what staff have tapped meanwhile may be lost, so they are told.
    """

    kind: Literal["answer_time_extended"] = "answer_time_extended"
    answer_by: Instant
    tap_again: bool = False


class UserUnreachable(Event):
    """The customer could not be told `about`: the bot is blocked, or a day passed without success."""

    kind: Literal["user_unreachable"] = "user_unreachable"
    about: About
    reason: str


class RestaurantUnreachable(Event):
    """The staff chat could not be told `about`."""

    kind: Literal["restaurant_unreachable"] = "restaurant_unreachable"
    about: About
    reason: str


AnyEvent = (
    OrderPlaced
    | RestaurantNotified
    | OrderAccepted
    | UserNotified
    | OrderReady
    | OrderFulfilled
    | OrderDeclined
    | OrderCancelled
    | OrderExpired
    | OrderNotCollected
    | ReminderDue
    | AnswerTimeExtended
    | UserUnreachable
    | RestaurantUnreachable
)

_ADAPTER: TypeAdapter[AnyEvent] = TypeAdapter(Annotated[AnyEvent, Field(discriminator="kind")])

# (kind, stored version) -> the same event in the next version.
_UPCASTERS: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}


def dump(event: AnyEvent) -> bytes:
    """The stored JSON of an event."""
    return event.model_dump_json().encode()


@lru_cache(maxsize=2048)  # an order's events are read by each of its jobs; they never change
def load(data: bytes | str) -> AnyEvent:
    """Read a stored event, brought up to today's shape. Raises `ValueError` for what is no event."""
    try:
        raw = json.loads(data)
    except RecursionError:
        raise ValueError("this is nested too deeply for an event") from None
    if not isinstance(raw, dict):
        raise ValueError("a stored event is a JSON object")
    while upcast := _UPCASTERS.get((str(raw.get("kind")), _version(raw))):
        raw = upcast(raw)
    return _ADAPTER.validate_python(raw)


def _version(raw: dict[str, Any]) -> int:
    version = raw.get("v", 1)
    if not isinstance(version, int):
        raise ValueError("the version of an event is a whole number")
    return version
