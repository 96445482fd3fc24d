"""The life of one order, as two pure functions: `decide` says what happens, `evolve` what the order is then.

No clock, no randomness, no environment: `now` and ids are passed in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from flows.commands import (
    AcceptOrder,
    AnyCommand,
    AskAgain,
    CancelOrder,
    DeclineOrder,
    ExtendAnswerTime,
    MakeUpForDeafness,
    MarkNotCollected,
    MarkPickedUp,
    MarkReady,
    PlaceOrder,
    RecordNotified,
    RecordUnreachable,
    Wake,
)
from flows.events import (
    About,
    AnswerTimeExtended,
    AnyEvent,
    CancelReason,
    DeclineReason,
    OrderAccepted,
    OrderCancelled,
    OrderDeclined,
    OrderExpired,
    OrderFulfilled,
    OrderNotCollected,
    OrderPlaced,
    OrderReady,
    Person,
    ReminderDue,
    RestaurantNotified,
    RestaurantUnreachable,
    Side,
    UserNotified,
    UserUnreachable,
)

MINUTES = (10, 20, 30, 45)
"""What staff can promise when they accept, in minutes."""

REMIND_AT = (0.25, 0.5, 0.75)
"""When staff are reminded to answer, as parts of the time they have. At the default of 5 minutes the first
comes after 75 s, between Uber Eats' 90 s and GloriaFood's 70 s."""

PICK_UP_REMINDER = timedelta(minutes=30)
"""How long after the promised time staff are reminded to close an order that nobody has closed."""

PICK_UP_CLOSE = timedelta(hours=6)
"""How long after the promised time an order that nobody has closed is closed by the clock, if staff have been asked."""

TAPS_ARE_LOST = timedelta(minutes=1)
"""How long staff can't be heard until each waiting order asks them to tap again. Telegram keeps a tap for 150 s, and
nobody waits that long for a button's answer."""

REMINDED_UNHEARD = timedelta(seconds=30)
"""How long staff are reminded although we have not heard them: it is known a little later what they have tapped."""

LONG_AWAY = timedelta(minutes=30)
"""How long Comanda is down or deaf until a reminder to close an order counts as forgotten, and is given again."""


class Status(StrEnum):
    """Where an order stands, as scripts and people see it."""

    PLACED = "placed"
    NOTIFIED = "notified"
    ACCEPTED = "accepted"
    READY = "ready"
    FULFILLED = "fulfilled"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    NOT_COLLECTED = "not_collected"


WAITING = frozenset({Status.PLACED, Status.NOTIFIED})
COOKING = frozenset({Status.ACCEPTED, Status.READY})


class Why(StrEnum):
    """Why a command was refused; the words for people are in `flows.messages`."""

    UNKNOWN_ORDER = "unknown_order"
    ALREADY_ACCEPTED = "already_accepted"
    ALREADY_READY = "already_ready"
    ALREADY_OVER = "already_over"
    NOT_ACCEPTED_YET = "not_accepted_yet"
    BAD_MINUTES = "bad_minutes"


class Refused(Exception):
    """The order's rules forbid the command. `order` is the order as it stands, if there is one."""

    def __init__(self, why: Why, order: Order | None = None) -> None:
        super().__init__(why.value)
        self.why = why
        self.order = order


@dataclass(frozen=True)
class Owed:
    """A message that rings and that `side` is still to get, since the time of the event that called for it."""

    side: Side
    about: About
    since: datetime


