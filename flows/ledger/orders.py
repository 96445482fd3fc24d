"""Orders in the store: appending events with all that follows from them, and reading them back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count

from pydantic import ValidationError
from redis import Redis
from redis.client import Pipeline
from rq import Queue
from rq.serializers import JSONSerializer

from flows import events, keys
from flows.commands import AnyCommand, PlaceOrder, Wake
from flows.events import AnyEvent, OrderPlaced, Side
from flows.ledger.audit import NUMBER_LIFE
from flows.ledger.catalogue import Catalogue
from flows.ledger.removal import Removal
from flows.ledger.restaurants import Restaurants, stored_service
from flows.ledger.shown import (
    Shown,
    ShownMessages,
    is_up_to_date,
    known_message,
    new_edit,
    note_edit,
    stage_shown,
)
from flows.ledger.signs import NEXT_NUMBER, are_free, stage_free_signs, stage_signs
from flows.ledger.transaction import Transaction, entries_of
from flows.menu import Restaurant, Service
from flows.order import Order, Refused, Why, decide, evolve, fold, next_deadline
from flows.reactions import NOTIFY, OTHER, QUEUE, REACTIONS
from flows.session import Session
from flows.store import Command, each, text, texts
from flows.turns import Shop, Turn

log = logging.getLogger(__name__)

RECHECK = timedelta(seconds=30)
"""How long an outstanding notification is left alone before a clock looks whether its job still exists."""

LOOK_AGAIN = timedelta(seconds=1)
"""How long a deadline is put off while an answer may be on its way."""

PAINTED_WITHIN = timedelta(seconds=5)
"""How long the bot that was tapped has to show what a tap has led to, before a worker looks whether it has."""

RESULT_TTL = 60  # seconds that RQ keeps a finished job
FAILURE_TTL = 86_400  # seconds that RQ keeps a failed one, for `rq info` and dashboards

SHOWN_TTL = 7 * 86_400
"""Seconds that it is known which messages show an order, once it is over and a side has been told. The other side is
told, or given up, within a day of running; after a downtime of a week its message may come anew."""

AT_ONCE = 200  # orders read at a time by who may not want them all

SESSION_TTL = 90 * 86_400  # seconds that a cart waits for a customer who went away


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class _ShopAsOfThen:
    """The restaurants as a tap found them; orders as they are, or as its `attempt` finds them."""

    catalogue: Catalogue
    ledger: Ledger
    attempt: Transaction | None = None

    def restaurants(self) -> list[Restaurant]:
        return self.catalogue.restaurants()

    def restaurant(self, slug: str) -> Restaurant | None:
        return self.catalogue.restaurant(slug)

    def service(self, slug: str) -> Service:
        return self.catalogue.service(slug)

    def order(self, order_id: str) -> Order | None:
        return self.ledger.order(order_id) if self.attempt is None else read_order(self.attempt, order_id)

    def orders_of(self, customer_id: int, limit: int = 50) -> list[Order]:
        return self.ledger.orders_of(customer_id, limit)


class Ledger(Restaurants, ShownMessages, Removal):
    """One store's orders, restaurants and sessions. Synchronous: call it from a thread where a loop runs."""

    def __init__(self, redis: Redis, clock: Callable[[], datetime] = utc_now, replicas: int = 0) -> None:
        """`replicas` is how many have to hold a write before it counts (see `flows.ledger.transaction`)."""
        super().__init__(redis, replicas)
        self.clock = clock
        self._queue = Queue(QUEUE, connection=redis, serializer=JSONSerializer)

    # Reading

    def history(self, order_id: str) -> list[AnyEvent]:
        """The order's events, oldest first; empty for an unknown id. Raises `ValueError` for unreadable ones."""
        return read_events(order_id, self._redis.lrange(keys.order(order_id), 0, -1))

    def order(self, order_id: str) -> Order | None:
        return fold(self.history(order_id))

    def orders_of(self, customer_id: int, limit: int = 50) -> list[Order]:
        """That customer's orders, newest first."""
        ids = self._redis.zrevrange(keys.orders_of_customer(customer_id), 0, limit - 1)
        return self._fetch(texts(ids))

    def open_orders(self, slug: str) -> list[Order]:
        """That restaurant's orders that are not over, oldest first."""
        found = self._fetch(texts(self._redis.smembers(keys.open_orders(slug))))
        return sorted(found, key=lambda order: order.placed.at)

    def orders(self, since: datetime | None = None) -> list[Order]:
        """Every order, or those placed at `since` or later; oldest first."""
        least = "-inf" if since is None else since.timestamp()
        return self._fetch(texts(self._redis.zrangebyscore(keys.ORDERS, least, "+inf")))

    def newest_first(self) -> Iterator[Order]:
        """Every order on the way back, read as far as the caller goes on."""
        for start in count(0, AT_ONCE):
            ids = texts(self._redis.zrevrange(keys.ORDERS, start, start + AT_ONCE - 1))
            if not ids:
                return
            yield from reversed(self._fetch(ids[::-1]))

    def _fetch(self, ids: list[str]) -> list[Order]:
        """These orders, without those that can't be read: `comanda verify` names them."""
        with self._redis.pipeline(transaction=False) as pipe:
            for order_id in ids:
                pipe.lrange(keys.order(order_id), 0, -1)
            histories = each(pipe)
        found = []
        for order_id, history in zip(ids, histories, strict=True):
            try:
                found.append(fold(read_events(order_id, history)))
            except (ValueError, TypeError) as error:  # TypeError: what stands there is no list, and the reply an error
                log.error("order %s can't be read: %s", order_id, error)  # noqa: TRY400 - the line says it all
        return [order for order in found if order is not None]

    def next_number(self, slug: str, day: date) -> int:
        """The restaurant's next order number of that local day that no open order of it has.

        A number taken and not used leaves a gap.
        """
        counter, taken, open_ = keys.number(slug, day), keys.taken(slug), keys.open_orders(slug)
        number: int = NEXT_NUMBER.run(self._redis, [counter, taken, open_, keys.order(""), NUMBER_LIFE])
        return number

    # Writing

    def session(self, chat_id: int) -> Session:
        return _session(chat_id, self._redis.get(keys.session(chat_id)))

    def advance(
        self, chat_id: int, cause: str, step: Callable[[Session, Shop], Turn], message_id: int | None = None
    ) -> Turn:
        """Take one update of a customer: the session's next state and the order's next events, as one step.

        An order that is placed by a tap is to be shown in the tapped message, `message_id`.

        `step` may run again after a conflict, such as a restaurant that has changed meanwhile. An update that has taken
        effect before gives the session as it is, `repeated`. Raises `Refused`, with nothing saved.
        """

        def work(attempt: Transaction) -> Turn:
            attempt.fetch(*reads_of_advance(chat_id))
            session = _session(chat_id, attempt.get(keys.session(chat_id)))
            shop = _ShopAsOfThen(self.catalogue(attempt.get(keys.CATALOGUE)), self)
            if session.knows(cause):
                return Turn(session=session, repeated=True, shop=shop)
            turn = step(session, replace(shop, attempt=attempt))
            saved = turn.session.knowing(cause)
            order, new = None, list[AnyEvent]()
            if turn.command is not None:
                order_id, command = turn.command
                order = read_order(attempt, order_id)
                if order is None and isinstance(command, PlaceOrder):
                    attempt.checks += are_free(command)
                new = decide(order, command, self.clock())
            attempt.writes.set(keys.session(chat_id), saved.model_dump_json(), ex=SESSION_TTL)
            placed = self.stage(attempt.writes, order, new, cause, painter=Side.CUSTOMER)
            if order is None and placed is not None and message_id is not None:
                # Version 0: it does not show it yet. Else whoever has news first would make a second message of it.
                stage_shown(attempt, placed.id, Side.CUSTOMER, Shown(chat_id=chat_id, message_id=message_id, version=0))
            return replace(turn, session=saved, shop=shop)

        return self._transact(work)

    def remember_message(self, chat_id: int, message_id: int | None) -> None:
        """Note which message is the live menu of that chat, after it was sent."""

        def work(attempt: Transaction) -> None:
            session = _session(chat_id, attempt.get(keys.session(chat_id)))
            if session.message_id != message_id:
                changed = session.model_copy(update={"message_id": message_id})
                attempt.writes.set(keys.session(chat_id), changed.model_dump_json(), ex=SESSION_TTL)

        self._transact(work)

    def execute(self, order_id: str, command: AnyCommand, cause: str) -> Order:
        """Carry out a command. Returns the order as it is then; a cause already there changes nothing more.

        Raises `Refused`, with nothing written.
        """

        def work(attempt: Transaction) -> Order:
            order = read_order(attempt, order_id)
            if order is not None and cause in order.causes:
                return order
            order = self.stage(attempt.writes, order, decide(order, command, self.clock()), cause)
            if order is None:
                raise Refused(Why.UNKNOWN_ORDER)
            return order

        return self._transact(work)

    def execute_as_staff(
        self, chat_id: int, order_id: str, cause: str, decided: Callable[[Order], AnyCommand | None]
    ) -> Order | None:
        """Carry out, as `execute` does, what a tap on a ticket means, which is `decided` by the order as it is.

        Returns None, with nothing decided, unless that chat is the staff chat of the order's restaurant.
        """

        def work(attempt: Transaction) -> Order | None:
            attempt.fetch(*reads_of_staff(chat_id, order_id))
            order, staff_of = read_order(attempt, order_id), attempt.hget(keys.STAFF, str(chat_id))
            if order is None or staff_of != order.placed.restaurant.slug.encode():
                return None
            command = decided(order)
            if command is None or cause in order.causes:
                return order
            new = decide(order, command, self.clock())
            return self.stage(attempt.writes, order, new, cause, painter=Side.RESTAURANT)

        return self._transact(work)

    def begin_edit(
        self, order_id: str, side: Side, chat_id: int, message_id: int, *, needed: bool = True
    ) -> tuple[Order, str] | None:
        """Note that an edit of that message is about to be asked for.

        Returns the order to show, and the edit for `record_shown`. None if there is no such order, or if the message is
        up to date and nothing more is `needed`.
        """
        edit, until = new_edit(self.clock())

        def work(attempt: Transaction) -> tuple[Order, str] | None:
            attempt.fetch(entries_of(keys.order(order_id)), ("HGET", keys.delivery(order_id), side))
            order, known = read_order(attempt, order_id), known_message(attempt, order_id, side)
            if order is None:
                return None
            is_this = known is not None and (known.chat_id, known.message_id) == (chat_id, message_id)
            if known is not None and is_this and is_up_to_date(order, known) and not needed:
                return None
            note_edit(attempt, order_id, side, (chat_id, message_id), edit=edit, until=until)
            return order, edit

        return self._transact(work)

    def wake(self, order_id: str, heard: datetime | None = None) -> None:
        """An order's deadline has come: append what follows, and put down the next one.

        Unless staff were heard since then (`heard`; None for always), and nothing of theirs waits to be handled: then
        it comes again in `LOOK_AGAIN`.
        """

        def work(attempt: Transaction) -> None:
            order, now = read_order(attempt, order_id), self.clock()
            new = list[AnyEvent]()
            if order is not None and not (order.over or _may_have_answered(attempt, order)):
                new = decide(order, Wake(heard), now)
            after = self.stage(attempt.writes, order, new, f"deadline-{0 if order is None else order.version}")
            if not new:
                _stage_deadline(attempt.writes, order_id, after, now + LOOK_AGAIN)

        self._transact(work)

    # Outstanding notifications

    def settle(self, order: Order, side: Side, chat_id: int | None) -> bool:
        """That side has been told in that chat all that this `order` says: strike it off.

        False when there is more to tell: something has happened, or the restaurant has another staff chat now.
        """

        def work(attempt: Transaction) -> bool:
            if attempt.length(keys.order(order.id)) != order.version:
                return False
            return stage_settled(attempt, order, side, chat_id)

        return self._transact(work)

    def postpone(self, order_id: str, side: Side, until: datetime) -> None:
        """Try to tell that side again at `until`."""
        self._redis.zadd(keys.DUE, {keys.notify(order_id, side): until.timestamp()})

    def requeue(self, order_id: str, side: Side) -> bool:
        """Enqueue an outstanding notification anew unless its job is alive; True when it was enqueued."""

        return self._requeue(order_id, side, keys.notify(order_id, side))

    def repaint(self, order_id: str, side: Side) -> bool:
        """The same for a message over which an edit may have arrived that nobody waited for (see `shown.py`)."""
        return self._requeue(order_id, side, keys.repaint(order_id, side))

    def _requeue(self, order_id: str, side: Side, due: str) -> bool:
        """A job that is alive may have looked already: then what is `due` comes again in `RECHECK`."""

        def work(attempt: Transaction) -> bool:
            version = attempt.length(keys.order(order_id))
            job_id = attempt.hget(keys.delivery(order_id), f"{side}:job")
            alive = job_id is not None and self._is_alive(text(job_id))
            if alive:
                attempt.writes.zadd(keys.DUE, {due: (self.clock() + RECHECK).timestamp()})
                return False
            attempt.writes.zrem(keys.DUE, due)
            if version:
                former = None if job_id is None else text(job_id)
                self._stage_notify(attempt.writes, order_id, version, side, former=former)
            return version > 0

        return self._transact(work)

    def show_open_tickets(self, slug: str) -> None:
        for order_id in texts(self._redis.smembers(keys.open_orders(slug))):
            self.requeue(order_id, Side.RESTAURANT)

    def _is_alive(self, job_id: str) -> bool:
        """Whether a job waits in the queue or is in the hands of a worker (a dead worker's are put back soon)."""
        workers = texts(self._redis.smembers(keys.WORKERS))
        with self._redis.pipeline(transaction=False) as pipe:
            for name in [self._queue.key, *map(keys.processing, workers)]:
                pipe.lpos(name, job_id)
            return any(isinstance(position, int) for position in each(pipe))

    # Staging: what one transaction writes

    def stage(
        self, pipe: Pipeline, order: Order | None, new: list[AnyEvent], cause: str, painter: Side | None = None
    ) -> Order | None:
        """Stage the events and all that follows from them. Returns the order as it is then.

        The side that has tapped is shown by its bot what that has led to: as `painter` it gets no worker at once, for
        two edits of the same content would cost its chat twice.
        """
        first, was_over = order is None, order is not None and order.over
        sides: dict[Side, None] = {}
        for event in new:
            event = event.model_copy(update={"cause": cause})
            unreachable = frozenset[Side]() if order is None else order.unreachable
            order = evolve(order, event)
            # What one side sees says whether the other can be reached, also when it can be again.
            sides |= dict.fromkeys(OTHER[side] for side in order.unreachable ^ unreachable)
            pipe.rpush(keys.order(order.id), events.dump(event))
            pipe.xadd(keys.EVENTS, {"order": order.id, "version": order.version})
            sides |= dict.fromkeys(REACTIONS[event.kind])
        if order is None or not new:
            return order
        if first:
            _stage_indices(pipe, order)
        if order.over:
            pipe.srem(keys.open_orders(order.placed.restaurant.slug), order.id)
        if order.over and not was_over:  # later its number may be another's
            stage_free_signs(pipe, order)
        _stage_deadline(pipe, order.id, order)
        for side in sides:
            if side is painter and not order.owed_to(side):
                pipe.zadd(keys.DUE, {keys.notify(order.id, side): (self.clock() + PAINTED_WITHIN).timestamp()})
            else:
                self._stage_notify(pipe, order.id, order.version, side, restaurant=order.placed.restaurant.slug)
        return order

    def _stage_notify(
        self,
        pipe: Pipeline,
        order_id: str,
        version: int,
        side: Side,
        *,
        restaurant: str = "",
        former: str | None = None,
    ) -> None:
        """Each job has an id of its own; `former` is the last one's. So two who enqueue at once see each other.

        The `restaurant` where it is known: then the worker needs not look for it.
        """
        job_id = f"{order_id}-{version}-{side}"
        if former is not None and former.startswith(job_id):
            job_id = f"{job_id}-{int(former[len(job_id) :].lstrip('-') or 1) + 1}"
        self._queue.enqueue(
            NOTIFY,
            order_id,
            str(side),
            restaurant,
            job_id=job_id,
            result_ttl=RESULT_TTL,
            failure_ttl=FAILURE_TTL,
            pipeline=pipe,
        )
        pipe.hset(keys.delivery(order_id), f"{side}:job", job_id)
        # To look again whether the notification still needs a job.
        pipe.zadd(keys.DUE, {keys.notify(order_id, side): (self.clock() + RECHECK).timestamp()})


