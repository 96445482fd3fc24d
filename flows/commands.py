"""What someone wants done with an order. Imperative; `flows.order.decide` says what follows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flows.events import About, CancelReason, DeclineReason, Line, Person, RestaurantCard, Side
from flows.money import Money


@dataclass(frozen=True)
class PlaceOrder:
    """The customer's *Place order*. The order's id is its cart's, so the same cart can't be ordered twice."""

    order_id: str
    number: int
    code: str
    restaurant: RestaurantCard
    customer: Person
    lines: tuple[Line, ...]
    note: str
    total: Money
    accept_within: int  # seconds


@dataclass(frozen=True)
class AcceptOrder:
    by: Person
    minutes: int


@dataclass(frozen=True)
class DeclineOrder:
    by: Person
    reason: DeclineReason


@dataclass(frozen=True)
class CancelOrder:
    """By the customer before acceptance, by the restaurant after it."""

    side: Side
    by: Person
    reason: CancelReason


@dataclass(frozen=True)
class MarkReady:
    by: Person


@dataclass(frozen=True)
class MarkPickedUp:
    by: Person


@dataclass(frozen=True)
class MarkNotCollected:
    by: Person


@dataclass(frozen=True)
class Wake:
    """A deadline has come: `decide` says which and what it means.

    What staff have tapped until `heard` is known; None for all that they have tapped.
    """

    heard: datetime | None = None


@dataclass(frozen=True)
class ExtendAnswerTime:
    """Give staff until `until` to answer, because Comanda was down while the order waited."""

    until: datetime


@dataclass(frozen=True)
class MakeUpForDeafness:
    """Give staff the time back in which they could not be heard, so that at least `least` is left to answer."""

    since: datetime
    until: datetime
    least: timedelta


@dataclass(frozen=True)
class AskAgain:
    """Ask staff again about a pick-up if they were asked before a long time, from `since` on, without us."""

    since: datetime


@dataclass(frozen=True)
class RecordNotified:
    """A worker delivered a message to that side."""

    side: Side
    about: About


@dataclass(frozen=True)
class RecordUnreachable:
    """A worker has given up on telling that side."""

    side: Side
    about: About
    reason: str


AnyCommand = (
    PlaceOrder
    | AcceptOrder
    | DeclineOrder
    | CancelOrder
    | MarkReady
    | MarkPickedUp
    | MarkNotCollected
    | Wake
    | ExtendAnswerTime
    | MakeUpForDeafness
    | AskAgain
    | RecordNotified
    | RecordUnreachable
)