@dataclass(frozen=True)
class Order:
    """An order as its events tell it."""

    placed: OrderPlaced
    version: int
    status: Status
    asked_at: datetime
    answer_by: datetime
    changed_at: datetime  # when `changed` was
    reminders: int = 0
    reminded_at: datetime | None = None
    ready_by: datetime | None = None
    answered_by: Person | None = None
    answered_at: datetime | None = None
    ready_at: datetime | None = None
    ready_marked_by: Person | None = None
    closed_by: Person | None = None
    closed_at: datetime | None = None
    reason: DeclineReason | CancelReason | None = None
    cancelled_by: Side | None = None
    ticket_seen: bool = False
    """Whether staff are known to have got the ticket; it may have arrived without."""
    unreachable: frozenset[Side] = frozenset()
    owed: tuple[Owed, ...] = ()
    changed: int = 1
    """The version of the last event that people can see on the ticket or the status message."""
    causes: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def id(self) -> str:
        return self.placed.order_id

    @property
    def over(self) -> bool:
        """No command changes it any more; only delivery facts may follow."""
        return self.status not in WAITING | COOKING

    @property
    def promised(self) -> timedelta | None:
        """How long after accepting the food was to be ready; None before that."""
        return self.ready_by - self.answered_at if self.ready_by and self.answered_at else None

    def owed_to(self, side: Side) -> tuple[Owed, ...]:
        """What that side is still to be told, oldest first."""
        return tuple(owed for owed in self.owed if owed.side is side)

    def owes(self, side: Side, about: About) -> bool:
        return any((owed.side, owed.about) == (side, about) for owed in self.owed)


def decide(order: Order | None, command: AnyCommand, now: datetime) -> list[AnyEvent]:
    """What follows from a command. A repeated one gives no event; a forbidden one raises `Refused`."""
    if isinstance(command, PlaceOrder):
        return [_place(command, now)] if order is None else []
    if order is None:
        raise Refused(Why.UNKNOWN_ORDER)
    match command:
        case AcceptOrder():
            return _accept(order, command, now)
        case DeclineOrder(by, reason):
            if order.status is Status.DECLINED and _same(order.closed_by, by) and order.reason is reason:
                return []
            _require_waiting(order)
            return [*_ticket_was_seen(order, now), OrderDeclined(at=now, by=by, reason=reason)]
        case CancelOrder():
            return _cancel(order, command, now)
        case MarkReady(by):
            if order.status is Status.READY and _same(order.ready_marked_by, by):
                return []
            _require_cooking(order)
            if order.status is Status.READY:
                raise Refused(Why.ALREADY_READY, order)
            return [OrderReady(at=now, by=by)]
        case MarkPickedUp(by):
            if order.status is Status.FULFILLED and _same(order.closed_by, by):
                return []
            _require_cooking(order)
            return [OrderFulfilled(at=now, by=by)]
        case MarkNotCollected(by):
            if order.status is Status.NOT_COLLECTED and _same(order.closed_by, by):
                return []
            _require_cooking(order)
            return [OrderNotCollected(at=now, by=by)]
        case Wake(heard):
            return _wake(order, heard, now)
        case ExtendAnswerTime(until):
            if order.status not in WAITING or until <= order.answer_by:
                return []
            return [AnswerTimeExtended(at=now, answer_by=until)]
        case MakeUpForDeafness():
            return _make_up_for_deafness(order, command, now)
        case AskAgain(since):
            return _ask_again(order, since, now)
        case RecordNotified(side, about):
            return _record_notified(order, side, about, now)
        case RecordUnreachable():
            return _record_unreachable(order, command, now)
        case _:
            assert_never(command)


def _place(command: PlaceOrder, now: datetime) -> OrderPlaced:
    return OrderPlaced(
        at=now,
        order_id=command.order_id,
        number=command.number,
        code=command.code,
        restaurant=command.restaurant,
        customer=command.customer,
        lines=command.lines,
        note=command.note,
        total=command.total,
        answer_by=now + timedelta(seconds=command.accept_within),
    )


def _same(one: Person | None, other: Person) -> bool:
    return one is not None and one.id == other.id


def _require_waiting(order: Order) -> None:
    if order.status in COOKING:
        raise Refused(Why.ALREADY_ACCEPTED, order)
    if order.over:
        raise Refused(Why.ALREADY_OVER, order)


