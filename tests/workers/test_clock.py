"""What is due is woken, once, and a downtime costs nobody their chance to answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as StoreGone
from redis.exceptions import ResponseError

from flows import keys
from flows.commands import AcceptOrder, RecordNotified
from flows.events import About, AnswerTimeExtended, Side
from flows.ledger import Ledger
from flows.ledger.hearing import store_time
from flows.menu import Service
from flows.order import PICK_UP_CLOSE, PICK_UP_REMINDER, next_deadline
from flows.reactions import QUEUE
from flows.store import connect
from tests.faults import faulty
from tests.orders import ANNA, NOON, REMINDED, place
from workers.clock import GRACE, HEARD, Clock
from workers.downtimes import DOWNTIME

ORDER, OTHER = "0rder0000001", "0rder0000002"
STAFF = -100
SECOND = timedelta(seconds=1)


class Time:
    """The time of the test, moved by hand."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def ledger(redis: Redis, time: Time) -> Ledger:
    return Ledger(redis, time)


@pytest.fixture
def clock(redis: Redis, ledger: Ledger) -> Clock:
    return Clock(ledger, redis)


def kinds(ledger: Ledger, order_id: str = ORDER) -> list[str]:
    return [event.kind for event in ledger.history(order_id)]


def run(clock: Clock, time: Time, until: timedelta) -> None:
    """Tick every five seconds, as a running worker does, until so long after noon."""
    while time.now < NOON + until:
        time.now += 5 * SECOND
        clock.tick()


def test_an_order_that_nobody_answers_reminds_and_expires(ledger: Ledger, clock: Clock, time: Time) -> None:
    ledger.execute(ORDER, place(), "customer-1")
    run(clock, time, timedelta(minutes=6))
    assert kinds(ledger) == ["order_placed", *["reminder_due"] * 3, "order_expired"]


def test_nothing_happens_before_its_time(ledger: Ledger, clock: Clock, time: Time) -> None:
    ledger.execute(ORDER, place(), "customer-1")
    run(clock, time, timedelta(seconds=70))
    assert kinds(ledger) == ["order_placed"]


def test_a_notification_whose_job_is_gone_is_queued_again(
    ledger: Ledger, clock: Clock, time: Time, redis: Redis
) -> None:
    ledger.execute(ORDER, place(), "customer-1")
    redis.delete(f"rq:queue:{QUEUE}")
    run(clock, time, timedelta(seconds=35))
    assert redis.llen(f"rq:queue:{QUEUE}") == 1


def test_a_backlog_is_not_queued_twice(ledger: Ledger, clock: Clock, time: Time, redis: Redis) -> None:
    for number in range(50):
        ledger.execute(f"0rder{number:07}", place(f"0rder{number:07}"), f"customer-{number}")
    run(clock, time, timedelta(seconds=70))
    assert redis.llen(f"rq:queue:{QUEUE}") == 50


def test_a_postponed_delivery_is_tried_at_its_time(ledger: Ledger, clock: Clock, time: Time, redis: Redis) -> None:
    ledger.execute(ORDER, place(), "customer-1")
    redis.delete(f"rq:queue:{QUEUE}")
    ledger.postpone(ORDER, Side.RESTAURANT, NOON + timedelta(seconds=42))
    run(clock, time, timedelta(seconds=40))
    assert redis.llen(f"rq:queue:{QUEUE}") == 0
    run(clock, time, timedelta(seconds=45))
    assert redis.llen(f"rq:queue:{QUEUE}") == 1


