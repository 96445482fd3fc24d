"""What is due is woken, once, and a downtime costs nobody their chance to answer."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from redis import Redis

from flows import keys
from flows.events import Side
from flows.ledger import Ledger
from flows.reactions import QUEUE
from tests.orders import NOON, place
from workers.clock import DOWNTIME, GRACE, Clock

ORDER, OTHER = "0rder0000001", "0rder0000002"
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
