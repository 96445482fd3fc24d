"""The commands of many tasks in one round trip: each gets its own replies, or its own error."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as StoreGone
from redis.exceptions import ResponseError

from flows.ledger.transaction import Transaction, transact_together
from flows.store import Command, NotReplicated, Script, Together, connect
from tests.faults import faulty
from workers.worker import IN_FLIGHT

ADD = Script("""#!lua
return redis.call('INCRBY', ARGV[1], ARGV[2])
""")


def counted(redis: Redis) -> tuple[Redis, list[bytes]]:
    requests: list[bytes] = []
    return faulty(redis, before=lambda _, request: requests.append(request)), requests


async def test_what_many_ask_at_once_is_one_request(redis: Redis) -> None:
    client, requests = counted(redis)
    store = Together(client)
    await store.run(("PING",))
    requests.clear()
    found = await asyncio.gather(*(store.run(("INCRBY", f"key{n}", n), ("GET", f"key{n}")) for n in range(1, 9)))
    assert found == [[n, str(n).encode()] for n in range(1, 9)]
    assert len(requests) == 1


def test_as_many_threads_as_there_are_jobs_in_hand_may_ask_for_themselves(store_url: str) -> None:
    barrier = threading.Barrier(IN_FLIGHT)

    def ask() -> object:
        barrier.wait()
        return client.ping()

    with connect(store_url) as client, ThreadPoolExecutor(IN_FLIGHT) as threads:
        answers = [threads.submit(ask) for _ in range(IN_FLIGHT)]
        assert all(answer.result() for answer in answers)


async def test_an_error_is_raised_for_whoever_caused_it_only(redis: Redis) -> None:
    redis.set("word", "basil")
    store = Together(redis)
    found = await asyncio.gather(store.run(("INCR", "word")), store.run(("INCR", "number")), return_exceptions=True)
    assert isinstance(found[0], ResponseError)
    assert found[1] == [1]


async def test_a_script_that_the_server_does_not_know_is_given_to_it(redis: Redis) -> None:
    redis.script_flush()
    store = Together(redis)
    found = await asyncio.gather(*(store.run((ADD, "sum", 2)) for _ in range(3)))
    assert sorted(found) == [[2], [4], [6]]


async def test_a_lost_connection_is_told_to_all(redis: Redis) -> None:
    def cut(number: int, request: bytes) -> None:
        raise StoreGone("cut")

    store = Together(faulty(redis, after=cut))
    found = await asyncio.gather(store.run(("INCR", "one")), store.run(("INCR", "two")), return_exceptions=True)
    assert [type(one) for one in found] == [StoreGone, StoreGone]


async def test_with_replicas_a_script_has_to_be_confirmed_and_mere_reading_has_not(redis: Redis) -> None:
    store = Together(redis, replicas=1)  # there is none
    assert await store.run(("GET", "sum")) == [None]
    with pytest.raises(NotReplicated):
        await store.run((ADD, "sum", 1))


class TestTransactions:
    """An increment of a number that was read before."""

    @staticmethod
    def increment(attempt: Transaction) -> int:
        number = int(attempt.get("number") or 0) + 1
        attempt.writes.set("number", number)
        return number

    async def test_what_was_seen_is_not_read_again(self, redis: Redis) -> None:
        client, requests = counted(redis)
        store = Together(client)
        await transact_together(store, self.increment, {})  # now it is connected, and the server knows the script
        requests.clear()
        assert await transact_together(store, self.increment, {("GET", "number"): b"1"}) == 2
        assert len(requests) == 1
        assert redis.get("number") == b"2"

    async def test_what_was_not_seen_is_read(self, redis: Redis) -> None:
        redis.set("number", 4)
        assert await transact_together(Together(redis), self.increment, {}) == 5

    async def test_what_has_changed_meanwhile_is_read_again(self, redis: Redis) -> None:
        redis.set("number", 7)
        seen: dict[Command, Any] = {("GET", "number"): b"4"}
        assert await transact_together(Together(redis), self.increment, seen) == 8
        assert redis.get("number") == b"8"

    @pytest.mark.parametrize(("holder", "left"), [("me", None), ("another", b"another")])
    async def test_a_lock_is_let_go_with_the_writes_by_who_holds_it(
        self, redis: Redis, holder: str, left: bytes | None
    ) -> None:
        def last(attempt: Transaction) -> int:
            attempt.releases = "lock", "me"
            return self.increment(attempt)

        redis.set("lock", holder)
        assert await transact_together(Together(redis), last, {}) == 1
        assert redis.get("lock") == left

    async def test_but_not_where_the_writes_do_not_go_in(self, redis: Redis) -> None:
        def seldom(attempt: Transaction) -> int:
            if redis.set("lock", "me", nx=True) and redis.incr("number"):  # somebody else was faster
                attempt.releases = "lock", "me"
            return self.increment(attempt)

        assert await transact_together(Together(redis), seldom, {("GET", "number"): None}) == 2
        assert redis.get("lock") == b"me"

    async def test_many_at_once_are_all_counted(self, redis: Redis) -> None:
        store = Together(redis)
        await asyncio.gather(*(transact_together(store, self.increment, {}) for _ in range(20)))
        assert redis.get("number") == b"20"

    async def test_a_lost_reply_makes_it_look_again(self, redis: Redis) -> None:
        cuts = iter([True])

        def cut(number: int, request: bytes) -> None:
            if b"EVAL" in request and next(cuts, False):
                raise StoreGone("cut")

        def once(attempt: Transaction) -> None:
            if attempt.get("done") is None:
                attempt.writes.incr("number")
                attempt.writes.set("done", "1")

        redis.script_flush()
        await transact_together(Together(faulty(redis, after=cut)), once, {})
        assert redis.get("number") == b"1"

    async def test_replies_that_are_all_lost_are_an_outage(self, redis: Redis) -> None:
        def cut(number: int, request: bytes) -> None:
            if b"EVAL" in request:
                raise StoreGone("cut")

        with pytest.raises(StoreGone):
            await transact_together(Together(faulty(redis, before=cut)), self.increment, {})
        assert redis.get("number") is None
