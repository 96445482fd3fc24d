"""What is tried for so long only counts the time in which workers ran."""

from __future__ import annotations

from datetime import timedelta

import pytest
from redis import Redis

from flows import keys
from tests.orders import NOON
from workers.downtimes import KEPT, note_downtime, time_running

HOUR = timedelta(hours=1)


def ran(redis: Redis, hours: int = 10) -> timedelta:
    return time_running(redis, NOON, NOON + hours * HOUR)


def test_where_nothing_is_noted_workers_ran_all_the_time(redis: Redis) -> None:
    assert ran(redis) == 10 * HOUR


def test_downtimes_count_once_however_they_were_noted_and_only_within_the_time_asked_for(redis: Redis) -> None:
    note_downtime(redis, NOON - 5 * HOUR, NOON + HOUR)
    note_downtime(redis, NOON + 2 * HOUR, NOON + 3 * HOUR)
    note_downtime(redis, NOON + 2 * HOUR, NOON + 4 * HOUR)
    note_downtime(redis, NOON + 3 * HOUR, NOON + 5 * HOUR)
    note_downtime(redis, NOON + 9 * HOUR, NOON + 20 * HOUR)
    assert ran(redis) == 5 * HOUR
    assert time_running(redis, NOON + 6 * HOUR, NOON + 7 * HOUR) == HOUR


def test_a_downtime_that_no_clock_has_noted_yet_counts(redis: Redis) -> None:
    redis.set(keys.BEAT, (NOON + HOUR).isoformat())
    assert ran(redis) == HOUR


@pytest.mark.parametrize("beat", [NOON + 10 * HOUR, NOON + 10 * HOUR - timedelta(seconds=20), NOON + 11 * HOUR])
def test_a_clock_that_has_just_ticked_or_is_ahead_tells_of_no_downtime(redis: Redis, beat: object) -> None:
    redis.set(keys.BEAT, str(beat))
    assert ran(redis) == 10 * HOUR


def test_of_many_downtimes_the_last_are_known(redis: Redis) -> None:
    for number in range(KEPT + 1):
        note_downtime(redis, NOON + number * HOUR, NOON + number * HOUR + HOUR / 2)
    assert redis.zcard(keys.DOWNTIMES) == KEPT
    assert ran(redis) == 5.5 * HOUR


def test_what_cannot_be_read_counts_as_no_downtime(redis: Redis) -> None:
    redis.zadd(keys.DOWNTIMES, {"yesterday": 4e9})
    redis.rpush(keys.BEAT, "no string")
    assert ran(redis) == 10 * HOUR
    redis.set(keys.DOWNTIMES, "no sorted set")
    assert ran(redis) == 10 * HOUR