class TestDowntime:
    def test_an_order_that_waited_through_a_downtime_gets_its_grace_before_it_expires(
        self, ledger: Ledger, clock: Clock, time: Time
    ) -> None:
        clock.tick()
        ledger.execute(ORDER, place(), "customer-1")
        time.now += timedelta(hours=2)
        clock.tick()
        assert kinds(ledger) == ["order_placed", "answer_time_extended"]
        order = ledger.order(ORDER)
        assert order is not None
        assert order.answer_by == time.now + GRACE

    def test_one_that_has_time_left_keeps_its_own(self, ledger: Ledger, clock: Clock, time: Time) -> None:
        clock.tick()
        ledger.execute(ORDER, place(), "customer-1")
        time.now += DOWNTIME + SECOND
        clock.tick()
        assert kinds(ledger) == ["order_placed"]

    def test_two_workers_that_come_back_give_one_grace(
        self, ledger: Ledger, clock: Clock, time: Time, redis: Redis
    ) -> None:
        clock.tick()
        ledger.execute(ORDER, place(), "customer-1")
        time.now += timedelta(hours=2)
        beat = redis.get(keys.BEAT)
        clock.tick()
        redis.set(keys.BEAT, beat or b"")  # the other one had read the beat before the first one wrote it
        Clock(ledger, redis).tick()
        assert kinds(ledger).count("answer_time_extended") == 1

    def test_a_downtime_after_the_clock_was_put_back_an_hour_is_noticed(
        self, ledger: Ledger, clock: Clock, time: Time
    ) -> None:
        clock.tick()
        time.now -= timedelta(hours=1)
        clock.tick()
        ledger.execute(ORDER, place(), "customer-1")
        time.now += timedelta(minutes=40)
        clock.tick()
        assert kinds(ledger) == ["order_placed", "answer_time_extended"]

    def test_hosts_whose_clocks_are_not_quite_the_same_find_no_downtime(
        self, ledger: Ledger, clock: Clock, time: Time
    ) -> None:
        ledger.execute(ORDER, place(), "customer-1")
        for _ in range(80):
            for ahead in (timedelta(), timedelta(seconds=40)):
                time.now += ahead
                clock.tick()
                time.now -= ahead
            time.now += 5 * SECOND
        assert kinds(ledger)[-1] == "order_expired"
        assert "answer_time_extended" not in kinds(ledger)

    def test_nobody_answering_after_the_grace_still_ends_the_order(
        self, ledger: Ledger, clock: Clock, time: Time
    ) -> None:
        clock.tick()
        ledger.execute(ORDER, place(), "customer-1")
        time.now += timedelta(hours=2)
        run(clock, time, timedelta(hours=2, minutes=3))
        assert kinds(ledger)[-1] == "order_expired"