def _require_cooking(order: Order) -> None:
    if order.status in WAITING:
        raise Refused(Why.NOT_ACCEPTED_YET, order)
    if order.over:
        raise Refused(Why.ALREADY_OVER, order)


def _ticket_was_seen(order: Order, now: datetime) -> list[AnyEvent]:
    """A ticket whose delivery is not recorded has arrived: staff answered it, or whoever sent it says so at last."""
    return [] if order.ticket_seen else [RestaurantNotified(at=now, about=About.PLACED)]


def _accept(order: Order, command: AcceptOrder, now: datetime) -> list[AnyEvent]:
    if command.minutes not in MINUTES:
        raise Refused(Why.BAD_MINUTES, order)
    minutes = timedelta(minutes=command.minutes)
    if order.status is Status.ACCEPTED and _same(order.answered_by, command.by) and order.promised == minutes:
        return []
    _require_waiting(order)
    ready_by = now + minutes
    return [*_ticket_was_seen(order, now), OrderAccepted(at=now, by=command.by, ready_by=ready_by)]


def _cancel(order: Order, command: CancelOrder, now: datetime) -> list[AnyEvent]:
    repeated = order.cancelled_by is command.side and _same(order.closed_by, command.by)
    if order.status is Status.CANCELLED and repeated and order.reason is command.reason:
        return []
    match command.side:
        case Side.CUSTOMER:
            _require_waiting(order)
        case Side.RESTAURANT:
            _require_cooking(order)
        case _:
            assert_never(command.side)
    return [OrderCancelled(at=now, side=command.side, by=command.by, reason=command.reason)]


def _wake(order: Order, heard: datetime | None, now: datetime) -> list[AnyEvent]:
    due = next_deadline(order)
    if due is None or now < due:
        return []
    ending = _ending(order, now)
    if heard is not None:
        latest = order.answer_by if order.status in WAITING else due
        if heard < (latest if ending else due - REMINDED_UNHEARD):
            return []
    return [ending or ReminderDue(at=now)]


def _ending(order: Order, now: datetime) -> OrderExpired | OrderNotCollected | None:
    """What ends an order of which a deadline has come; None where staff are only to be reminded."""
    if order.status in WAITING:
        return OrderExpired(at=now) if now >= order.answer_by else None
    # Staff whom the question has not reached have not been asked.
    were_asked = order.reminded_at is not None and not order.owes(Side.RESTAURANT, About.REMINDER)
    return OrderNotCollected(at=now) if were_asked else None


def _make_up_for_deafness(order: Order, command: MakeUpForDeafness, now: datetime) -> list[AnyEvent]:
    lost = command.until - max(command.since, order.asked_at)
    if order.status not in WAITING or lost <= timedelta():
        return []
    answer_by = max(order.answer_by + lost, now + command.least)
    # Of a downtime the order may have its time back already, but that has not told staff that their taps are lost.
    deaf = command.until - max(command.since, order.placed.at)
    return [AnswerTimeExtended(at=now, answer_by=answer_by, tap_again=deaf >= TAPS_ARE_LOST and order.ticket_seen)]


def _ask_again(order: Order, since: datetime, now: datetime) -> list[AnyEvent]:
    if order.status not in COOKING or order.reminded_at is None:
        return []
    return [ReminderDue(at=now)] if now - max(since, order.reminded_at) >= LONG_AWAY else []


def _record_notified(order: Order, side: Side, about: About, now: datetime) -> list[AnyEvent]:
    if (side, about) == (Side.RESTAURANT, About.PLACED) and order.status is Status.CANCELLED:
        return _ticket_was_seen(order, now)  # it was on its way meanwhile
    if not order.owes(side, about):
        return []
    match side:
        case Side.CUSTOMER:
            return [UserNotified(at=now, about=about)]
        case Side.RESTAURANT:
            return [RestaurantNotified(at=now, about=about)]
        case _:
            assert_never(side)


