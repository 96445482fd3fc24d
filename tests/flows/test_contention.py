"""Whoever comes too late for a transaction comes again after a pause, and gives up in the end."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis
from redis.client import Pipeline

from flows.ledger.transaction import ATTEMPTS, LONGEST, Contended, Transaction, transact, transact_together
from flows.store import Together
from workers.reading import watched


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that are made instead of sleeping."""
    made: list[float] = []
    again = asyncio.sleep

    async def note(seconds: float) -> None:
        made.append(seconds)
        await again(0)

    monkeypatch.setattr(time, "sleep", made.append)
    monkeypatch.setattr(asyncio, "sleep", note)
    return made


def grow_with_jitter(pauses: list[float]) -> bool:
    return (
        len(pauses) == ATTEMPTS
        and all(0 < pause <= LONGEST for pause in pauses)
        and pauses[0] < LONGEST / 10
        and len(set(pauses[-10:])) > 1
        and min(pauses[-10:]) >= LONGEST / 2
    )


def test_a_transaction_that_always_comes_too_late_pauses_longer_and_longer_and_gives_up(
    redis: Redis, pauses: list[float]
) -> None:
    def work(attempt: Transaction) -> None:
        attempt.get("number")
        redis.incr("number")  # somebody else is quicker
        attempt.writes.set("number", "mine")

    with pytest.raises(Contended):
        transact(redis, 0, work)

    assert grow_with_jitter(pauses)
    assert redis.get("number") == str(ATTEMPTS).encode()


async def test_a_transaction_of_an_event_loop_does_so_as_well(redis: Redis, pauses: list[float]) -> None:
    def work(attempt: Transaction) -> None:
        attempt.get("number")
        redis.incr("number")
        attempt.writes.set("number", "mine")

    with pytest.raises(Contended):
        await transact_together(Together(redis), work, {("GET", "number"): None})

    assert grow_with_jitter(pauses)


def test_a_repair_that_always_comes_too_late_does_so_as_well(redis: Redis, pauses: list[float]) -> None:
    def work(pipe: Pipeline) -> None:
        redis.incr("number")
        pipe.multi()
        pipe.set("number", "mine")

    with pytest.raises(Contended):
        watched(redis, ["number"], work)

    assert grow_with_jitter(pauses)
    assert redis.get("number") == str(ATTEMPTS).encode()


def test_of_many_who_write_the_same_at_once_each_gets_through(redis: Redis) -> None:
    def add_one(attempt: Transaction) -> None:
        attempt.writes.set("number", int(attempt.get("number") or 0) + 1)

    with ThreadPoolExecutor(32) as pool:
        writing = [pool.submit(transact, redis, 0, add_one) for _ in range(320)]
        for one in writing:
            one.result()

    assert redis.get("number") == b"320"
