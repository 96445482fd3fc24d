"""Members that are no text, left by another program under our keys, are in nobody's way."""

from __future__ import annotations

from datetime import UTC, datetime

from redis import Redis

from flows import keys
from flows.ledger import Ledger
from flows.menu import Service
from flows.store import text
from tests.orders import CARLA, place
from workers.recovery import Recovery

NO_TEXT = b"\xff\xfe"
ORDER = "0rder0000001"


def test_a_member_that_is_no_text_is_written_as_the_same_bytes_again(redis: Redis) -> None:
    redis.sadd("members", NO_TEXT)
    [member] = redis.smembers("members")
    assert redis.srem("members", text(member)) == 1


def test_orders_are_listed_past_an_id_that_is_no_text(redis: Redis) -> None:
    ledger = Ledger(redis, lambda: datetime.now(UTC))
    ledger.execute(ORDER, place(ORDER), "test")
    for index in (keys.ORDERS, keys.orders_of_customer(CARLA.id)):
        redis.zadd(index, {NO_TEXT: 1})
    redis.sadd(keys.open_orders("nonna"), NO_TEXT)
    for found in (ledger.orders(), ledger.orders_of(CARLA.id), ledger.open_orders("nonna")):
        assert [order.id for order in found] == [ORDER]


def test_tickets_are_shown_again_past_an_open_order_that_is_no_text(redis: Redis) -> None:
    ledger = Ledger(redis, lambda: datetime.now(UTC))
    ledger.set_service("nonna", lambda _: Service(staff_chat=-100))
    ledger.execute(ORDER, place(ORDER), "test")
    redis.sadd(keys.open_orders("nonna"), NO_TEXT)
    ledger.show_open_tickets("nonna")


def test_restaurants_are_read_past_a_slug_that_is_no_text(redis: Redis) -> None:
    redis.hset(keys.RESTAURANTS, NO_TEXT, b"{}")
    redis.hset(keys.SERVICES, NO_TEXT, b"{}")
    assert Ledger(redis).restaurants() == []


def test_a_worker_whose_name_is_no_text_is_taken_for_dead_like_any_other(redis: Redis) -> None:
    redis.sadd(keys.WORKERS, NO_TEXT)
    redis.rpush(b"worker:" + NO_TEXT + b":processing", "a-job")
    recovery = Recovery(redis, "queue", "ours")
    recovery.renew_and_look()
    assert recovery.renew_and_look() == 1
    assert redis.smembers(keys.WORKERS) == {b"ours"}
    assert redis.lrange("queue", 0, -1) == [b"a-job"]