def test_an_order_that_cannot_be_read_does_not_stop_the_others(
    ledger: Ledger, clock: Clock, time: Time, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.execute(ORDER, place(), "customer-1")
    ledger.execute(OTHER, place(OTHER), "customer-2")
    redis.lset(keys.order(ORDER), 0, "not an event")
    run(clock, time, timedelta(minutes=6))
    assert kinds(ledger, OTHER)[-1] == "order_expired"
    assert "can't be handled" in caplog.text


# What is bad alone is set aside alone


SPOIL: list[Callable[[Redis], object]] = [
    lambda redis: redis.rename(keys.order(ORDER), "elsewhere") and redis.set(keys.order(ORDER), "no list"),
    lambda redis: redis.zadd(keys.DUE, {b"wake:\xff\xfe": 1, b"\xff": 2, b"": 3, b"wake": 4, b"notify:x:nobody": 5}),
    lambda redis: (
        redis.zadd(keys.DUE, {f"wake:spoilt{number}": number for number in range(210)})
        and [redis.set(keys.order(f"spoilt{number}"), "no list") for number in range(210)]
    ),
    lambda redis: redis.delete(keys.BEAT) and redis.rpush(keys.BEAT, "no string"),
    lambda redis: redis.set(keys.DOWNTIMES, "no sorted set") and redis.set(keys.BEAT, "2026-03-14T11:00:00+00:00"),
    lambda redis: redis.delete(HEARD) and redis.set(HEARD, "no hash"),
    lambda redis: redis.hset(HEARD, mapping={"until": "soon", "deaf_until": "later"}),
    lambda redis: redis.sadd(keys.WORKERS, "odd") and redis.set(keys.processing("odd"), "no list"),
]


@pytest.mark.parametrize("spoil", SPOIL)
def test_a_bad_key_does_not_stop_the_clock_of_the_others(
    ledger: Ledger, clock: Clock, time: Time, redis: Redis, spoil: Callable[[Redis], object]
) -> None:
    clock.tick()
    ledger.execute(ORDER, place(), "customer-1")
    ledger.execute(OTHER, place(OTHER), "customer-2")
    spoil(redis)
    redis.delete(f"rq:queue:{QUEUE}")
    run(clock, time, timedelta(minutes=6))
    assert kinds(ledger, OTHER)[-1] == "order_expired"
    assert redis.llen(f"rq:queue:{QUEUE}") > 0


def test_a_script_that_the_store_refuses_stops_no_clock(
    ledger: Ledger, clock: Clock, time: Time, redis: Redis, store_url: str
) -> None:
    clock.tick()
    ledger.execute(ORDER, place(), "customer-1")
    redis.acl_setuser("narrow", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-@scripting"])
    with connect(store_url) as narrow:
        narrow.execute_command("AUTH", "narrow", "")
        narrow_clock = Clock(Ledger(narrow, time), narrow)
        time.now += 20 * SECOND
        redis.hset(HEARD, "until", "soon")
        narrow_clock.tick()
        time.now += 60 * SECOND
        narrow_clock.tick()
    redis.acl_deluser("narrow")
    run(clock, time, timedelta(minutes=6))
    assert kinds(ledger)[-1] == "order_expired"


def test_something_else_in_the_place_of_the_deadlines_is_said_and_no_outage(
    ledger: Ledger, clock: Clock, redis: Redis
) -> None:
    redis.rpush(keys.DUE, "no sorted set")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        clock.tick()
    redis.delete(keys.DUE)
    assert clock.tick() == 0


# Staff who can't be heard


class Ear:
    """What the restaurants' bot notes of its hearing, by the time of the test."""

    def __init__(self, redis: Redis, time: Time) -> None:
        self._redis = redis
        self._time = time

    def _stored(self, at: datetime) -> str:
        return str((store_time(self._redis.time()) + (at - self._time.now)).timestamp())

    def has_heard_until(self, until: datetime) -> None:
        self._redis.hset(HEARD, "until", self._stored(until))

    def was_deaf(self, since: datetime) -> None:
        deaf = {"until": self._time.now, "deaf_since": since, "deaf_until": self._time.now}
        self._redis.hset(HEARD, mapping={name: self._stored(at) for name, at in deaf.items()})


@pytest.fixture
def ear(redis: Redis, time: Time) -> Ear:
    return Ear(redis, time)


def run_deaf(clock: Clock, time: Time, ear: Ear, since: datetime, until: timedelta) -> None:
    while time.now < NOON + until:
        time.now += 5 * SECOND
        ear.has_heard_until(since)
        clock.tick()


class TestDeafness:
    def test_an_order_neither_rings_nor_ends_while_staff_cannot_be_heard(
        self, ledger: Ledger, clock: Clock, time: Time, ear: Ear
    ) -> None:
        ledger.execute(ORDER, place(), "customer-1")
        run_deaf(clock, time, ear, NOON + timedelta(seconds=30), timedelta(minutes=20))
        assert kinds(ledger) == ["order_placed"]

    def test_they_get_the_time_back_once_and_are_asked_to_tap_again(
        self, ledger: Ledger, clock: Clock, time: Time, redis: Redis, ear: Ear
    ) -> None:
        since = NOON + timedelta(minutes=1)
        ledger.execute(ORDER, place(), "customer-1")
        ledger.execute(ORDER, RecordNotified(Side.RESTAURANT, About.PLACED), "delivery")
        run_deaf(clock, time, ear, since, timedelta(minutes=20))
        ear.was_deaf(since)
        for one in (clock, Clock(ledger, redis)):
            one.tick()
            one.tick()
        extended = [event for event in ledger.history(ORDER) if isinstance(event, AnswerTimeExtended)]
        order = ledger.order(ORDER)
        assert order is not None
        assert len(extended) == 1
        assert extended[0].tap_again
        assert abs(order.answer_by - (time.now + timedelta(minutes=4))) < SECOND
        assert order.owes(Side.RESTAURANT, About.TAP_AGAIN)

    @pytest.mark.parametrize("is_clock_first", [True, False])
    def test_after_a_downtime_of_all_staff_are_asked_to_tap_again_whoever_is_back_first(
        self, ledger: Ledger, clock: Clock, time: Time, ear: Ear, is_clock_first: bool
    ) -> None:
        clock.tick()
        ledger.execute(ORDER, place(), "customer-1")
        ledger.execute(ORDER, RecordNotified(Side.RESTAURANT, About.PLACED), "delivery")
        since = time.now
        ear.has_heard_until(since)
        time.now += timedelta(minutes=10)
        ear.has_heard_until(since)
        if is_clock_first:
            clock.tick()
            time.now += 3 * SECOND
        ear.was_deaf(since)
        clock.tick()
        asked = [event for event in ledger.history(ORDER) if isinstance(event, AnswerTimeExtended) and event.tap_again]
        assert len(asked) == 1
        ear.was_deaf(time.now - timedelta(seconds=40))  # again, and not for long
        clock.tick()
        assert [event for event in ledger.history(ORDER) if getattr(event, "tap_again", False)] == asked

    def test_what_a_clock_left_undone_that_died_is_made_up_by_the_next(
        self, ledger: Ledger, clock: Clock, time: Time, ear: Ear, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for order_id in (ORDER, OTHER):
            ledger.execute(order_id, place(order_id), f"customer-{order_id}")
        run_deaf(clock, time, ear, NOON, timedelta(minutes=4))
        ear.was_deaf(NOON)
        with monkeypatch.context() as dying:
            dying.setattr(ledger, "execute", _once(ledger.execute))
            with pytest.raises(StoreGone):
                clock.tick()
        clock.tick()
        for order_id in (ORDER, OTHER):
            assert kinds(ledger, order_id) == ["order_placed", "answer_time_extended"]

    def test_an_order_ends_once_its_staff_were_heard_after_its_time(
        self, ledger: Ledger, clock: Clock, time: Time, ear: Ear
    ) -> None:
        ledger.execute(ORDER, place(), "customer-1")
        run(clock, time, timedelta(minutes=4))
        run_deaf(clock, time, ear, NOON + timedelta(minutes=5) - SECOND, timedelta(minutes=5, seconds=20))
        assert kinds(ledger)[-1] == "reminder_due"
        ear.has_heard_until(NOON + timedelta(minutes=5))
        run(clock, time, timedelta(minutes=5, seconds=30))
        assert kinds(ledger)[-1] == "order_expired"

    def test_an_order_waits_for_what_its_staff_did_until_that_is_handled(
        self, ledger: Ledger, clock: Clock, time: Time, redis: Redis
    ) -> None:
        ledger.set_service("nonna", lambda _: Service(staff_chat=STAFF))
        ledger.execute(ORDER, place(), "customer-1")
        line = keys.inbox_chat("restaurant", str(STAFF))
        redis.rpush(line, "17")
        run(clock, time, timedelta(minutes=7))
        assert kinds(ledger) == ["order_placed"]
        redis.delete(line)
        run(clock, time, timedelta(minutes=8))
        assert "reminder_due" in kinds(ledger)[1:] or kinds(ledger)[-1] == "order_expired"

    def test_but_not_for_what_has_taken_effect_and_is_only_to_be_shown(
        self, ledger: Ledger, clock: Clock, time: Time, redis: Redis
    ) -> None:
        ledger.set_service("nonna", lambda _: Service(staff_chat=STAFF))
        ledger.execute(ORDER, place(), "customer-1")
        line, handled = keys.inbox_chat("restaurant", str(STAFF)), keys.inbox_handled("restaurant")
        redis.rpush(line, "17", "18")
        redis.sadd(handled, "17")
        run(clock, time, timedelta(minutes=6))
        assert kinds(ledger) == ["order_placed"]
        redis.sadd(handled, "18")
        run(clock, time, timedelta(minutes=7))
        assert kinds(ledger)[-1] == "order_expired"

    def test_a_tap_that_comes_in_the_moment_of_the_expiry_is_waited_for(
        self, ledger: Ledger, clock: Clock, time: Time, redis: Redis
    ) -> None:
        ledger.set_service("nonna", lambda _: Service(staff_chat=STAFF))
        ledger.execute(ORDER, place(), "customer-1")
        line, handled = keys.inbox_chat("restaurant", str(STAFF)), keys.inbox_handled("restaurant")
        redis.rpush(line, "17")
        redis.sadd(handled, "17")
        run(clock, time, timedelta(minutes=4, seconds=55))
        before = kinds(ledger)
        # One is shown at last and leaves, and another comes, after the clock has looked.
        steps: list[Callable[[], object]] = [lambda: redis.lpop(line) and redis.rpush(line, "18")]

        def meanwhile(_: int, request: bytes) -> None:
            if b"order_expired" in request and steps:
                steps.pop()()

        late = Ledger(faulty(redis, before=meanwhile), time)
        time.now = NOON + timedelta(minutes=5)
        late.wake(ORDER)
        assert not steps
        assert kinds(ledger) == before

    def test_where_the_bot_was_never_started_orders_wait_for_it(
        self, ledger: Ledger, clock: Clock, time: Time, redis: Redis, ear: Ear
    ) -> None:
        clock.tick()
        assert redis.hexists(HEARD, "until")
        ledger.execute(ORDER, place(), "customer-1")
        run_deaf(clock, time, ear, NOON, timedelta(hours=1))
        assert kinds(ledger) == ["order_placed"]


def _once(call: Callable[..., object]) -> Callable[..., object]:
    """The call, which works once and then not, as for a clock that dies."""
    calls: list[object] = []

    def dying(*arguments: Any) -> object:
        if calls:
            raise StoreGone
        calls.append(arguments)
        return call(*arguments)

    return dying


class TestPickUps:
    def accepted(self, ledger: Ledger, time: Time) -> None:
        ledger.execute(ORDER, place(), "customer-1")
        ledger.execute(ORDER, AcceptOrder(ANNA, 20), "restaurant-1")

    def test_after_a_night_without_us_staff_are_asked_before_an_order_is_closed(
        self, ledger: Ledger, clock: Clock, time: Time
    ) -> None:
        clock.tick()
        self.accepted(ledger, time)
        time.now += timedelta(hours=10)
        clock.tick()
        assert kinds(ledger)[-1] == "reminder_due"
        order = ledger.order(ORDER)
        assert order is not None
        assert next_deadline(order) == time.now + PICK_UP_CLOSE - PICK_UP_REMINDER

    def test_staff_who_were_asked_before_the_night_are_asked_again(
        self, ledger: Ledger, clock: Clock, time: Time
    ) -> None:
        self.asked(ledger, clock, time)
        time.now += timedelta(hours=10)
        clock.tick()
        assert kinds(ledger).count("reminder_due") == 2
        assert kinds(ledger)[-1] == "reminder_due"

    def test_staff_who_were_asked_before_the_bot_was_deaf_are_asked_again(
        self, ledger: Ledger, clock: Clock, time: Time, redis: Redis, ear: Ear
    ) -> None:
        self.asked(ledger, clock, time)
        since = time.now
        time.now += timedelta(hours=9)
        redis.set(keys.BEAT, time.now.isoformat())  # clocks ran all the time
        ear.has_heard_until(since)
        clock.tick()
        assert kinds(ledger)[-1] == "restaurant_notified"
        ear.was_deaf(since)
        clock.tick()
        assert kinds(ledger)[-1] == "reminder_due"

    def asked(self, ledger: Ledger, clock: Clock, time: Time) -> None:
        """An accepted order that staff have been asked about."""
        self.accepted(ledger, time)
        time.now += timedelta(hours=1)
        clock.tick()
        ledger.execute(ORDER, REMINDED, "delivery")
        assert kinds(ledger)[-2:] == ["reminder_due", "restaurant_notified"]