def _record_unreachable(order: Order, command: RecordUnreachable, now: datetime) -> list[AnyEvent]:
    if not order.owes(command.side, command.about):
        return []
    match command.side:
        case Side.CUSTOMER:
            return [UserUnreachable(at=now, about=command.about, reason=command.reason)]
        case Side.RESTAURANT:
            told = RestaurantUnreachable(at=now, about=command.about, reason=command.reason)
            # Nobody will ever see this ticket: the customer learns it now rather than at the deadline.
            if command.about is About.PLACED and order.status is Status.PLACED:
                return [told, OrderExpired(at=now, unreachable=True)]
            return [told]
        case _:
            assert_never(command.side)


_SILENT = (RestaurantNotified, UserNotified, RestaurantUnreachable, ReminderDue)
"""Events that change nothing people see on the ticket or the status message."""


def evolve(order: Order | None, event: AnyEvent) -> Order:
    """The order after an event. Raises `ValueError` for a history that does not begin with `order_placed`."""
    if isinstance(event, OrderPlaced):
        if order is not None:
            raise ValueError(f"order {event.order_id} placed twice")
        return _begin(event)
    if order is None:
        raise ValueError(f"a history begins with order_placed, not {event.kind}")
    after = _after(order, event)
    version = order.version + 1
    visible = not isinstance(event, _SILENT) or after.unreachable != order.unreachable
    return replace(
        after,
        version=version,
        changed=version if visible else order.changed,
        changed_at=event.at if visible else order.changed_at,
        causes=order.causes | {event.cause},
    )


def _begin(event: OrderPlaced) -> Order:
    return Order(
        placed=event,
        version=1,
        status=Status.PLACED,
        asked_at=event.at,
        answer_by=event.answer_by,
        owed=(Owed(Side.RESTAURANT, About.PLACED, event.at),),
        changed_at=event.at,
        causes=frozenset({event.cause}),
    )


def _after(order: Order, event: AnyEvent) -> Order:
    match event:
        case OrderPlaced():
            raise ValueError("order_placed comes first, and once")
        case RestaurantNotified(about=about):
            return _restaurant_notified(order, about, event.at)
        case UserNotified(about=about):
            return _told(order, Side.CUSTOMER, about)
        case OrderAccepted():
            return _accepted(order, event)
        case OrderReady(at=at):
            ready = replace(order, status=Status.READY, ready_at=at, ready_marked_by=event.by)
            return _owe(ready, Side.CUSTOMER, About.READY, at)
        case OrderFulfilled():
            return _end(order, Status.FULFILLED, event.at, event.by)
        case OrderDeclined(at=at):
            order = replace(order, reason=event.reason, answered_by=event.by, answered_at=at)
            return _owe(_end(order, Status.DECLINED, at, event.by), Side.CUSTOMER, About.DECLINED, at)
        case OrderCancelled():
            return _cancelled(order, event)
        case OrderExpired(at=at):
            ended = _owe(_end(order, Status.EXPIRED, at, None), Side.CUSTOMER, About.EXPIRED, at)
            return ended if event.unreachable else _owe(ended, Side.RESTAURANT, About.EXPIRED, at)
        case OrderNotCollected(at=at):
            ended = _end(order, Status.NOT_COLLECTED, at, event.by)
            # What the clock closes, most likely because nobody tapped *Picked up*, is no news to the customer.
            return ended if event.by is None else _owe(ended, Side.CUSTOMER, About.NOT_COLLECTED, at)
        case ReminderDue(at=at):
            reminded = replace(order, reminders=order.reminders + 1, reminded_at=at)
            return _owe(reminded, Side.RESTAURANT, About.REMINDER, at)
        case AnswerTimeExtended(at=at):
            extended = replace(order, asked_at=at, answer_by=event.answer_by, reminders=0, reminded_at=None)
            return _owe(extended, Side.RESTAURANT, About.TAP_AGAIN, at) if event.tap_again else extended
        case UserUnreachable(about=about):
            return _unreachable(order, Side.CUSTOMER, about)
        case RestaurantUnreachable(about=about):
            return _unreachable(order, Side.RESTAURANT, about)
        case _:
            assert_never(event)


