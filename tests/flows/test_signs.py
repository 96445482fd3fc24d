"""No two open orders of a restaurant have one number or one pick-up code."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, count
from threading import Barrier

import pytest
from redis import Redis

from flows import keys
from flows.commands import DeclineOrder, RecordNotified
from flows.events import About, DeclineReason, Side
from flows.ledger import Ledger
from flows.order import Order
from flows.ordering import Shop, Turn
from flows.session import Session
from tests.orders import ANNA, NONNA, place

EVENING = datetime(2026, 7, 1, 21, 50, tzinfo=UTC)  # 23:50 in Rome
OTHER = NONNA.model_copy(update={"slug": "bao"})


class Placing:
    """Customers who tap *Place order*, each in a chat of their own."""

    def __init__(self, redis: Redis) -> None:
        self.now = EVENING
        self.redis = redis
        self.ledger = Ledger(redis, lambda: self.now)
        self._numbers = count(1)

    def place(self, code: str = "4821", slug: str = "nonna", before: Callable[[], object] = lambda: None) -> Order:
        chat = next(self._numbers)
        order_id = f"0rder{chat:07}"
        card = NONNA if slug == "nonna" else OTHER

        codes = chain([code], map("{:04}".format, count(5000)))  # what is drawn, and what after that

        def step(session: Session, _: Shop) -> Turn:
            number = self.ledger.next_number(slug, (self.now + timedelta(hours=2)).date())
            before()
            return Turn(
                session, None, (order_id, replace(place(order_id, restaurant=card), number=number, code=next(codes)))
            )

        self.ledger.advance(chat, f"customer-{chat}", step)
        order = self.ledger.order(order_id)
        assert order is not None
        return order

    def end(self, order: Order) -> None:
        self.ledger.execute(order.id, DeclineOrder(ANNA, DeclineReason.OTHER), f"end-{order.id}")

    def open(self) -> list[Order]:
        return self.ledger.open_orders("nonna")


@pytest.fixture
def placing(redis: Redis) -> Placing:
    return Placing(redis)


def assert_told_apart(orders: list[Order]) -> None:
    assert len({order.placed.number for order in orders}) == len(orders)
    assert len({order.placed.code for order in orders}) == len(orders)


def test_numbers_begin_again_at_midnight_but_for_those_that_are_still_open(placing: Placing) -> None:
    first, second, third = placing.place("1111"), placing.place("2222"), placing.place("3333")
    placing.end(second)
    placing.now += timedelta(minutes=15)
    later = [placing.place(code) for code in ("5555", "6666")]
    assert [order.placed.number for order in later] == [2, 4]
    placing.end(first)
    placing.end(third)
    assert placing.place("7777").placed.number == 5
    assert_told_apart(placing.open())


def test_a_code_that_an_open_order_has_is_not_given_again(placing: Placing) -> None:
    first, second = placing.place("4821"), placing.place("4821")
    assert first.placed.code == "4821"
    assert second.placed.code == "5000"
    assert_told_apart(placing.open())
    placing.end(first)
    assert placing.place("4821").placed.code == "4821"


def test_what_is_told_of_an_ended_order_takes_nothing_from_the_one_that_has_its_number_now(placing: Placing) -> None:
    first = placing.place("4821")
    placing.end(first)
    placing.now += timedelta(minutes=15)
    second = placing.place("4821")
    assert (second.placed.number, second.placed.code) == (1, "4821")
    placing.ledger.execute(first.id, RecordNotified(Side.CUSTOMER, About.DECLINED), "told")
    third = placing.place("4821")
    assert_told_apart([second, third])


def test_another_restaurant_has_numbers_and_codes_of_its_own(placing: Placing) -> None:
    assert placing.place("4821").placed.number == 1
    other = placing.place("4821", slug="bao")
    assert (other.placed.number, other.placed.code) == (1, "4821")


def test_many_who_order_at_once_with_the_same_code_get_different_ones(placing: Placing) -> None:
    gate = Barrier(6)
    waiting = [gate.wait] * 6
    with ThreadPoolExecutor(6) as pool:
        for _ in pool.map(lambda _: placing.place(before=lambda: waiting.pop()(5) if waiting else None), range(6)):
            pass
    assert len(placing.open()) == 6
    assert_told_apart(placing.open())


def test_orders_that_were_placed_when_nothing_of_this_was_noted_count_as_well(placing: Placing) -> None:
    placing.place("4821")
    placing.place("1234")
    placing.redis.delete(keys.taken("nonna"))  # as an older version leaves it
    placing.now += timedelta(minutes=15)
    for code in ("4821", "1234"):
        placing.place(code)
    assert_told_apart(placing.open())


def test_what_an_older_version_has_ended_holds_back_no_number(placing: Placing) -> None:
    first = placing.place("4821")
    placing.redis.srem(keys.open_orders("nonna"), first.id)  # it does not know of what is noted
    placing.now += timedelta(minutes=15)
    assert placing.place("1234").placed.number == 1


def test_once_all_is_over_nothing_is_left(placing: Placing) -> None:
    for order in [placing.place("4821") for _ in range(3)]:
        placing.end(order)
    assert not placing.redis.exists(keys.taken("nonna"))