def stage_settled(attempt: Transaction, order: Order, side: Side, chat_id: int | None) -> bool:
    """Strike off what that side was to be told, unless the restaurant has another staff chat than that now."""
    slug = order.placed.restaurant.slug
    if side is Side.RESTAURANT and stored_service(attempt, slug).staff_chat != chat_id:
        return False
    attempt.writes.zrem(keys.DUE, keys.notify(order.id, side))
    if order.over:
        attempt.writes.hdel(keys.delivery(order.id), f"{side}:job")
        attempt.writes.expire(keys.delivery(order.id), SHOWN_TTL)
    return True


def reads_of_advance(chat_id: int, order_id: str | None = None) -> list[Command]:
    """What `Ledger.advance` asks the store for, when the customer's tap is on that order or on none."""
    found: list[Command] = [("GET", keys.session(chat_id)), ("GET", keys.CATALOGUE)]
    return [*found, entries_of(keys.order(order_id))] if order_id else found


def reads_of_staff(chat_id: int, order_id: str) -> list[Command]:
    """What `Ledger.execute_as_staff` asks the store for."""
    return [("HGET", keys.STAFF, str(chat_id)), entries_of(keys.order(order_id))]


def read_order(attempt: Transaction, order_id: str) -> Order | None:
    return fold(read_events(order_id, attempt.entries(keys.order(order_id))))