def _restaurant_notified(order: Order, about: About, at: datetime) -> Order:
    status = Status.NOTIFIED if order.status is Status.PLACED else order.status
    told = _told(replace(order, status=status), Side.RESTAURANT, about)
    if about is not About.PLACED:
        return told
    seen = replace(told, ticket_seen=True)
    # The ticket rang, and was out of date by then: that has to ring as well.
    return _owe(seen, Side.RESTAURANT, About.CANCELLED, at) if order.status is Status.CANCELLED else seen


def _accepted(order: Order, event: OrderAccepted) -> Order:
    answered = replace(
        order,
        status=Status.ACCEPTED,
        answered_by=event.by,
        answered_at=event.at,
        ready_by=event.ready_by,
        reminders=0,
        reminded_at=None,
        # A reminder to answer that is still on its way is pointless now.
        owed=tuple(owed for owed in order.owed if owed.about not in (About.REMINDER, About.TAP_AGAIN)),
    )
    return _owe(answered, Side.CUSTOMER, About.ACCEPTED, event.at)


def _cancelled(order: Order, event: OrderCancelled) -> Order:
    order = replace(order, reason=event.reason, cancelled_by=event.side)
    ended = _end(order, Status.CANCELLED, event.at, event.by)
    if event.side is Side.RESTAURANT:
        return _owe(ended, Side.CUSTOMER, About.CANCELLED, event.at)
    # Staff who have never seen the ticket need not hear that it is gone.
    return _owe(ended, Side.RESTAURANT, About.CANCELLED, event.at) if order.ticket_seen else ended


def _owe(order: Order, side: Side, about: About, since: datetime) -> Order:
    return order if order.owes(side, about) else replace(order, owed=(*order.owed, Owed(side, about, since)))


def _told(order: Order, side: Side, about: About) -> Order:
    owed = tuple(owed for owed in order.owed if (owed.side, owed.about) != (side, about))
    return replace(order, owed=owed, unreachable=order.unreachable - {side})


def _unreachable(order: Order, side: Side, about: About) -> Order:
    order = _told(order, side, about)
    return replace(order, unreachable=order.unreachable | {side})


def _end(order: Order, status: Status, at: datetime, by: Person | None) -> Order:
    """Close the order. What was still to be said is overtaken, except that it was accepted if it was fulfilled."""
    fulfilled = status is Status.FULFILLED
    owed = tuple(owed for owed in order.owed if fulfilled and owed.about is About.ACCEPTED)
    return replace(order, status=status, closed_at=at, closed_by=by, owed=owed)


def next_deadline(order: Order) -> datetime | None:
    """When the order next does something by itself: a reminder, its expiry, its closing. None once it is over."""
    if order.status in WAITING:
        window = order.answer_by - order.asked_at
        if order.reminders < len(REMIND_AT):
            return min(order.asked_at + window * REMIND_AT[order.reminders], order.answer_by)
        return order.answer_by
    if order.status in COOKING:
        if order.reminded_at is None:
            return _pick_up_by(order) + PICK_UP_REMINDER
        # Staff who were asked late, because we were away, have as long to answer as all others.
        return max(_pick_up_by(order) + PICK_UP_CLOSE, order.reminded_at + PICK_UP_CLOSE - PICK_UP_REMINDER)
    return None


def _pick_up_by(order: Order) -> datetime:
    promised = order.ready_by or order.asked_at
    return max(promised, order.ready_at) if order.ready_at else promised


def fold(events: Iterable[AnyEvent]) -> Order | None:
    """The order that a history tells, or None for an empty one."""
    order: Order | None = None
    for event in events:
        order = evolve(order, event)
    return order
