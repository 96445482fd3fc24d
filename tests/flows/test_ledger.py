"""The ledger on a real store: one transaction for all that belongs together, whatever dies or comes between."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as StoreGone
from redis.exceptions import ResponseError
from rq import Queue
from rq.serializers import JSONSerializer

from flows import keys
from flows.commands import (
    AcceptOrder,
    AnyCommand,
    CancelOrder,
    DeclineOrder,
    MarkReady,
    RecordNotified,
    RecordUnreachable,
)
from flows.events import About, CancelReason, DeclineReason, Side
from flows.ledger import Check, Ledger, Superseded, having_read, only_while
from flows.ledger.orders import reads_of_advance, reads_of_staff
from flows.ledger.transaction import LOST
from flows.order import Order, Refused, Status, Why
from flows.ordering import Shop, Turn
from flows.reactions import QUEUE
from flows.session import REMEMBERED, MenuView, Session
from flows.store import at_once, text, texts
from tests.customers import trattoria
from tests.faults import Killed, faulty
from tests.orders import ANNA, BRUNO, CARLA, NOON, place

ORDER = "0rder0000001"
DELIVERED = RecordNotified(Side.RESTAURANT, About.PLACED)
MINUTE = timedelta(minutes=1)


class FixedClock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def ledger(redis: Redis, clock: FixedClock) -> Ledger:
    return Ledger(redis, clock)


def jobs(redis: Redis) -> list[str]:
    return Queue(QUEUE, connection=redis, serializer=JSONSerializer).job_ids


def kinds(ledger: Ledger, order_id: str = ORDER) -> list[str]:
    return [event.kind for event in ledger.history(order_id)]


def due(redis: Redis) -> dict[str, datetime]:
    found: Any = redis.zrange(keys.DUE, 0, -1, withscores=True)
    return {text(member): datetime.fromtimestamp(score, NOON.tzinfo) for member, score in found}


class TestOneTransaction:
    def test_an_event_comes_with_its_job_its_deadline_and_its_indices(self, ledger: Ledger, redis: Redis) -> None:
        ledger.execute(ORDER, place(), "customer-1")
        assert kinds(ledger) == ["order_placed"]
        assert jobs(redis) == [f"{ORDER}-1-restaurant"]
        assert due(redis)[f"wake:{ORDER}"] == NOON + timedelta(seconds=75)
        assert [order.id for order in ledger.orders_of(CARLA.id)] == [ORDER]
        assert [order.id for order in ledger.open_orders("nonna")] == [ORDER]
        assert [(order_id, event.kind) for _, order_id, _, event in ledger.read_events("0")] == [
            (ORDER, "order_placed")
        ]

    def test_a_refused_command_writes_nothing(self, ledger: Ledger, redis: Redis) -> None:
        ledger.execute(ORDER, place(), "customer-1")
        with pytest.raises(Refused):
            ledger.execute(ORDER, MarkReady(ANNA), "restaurant-1")
        assert kinds(ledger) == ["order_placed"]
        assert len(jobs(redis)) == 1

    def test_the_same_cause_takes_effect_once(self, ledger: Ledger, redis: Redis) -> None:
        ledger.execute(ORDER, place(), "customer-1")
        once = ledger.execute(ORDER, AcceptOrder(ANNA, 20), "restaurant-1")
        again = ledger.execute(ORDER, AcceptOrder(ANNA, 20), "restaurant-1")
        assert once == again
        assert kinds(ledger).count("order_accepted") == 1

    def test_an_order_that_is_over_leaves_the_open_ones_and_has_no_deadline(self, ledger: Ledger, redis: Redis) -> None:
        ledger.execute(ORDER, place(), "customer-1")
        ledger.execute(ORDER, DeclineOrder(ANNA, DeclineReason.OTHER), "restaurant-1")
        assert ledger.open_orders("nonna") == []
        assert f"wake:{ORDER}" not in due(redis)

    @pytest.mark.parametrize(
        "key",
        [
            keys.EVENTS,
            keys.ORDERS,
            keys.DUE,
            keys.open_orders("nonna"),
            keys.orders_of_customer(CARLA.id),
            keys.delivery(ORDER),
            f"rq:queue:{QUEUE}",
            "rq:queues",
        ],
    )
    def test_where_one_key_is_of_another_type_nothing_is_written(self, redis: Redis, ledger: Ledger, key: str) -> None:
        redis.set(key, "nonsense")
        with pytest.raises(ResponseError, match=f"WRONGTYPE `{key}` is a string, where a .* belongs"):
            ledger.execute(ORDER, place(), "tap")
        assert texts(redis.keys("*")) == [key]
        redis.delete(key)
        ledger.execute(ORDER, place(), "tap")
        assert kinds(ledger) == ["order_placed"]
        assert jobs(redis)
        assert keys.wake(ORDER) in due(redis)


class TestSessions:
    def test_a_tap_saves_the_session_and_the_order_together(self, ledger: Ledger) -> None:
        def step(session: Session, shop: Shop) -> Turn:
            return Turn(session=session.model_copy(update={"view": MenuView(slug="nonna")}), command=(ORDER, place()))

        turn = ledger.advance(77, "customer-1", step)
        assert turn.session == ledger.session(77)
        assert kinds(ledger) == ["order_placed"]

    def test_a_redelivered_update_changes_nothing(self, ledger: Ledger) -> None:
        taps: list[Session] = []

        def step(session: Session, shop: Shop) -> Turn:
            taps.append(session)
            return Turn(session=session)

        ledger.advance(77, "customer-1", step)
        assert ledger.advance(77, "customer-1", step).repeated
        assert len(taps) == 1

    def test_nor_does_one_that_comes_again_after_later_ones(self, ledger: Ledger) -> None:
        """Given one that was set aside as its answer failed, when it is tried again."""
        for number in range(REMEMBERED):
            assert not ledger.advance(77, f"customer-{number}", lambda session, _: Turn(session)).repeated
        for number in range(REMEMBERED):
            assert ledger.advance(77, f"customer-{number}", lambda session, _: Turn(session)).repeated

    def test_a_session_stays_small_however_many_taps_it_has_seen(self, ledger: Ledger, redis: Redis) -> None:
        for number in range(2 * REMEMBERED):
            ledger.advance(77, f"customer-{748291034 + number}", lambda session, _: Turn(session))
        assert redis.strlen(keys.session(77)) < 350

    def test_a_session_that_knows_the_last_update_alone_is_read_as_before(self, ledger: Ledger, redis: Redis) -> None:
        redis.set(keys.session(77), '{"cause": "customer-1", "message_id": 5}')
        assert ledger.advance(77, "customer-1", lambda session, _: Turn(session)).repeated
        assert ledger.session(77).message_id == 5

    def test_a_tap_is_decided_by_the_restaurants_of_now_which_are_read_again_only_when_they_have_changed(
        self, redis: Redis
    ) -> None:
        """Given somebody who serves taps, and somebody else who pauses the restaurant."""
        requests: list[bytes] = []
        ledger, other = Ledger(faulty(redis, before=lambda _, request: requests.append(request))), Ledger(redis)
        other.save_restaurant(trattoria())
        seen: list[tuple[bool, int]] = []

        def step(session: Session, shop: Shop) -> Turn:
            seen.append((shop.restaurant("nonna") is not None, len(shop.service("nonna").hidden)))
            return Turn(session=session)

        ledger.advance(77, "customer-0", step)
        for tap in range(1, 6):
            if tap == 3:
                other.set_service("nonna", lambda service: service.model_copy(update={"hidden": frozenset({"cola"})}))
            requests.clear()
            ledger.advance(77, f"customer-{tap}", step)
            assert len(requests) == (3 if tap == 3 else 2)
        assert seen == [(True, 0)] * 3 + [(True, 1)] * 3

    def test_a_restaurant_that_changes_between_looking_and_writing_is_looked_at_again(self, redis: Redis) -> None:
        other = Ledger(redis)
        other.save_restaurant(trattoria())
        seen: list[frozenset[str]] = []

        def step(session: Session, shop: Shop) -> Turn:
            seen.append(shop.service("nonna").hidden)
            if len(seen) == 1:
                other.set_service("nonna", lambda service: service.model_copy(update={"hidden": frozenset({"cola"})}))
            return Turn(session=session)

        Ledger(redis).advance(77, "customer-1", step)
        assert seen == [frozenset(), frozenset({"cola"})]

    def test_a_refused_command_leaves_the_session_alone(self, ledger: Ledger) -> None:
        def step(session: Session, shop: Shop) -> Turn:
            return Turn(session=session.model_copy(update={"message_id": 5}), command=("n0such0rder0", MarkReady(ANNA)))  # type: ignore[arg-type]

        with pytest.raises(Refused):
            ledger.advance(77, "customer-1", step)
        assert ledger.session(77) == Session()


class TestRaces:
    def test_two_accept_at_once_and_exactly_one_wins(self, ledger: Ledger) -> None:
        for number in range(20):
            order_id = f"0rder{number:07}"
            ledger.execute(order_id, place(order_id), f"customer-{number}")
            start = Barrier(2)

            def accept(command: AcceptOrder, order_id: str = order_id, start: Barrier = start) -> Order | Why:
                start.wait()
                try:
                    return ledger.execute(order_id, command, f"restaurant-{command.by.id}")
                except Refused as refused:
                    return refused.why

            with ThreadPoolExecutor(2) as pool:
                outcomes = list(pool.map(accept, [AcceptOrder(ANNA, 10), AcceptOrder(BRUNO, 20)]))
            assert outcomes.count(Why.ALREADY_ACCEPTED) == 1
            assert kinds(ledger, order_id).count("order_accepted") == 1

    def test_many_writers_lose_no_event(self, ledger: Ledger, redis: Redis) -> None:
        ids = [f"0rder{number:07}" for number in range(8)]

        def live(order_id: str) -> None:
            ledger.execute(order_id, place(order_id), f"p-{order_id}")
            ledger.execute(order_id, DELIVERED, f"d-{order_id}")
            ledger.execute(order_id, AcceptOrder(ANNA, 10), f"a-{order_id}")

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(live, [*ids, *ids, *ids]))
        for order_id in ids:
            assert kinds(ledger, order_id) == ["order_placed", "restaurant_notified", "order_accepted"]
        assert len(ledger.read_events("0")) == 3 * len(ids)


LIFE: list[tuple[AnyCommand, str]] = [
    (place(), "customer-1"),
    (DELIVERED, "delivery-1"),
    (AcceptOrder(ANNA, 20), "restaurant-1"),
]


def snapshot(redis: Redis) -> dict[str, Any]:
    """What a reader can see of the order: its events, the stream, the jobs, the deadlines."""
    ledger = Ledger(redis)
    return {
        "events": kinds(ledger),
        "stream": [event.kind for _, _, _, event in ledger.read_events("0")],
        "jobs": sorted(jobs(redis)),
        "due": sorted(due(redis)),
    }


def expected(redis: Redis, clock: FixedClock) -> list[dict[str, Any]]:
    """The snapshots before and after each step of a life without faults."""
    redis.flushall()
    stages = [snapshot(redis)]
    for command, cause in LIFE:
        Ledger(redis, clock).execute(ORDER, command, cause)
        stages.append(snapshot(redis))
    redis.flushall()
    return stages


def die_at(moment: int) -> Callable[[int, bytes], None]:
    def fault(number: int, request: bytes) -> None:
        if number == moment:
            raise Killed

    return fault


def cut_at(moment: int) -> Callable[[int, bytes], None]:
    def fault(number: int, request: bytes) -> None:
        if number == moment:
            raise StoreGone("the reply was lost")

    return fault


REQUESTS = 24
"""More than a life makes. The tests check that they have reached the end of it."""


class TestDeathAndLostReplies:
    @pytest.mark.parametrize("when", ["before", "after"])
    def test_a_process_killed_between_any_two_requests_leaves_all_or_nothing(
        self, redis: Redis, clock: FixedClock, when: str
    ) -> None:
        stages = expected(redis, clock)
        deaths = 0
        for moment in range(REQUESTS):
            redis.flushall()
            mortal = Ledger(faulty(redis, **{when: die_at(moment)}), clock)
            try:
                for command, cause in LIFE:
                    mortal.execute(ORDER, command, cause)
            except Killed:
                deaths += 1
            assert snapshot(redis) in stages, f"half-done after dying {when} request {moment}"
            for command, cause in LIFE:
                Ledger(redis, clock).execute(ORDER, command, cause)
            assert snapshot(redis) == stages[-1]
        assert 0 < deaths < REQUESTS

    def test_a_lost_reply_is_not_a_failure_and_nothing_happens_twice(self, redis: Redis, clock: FixedClock) -> None:
        stages = expected(redis, clock)
        cuts = 0
        for moment in range(REQUESTS):
            redis.flushall()
            unlucky = Ledger(faulty(redis, after=cut_at(moment)), clock)
            for command, cause in LIFE:
                try:
                    unlucky.execute(ORDER, command, cause)
                except StoreGone:  # said honestly, never as a refusal: the caller comes again with the same cause
                    cuts += 1
                    unlucky.execute(ORDER, command, cause)
            assert snapshot(redis) == stages[-1], f"after losing reply {moment}"
        assert cuts < REQUESTS

    def test_whoever_wins_is_not_told_that_somebody_else_did(self, redis: Redis, clock: FixedClock) -> None:
        Ledger(redis, clock).execute(ORDER, place(), "customer-1")

        cut: list[int] = []

        def cut_commit(number: int, request: bytes) -> None:
            if b"order_accepted" in request and not cut:
                cut.append(number)
                raise StoreGone("the reply was lost")

        order = Ledger(faulty(redis, after=cut_commit), clock).execute(ORDER, AcceptOrder(ANNA, 10), "restaurant-1")
        assert (order.status, order.answered_by) == (Status.ACCEPTED, ANNA)
        assert len(cut) == 1

    def test_a_store_that_takes_no_write_is_an_outage_though_it_can_be_read(self, redis: Redis) -> None:
        tried: list[bytes] = []

        def cut(number: int, request: bytes) -> None:
            if b"EVAL" in request:
                tried.append(request)
                raise StoreGone("the connection was lost")

        with pytest.raises(StoreGone):
            Ledger(faulty(redis, before=cut)).execute(ORDER, place(), "customer-1")
        assert len(tried) == LOST


class TestOnBehalfOf:
    CHECK = Check(("HEXISTS", "inbox:customer", "5"), 1)

    def test_what_is_written_while_the_check_holds_is_written(self, ledger: Ledger, redis: Redis) -> None:
        redis.hset("inbox:customer", "5", "{}")
        with only_while(self.CHECK):
            ledger.execute(ORDER, place(), "customer-5")
        assert kinds(ledger) == ["order_placed"]

    def test_nothing_is_written_once_it_does_not(self, ledger: Ledger) -> None:
        with only_while(self.CHECK), pytest.raises(Superseded):
            ledger.execute(ORDER, place(), "customer-5")
        assert kinds(ledger) == []

    def test_what_was_read_before_is_not_read_again(self, ledger: Ledger, redis: Redis) -> None:
        ledger.execute(ORDER, place(), "customer-1")
        asked: list[bytes] = []
        reads = reads_of_staff(-100, ORDER)
        redis.hset(keys.STAFF, "-100", "nonna")
        read = dict(zip(reads, at_once(redis, reads), strict=True))
        counted = Ledger(faulty(redis, before=lambda _, request: asked.append(request)))
        counted.execute("another", place("another"), "customer-2")  # it is connected now
        asked.clear()
        with having_read(read):
            order = counted.execute_as_staff(-100, ORDER, "restaurant-1", lambda _: AcceptOrder(ANNA, 10))
        assert order is not None
        assert order.status is Status.ACCEPTED
        assert len(asked) == 1

    def test_and_is_read_anew_where_it_no_longer_stands(self, ledger: Ledger, redis: Redis) -> None:
        """Given two taps on *Accept* that were stored at the same moment."""
        ledger.execute(ORDER, place(), "customer-1")
        redis.hset(keys.STAFF, "-100", "nonna")
        reads = reads_of_staff(-100, ORDER)
        read = dict(zip(reads, at_once(redis, reads), strict=True))
        with having_read(read):
            ledger.execute_as_staff(-100, ORDER, "restaurant-1", lambda _: AcceptOrder(ANNA, 10))
        with having_read(read), pytest.raises(Refused) as refused:
            ledger.execute_as_staff(-100, ORDER, "restaurant-2", lambda _: AcceptOrder(BRUNO, 20))
        assert refused.value.why is Why.ALREADY_ACCEPTED
        assert kinds(ledger) == ["order_placed", "restaurant_notified", "order_accepted"]

    def test_only_the_first_to_ask_gets_what_was_read_before(self, ledger: Ledger) -> None:
        """What is written on behalf of an update makes old what was read with it."""
        read = dict.fromkeys(reads_of_advance(77))
        views: list[object] = []

        def step(session: Session, shop: Shop) -> Turn:
            views.append(session.view)
            return Turn(session=session.model_copy(update={"view": MenuView(slug="nonna")}))

        with having_read(read):
            ledger.advance(77, "customer-1", step)
            ledger.advance(77, "customer-2", step)
        assert views == [Session().view, MenuView(slug="nonna")]

    def test_reading_needs_no_check(self, ledger: Ledger) -> None:
        with only_while(self.CHECK):
            assert ledger.order(ORDER) is None


class TestOutstandingNotifications:
    def test_a_job_that_waits_in_the_queue_is_not_queued_again(self, ledger: Ledger, redis: Redis) -> None:
        ledger.execute(ORDER, place(), "customer-1")
        assert ledger.requeue(ORDER, Side.RESTAURANT) is False
        assert len(jobs(redis)) == 1

    def test_a_job_in_a_workers_hands_is_not_queued_again(self, ledger: Ledger, redis: Redis) -> None:
        ledger.execute(ORDER, place(), "customer-1")
        redis.sadd(keys.WORKERS, "w1")
        redis.lmove(f"rq:queue:{QUEUE}", keys.processing("w1"), "LEFT", "RIGHT")
        assert ledger.requeue(ORDER, Side.RESTAURANT) is False

    def test_a_job_that_nobody_has_is_queued_again(self, ledger: Ledger, redis: Redis) -> None:
        ledger.execute(ORDER, place(), "customer-1")
        redis.delete(f"rq:queue:{QUEUE}")
        assert ledger.requeue(ORDER, Side.RESTAURANT) is True
        assert jobs(redis) == [f"{ORDER}-1-restaurant-2"]

    def test_workers_who_look_at_once_queue_it_once(self, ledger: Ledger, redis: Redis) -> None:
        ledger.execute(ORDER, place(), "customer-1")
        redis.delete(f"rq:queue:{QUEUE}")
        with ThreadPoolExecutor(8) as pool:
            queued = list(pool.map(lambda _: ledger.requeue(ORDER, Side.RESTAURANT), range(8)))
        assert sum(queued) == 1
        assert len(jobs(redis)) == 1

    def test_settling_is_refused_when_more_has_happened(self, ledger: Ledger, redis: Redis) -> None:
        order = ledger.execute(ORDER, place(), "customer-1")
        now = ledger.execute(ORDER, AcceptOrder(ANNA, 10), "restaurant-1")
        assert ledger.settle(order, Side.RESTAURANT, None) is False
        assert f"notify:{ORDER}:restaurant" in due(redis)
        assert ledger.settle(now, Side.RESTAURANT, None) is True
        assert f"notify:{ORDER}:restaurant" not in due(redis)

    def test_settling_is_refused_when_another_chat_has_joined_meanwhile(self, ledger: Ledger, redis: Redis) -> None:
        order = ledger.execute(ORDER, place(), "customer-1")
        ledger.set_service("nonna", lambda service: service.model_copy(update={"staff_chat": -8}))
        assert ledger.settle(order, Side.RESTAURANT, -7) is False
        assert f"notify:{ORDER}:restaurant" in due(redis)

    def test_the_ticket_follows_when_the_customer_can_be_reached_again(self, ledger: Ledger, redis: Redis) -> None:
        story: list[AnyCommand] = [
            place(),
            AcceptOrder(ANNA, 10),
            RecordUnreachable(Side.CUSTOMER, About.ACCEPTED, "blocked"),
            MarkReady(ANNA),
            RecordNotified(Side.CUSTOMER, About.READY),
        ]
        for cause, command in enumerate(story):
            order = ledger.execute(ORDER, command, f"cause-{cause}")
        assert f"{ORDER}-{order.version}-restaurant" in jobs(redis)

    def test_the_customers_status_follows_when_the_restaurant_can_be_reached_again(
        self, ledger: Ledger, redis: Redis, clock: FixedClock
    ) -> None:
        ledger.execute(ORDER, place(), "customer-1")
        ledger.execute(ORDER, DELIVERED, "cause-1")
        clock.now += timedelta(seconds=75)
        ledger.wake(ORDER)
        story: list[AnyCommand] = [
            RecordUnreachable(Side.RESTAURANT, About.REMINDER, "kicked"),
            CancelOrder(Side.CUSTOMER, CARLA, CancelReason.CUSTOMER_CHANGED_MIND),
            RecordNotified(Side.RESTAURANT, About.CANCELLED),
        ]
        for cause, command in enumerate(story, 2):
            order = ledger.execute(ORDER, command, f"cause-{cause}")
        assert f"{ORDER}-{order.version}-customer" in jobs(redis)


class TestWaking:
    def test_a_deadline_appends_what_follows_and_sets_the_next(
        self, ledger: Ledger, redis: Redis, clock: FixedClock
    ) -> None:
        ledger.execute(ORDER, place(), "customer-1")
        clock.now += timedelta(seconds=75)
        ledger.wake(ORDER)
        assert kinds(ledger) == ["order_placed", "reminder_due"]
        assert due(redis)[f"wake:{ORDER}"] == NOON + timedelta(seconds=150)

    def test_two_clocks_at_once_wake_it_once(self, ledger: Ledger, clock: FixedClock) -> None:
        ledger.execute(ORDER, place(), "customer-1")
        clock.now += 6 * MINUTE
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: ledger.wake(ORDER), range(4)))
        assert kinds(ledger) == ["order_placed", "order_expired"]

    def test_a_deadline_of_an_unknown_order_is_forgotten(self, ledger: Ledger, redis: Redis) -> None:
        redis.zadd(keys.DUE, {"wake:n0such0rder0": 0})
        ledger.wake("n0such0rder0")
        assert due(redis) == {}