def read_events(order_id: str, stored: Sequence[bytes | str]) -> list[AnyEvent]:
    """Raises `ValueError` for what is no event, or another order's: what follows from those is written there."""
    found = [events.load(raw) for raw in stored]
    for event in found:
        if isinstance(event, OrderPlaced) and event.order_id != order_id:
            raise ValueError(f"its events are of order {event.order_id}")
    return found


def _session(chat_id: int, raw: bytes | str | None) -> Session:
    """A session that can't be read begins anew: a cart is less than being locked out."""
    try:
        return Session() if raw is None else Session.model_validate_json(raw)
    except ValidationError as error:
        log.error("the session of chat %s can't be read, so it begins anew: %s", chat_id, error)  # noqa: TRY400
        return Session()


def _stage_indices(pipe: Pipeline, order: Order) -> None:
    placed_at = order.placed.at.timestamp()
    pipe.zadd(keys.ORDERS, {order.id: placed_at})
    pipe.zadd(keys.orders_of_customer(order.placed.customer.id), {order.id: placed_at})
    pipe.sadd(keys.open_orders(order.placed.restaurant.slug), order.id)
    stage_signs(pipe, order)


def _may_have_answered(attempt: Transaction, order: Order) -> bool:
    """Whether something that staff have done waits in the inbox to be handled: it may be the answer.

    What has taken effect, and is only still to be shown, is none.
    """
    chat = stored_service(attempt, order.placed.restaurant.slug).staff_chat
    if chat is None:
        return False
    waiting = texts(attempt.line(keys.inbox_chat(Side.RESTAURANT, str(chat))))
    return bool(waiting) and not attempt.has_all(keys.inbox_handled(Side.RESTAURANT), waiting)


def _stage_deadline(pipe: Pipeline, order_id: str, order: Order | None, earliest: datetime | None = None) -> None:
    deadline = None if order is None else next_deadline(order)
    if deadline is None:
        pipe.zrem(keys.DUE, keys.wake(order_id))
    else:
        at = deadline if earliest is None else max(deadline, earliest)
        pipe.zadd(keys.DUE, {keys.wake(order_id): at.timestamp()})
