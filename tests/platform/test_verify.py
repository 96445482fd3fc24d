"""`comanda verify`: what is derived from the orders' events agrees with them, or is put right."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any

import pytest
from click.testing import CliRunner, Result
from redis import Redis

from flows import keys
from flows.commands import AcceptOrder, MarkPickedUp
from flows.events import Person
from flows.ledger import Ledger
from flows.menu import Service
from tests.orders import ANNA, CARLA, NOON, place
from workers.cli import main
from workers.verify import Finding, Verification

OPEN, OVER = "0rder0000001", "0rder0000002"
SPOIL = Callable[[Redis], object]


@pytest.fixture
def ledger(redis: Redis) -> Ledger:
    """An open order and one that is over, of a restaurant with a staff chat."""
    ledger = Ledger(redis)
    ledger.create_invite("nonna", 60)
    ledger.set_service("nonna", lambda _: Service(staff_chat=-42))
    redis.hset(keys.STAFF, "-42", "nonna")
    ledger.next_number("nonna", datetime.now(UTC).date())
    ledger.execute(OPEN, place(OPEN), "one")
    ledger.execute(OVER, place(OVER, number=16, code="1234"), "two")
    ledger.execute(OVER, AcceptOrder(by=ANNA, minutes=20), "three")
    ledger.execute(OVER, MarkPickedUp(by=ANNA), "four")
    for day in (-1, 0, 1):  # whatever the local day is, its counter is beyond the orders' number
        redis.set(keys.number("nonna", (datetime.now(UTC) + timedelta(days=day)).date()), 17)
    return ledger


def look(ledger: Ledger, redis: Redis, *, repair: bool = False) -> list[Finding]:
    return list(Verification(redis, ledger.clock, repair=repair).run())


def first_entry(redis: Redis) -> Any:
    """The id and fields of the stream's oldest entry."""
    found: Any = redis.xrange(keys.EVENTS, count=1)
    return found[0]


def test_what_the_ledger_writes_agrees(ledger: Ledger, redis: Redis) -> None:
    assert look(ledger, redis) == []


SPOILT: list[tuple[SPOIL, str]] = [
    (lambda redis: redis.zrem(keys.ORDERS, OPEN), f"{OPEN}: is not in orders"),
    (lambda redis: redis.zadd(keys.ORDERS, {OPEN: 5}), f"{OPEN}: is in orders by another time"),
    (lambda redis: redis.zadd(keys.ORDERS, {"nobody": 5}), "orders: names nobody, which does not belong there"),
    (lambda redis: redis.delete(keys.orders_of_customer(CARLA.id)), f"{OPEN}: is not in orders:customer:77"),
    (
        lambda redis: redis.zadd(keys.orders_of_customer(999), {OPEN: 5}),
        f"orders:customer:999: names {OPEN}, which does not belong there",
    ),
    (lambda redis: redis.delete(keys.open_orders("nonna")), f"{OPEN}: is open and not in orders:open:nonna"),
    (lambda redis: redis.sadd(keys.open_orders("nonna"), OVER), f"{OVER}: is over and yet in orders:open:nonna"),
    (
        lambda redis: redis.sadd(keys.open_orders("momiji"), OPEN),
        f"orders:open:momiji: names {OPEN}, which does not belong there",
    ),
    (lambda redis: redis.zrem(keys.DUE, keys.wake(OPEN)), f"{OPEN}: has no deadline"),
    (lambda redis: redis.zadd(keys.DUE, {keys.wake(OPEN): 4e9}), f"{OPEN}: has its deadline at 2096-10-02 07:06:40Z"),
    (lambda redis: redis.zadd(keys.DUE, {keys.wake(OVER): 5}), f"{OVER}: is over and yet has a deadline"),
    (lambda redis: redis.zadd(keys.DUE, {"wake:nobody": 5}), "due: names wake:nobody, which does not belong there"),
    (lambda redis: redis.zadd(keys.DUE, {"nonsense": 5}), "due: names nonsense, which does not belong there"),
    (
        lambda redis: redis.zrem(keys.DUE, keys.notify(OPEN, "restaurant")),
        f"{OPEN}: nobody is to tell the restaurant what it is owed",
    ),
    (
        lambda redis: redis.hset(keys.delivery("nobody"), "customer:job", "x"),
        "delivery:nobody: is the delivery record of no order",
    ),
    (lambda redis: redis.xdel(keys.EVENTS, first_entry(redis)[0]), f"{OPEN}: its events 1 are missing from `events`"),
    (lambda redis: redis.xadd(keys.EVENTS, {"order": OPEN, "version": 9}), "is of no event that an order has"),
    (lambda redis: redis.xadd(keys.EVENTS, {"order": "nobody", "version": 1}), "is of no event that an order has"),
    (lambda redis: redis.xadd(keys.EVENTS, {"what": "ever"}), "is of no event that an order has"),
    (
        lambda redis: redis.xadd(keys.EVENTS, first_entry(redis)[1]),
        f"is of event 1 of order {OPEN} once more",
    ),
    (
        lambda redis: redis.hset(keys.taken("nonna"), "1234", OVER),
        f"taken:nonna: has 1234 taken by {OVER}, and no open order has it",
    ),
    (
        lambda redis: redis.hset(keys.taken("momiji"), "#3", "nobody"),
        "taken:momiji: has #3 taken by nobody, and no open order has it",
    ),
    (lambda redis: redis.hdel(keys.taken("nonna"), "#17"), f"taken:nonna: does not say that {OPEN} has #17"),
    (lambda redis: redis.hset(keys.taken("nonna"), "4821", OVER), f"taken:nonna: does not say that {OPEN} has 4821"),
    (lambda redis: redis.delete(keys.taken("nonna")), f"taken:nonna: does not say that {OPEN} has 4821"),
    (
        lambda redis: redis.set(keys.taken("nonna"), "text"),
        "taken:nonna: is a string, not a hash",
    ),
    (lambda redis: redis.hdel(keys.STAFF, "-42"), "chat -42: is the staff chat of nonna, which `staff` does not say"),
    (
        lambda redis: redis.hset(keys.STAFF, "-43", "nonna"),
        "chat -43: stands in `staff` for nonna, whose staff chat it is not",
    ),
]


@pytest.mark.parametrize(("spoil", "said"), SPOILT, ids=[said for _, said in SPOILT])
def test_each_difference_is_named_and_put_right_on_request(
    ledger: Ledger, redis: Redis, spoil: SPOIL, said: str
) -> None:
    orders = ledger.orders()
    spoil(redis)

    found = look(ledger, redis)
    repaired = look(ledger, redis, repair=True)

    assert any(said in f"{one.subject}: {one.says}" for one in found), found
    assert {one.state for one in found} == {"found"}
    assert {one.state for one in repaired} == {"repaired"}
    assert look(ledger, redis) == []
    assert sorted(orders, key=lambda order: order.id) == sorted(ledger.orders(), key=lambda order: order.id)


def test_a_counter_that_would_give_out_a_number_again_is_put_forward(redis: Redis) -> None:
    noon = datetime(2026, 3, 14, 12, tzinfo=UTC)
    ledger = Ledger(redis, clock=lambda: noon)
    ledger.execute(OPEN, place(OPEN), "one")

    [found] = look(ledger, redis, repair=True)

    assert found == Finding("number:nonna:2026-03-14", "is at 0, and an order has the number 17", "repaired")
    assert ledger.next_number("nonna", noon.date()) == 18
    assert look(ledger, redis) == []


def test_a_staff_chat_of_two_restaurants_needs_a_person(ledger: Ledger, redis: Redis) -> None:
    ledger.set_service("momiji", lambda _: Service(staff_chat=-42))

    [found] = look(ledger, redis, repair=True)

    assert found.state == "left"
    assert "several restaurants: momiji, nonna" in found.says


@pytest.mark.parametrize("event", ["no json", "[]", '{"kind": "order_placed"}', '{"kind": "no_such_event"}', b"\xff"])
def test_an_order_that_cannot_be_read_is_named_and_left_alone_and_stops_no_other(
    ledger: Ledger, redis: Redis, event: str | bytes
) -> None:
    redis.rpush(keys.order(OVER), event)
    redis.rpush(keys.order("broken"), event)
    redis.zrem(keys.ORDERS, OPEN)
    before = redis.lrange(keys.order(OVER), 0, -1)

    found = look(ledger, redis, repair=True)

    assert {(one.subject, one.state) for one in found} == {(OPEN, "repaired"), (OVER, "left"), ("broken", "left")}
    assert redis.lrange(keys.order(OVER), 0, -1) == before


def test_what_an_open_order_has_that_cannot_be_read_stays_taken(ledger: Ledger, redis: Redis) -> None:
    redis.lset(keys.order(OPEN), 0, "no event")

    look(ledger, redis, repair=True)

    assert redis.hgetall(keys.taken("nonna")) == {b"#17": OPEN.encode(), b"4821": OPEN.encode()}


def test_a_key_of_another_type_is_an_order_that_cannot_be_read(ledger: Ledger, redis: Redis) -> None:
    redis.set(keys.order("broken"), "text")

    assert [(one.subject, one.state) for one in look(ledger, redis)] == [("broken", "left")]


@pytest.mark.parametrize("key", [keys.DUE, keys.ORDERS, keys.EVENTS, keys.STAFF, keys.RESTAURANTS, keys.SERVICES])
def test_a_key_of_all_that_is_of_another_type_is_named_with_the_cure(ledger: Ledger, redis: Redis, key: str) -> None:
    redis.delete(key)
    redis.set(key, "nonsense")

    [found] = look(ledger, redis, repair=True)

    assert (found.subject, found.state) == (key, "left")
    assert f"`RENAME {key} {key}.old`, then `comanda verify --repair`" in found.says


@pytest.mark.parametrize("key", [keys.open_orders("momiji"), keys.orders_of_customer(5)])
def test_a_key_of_one_that_is_of_another_type_is_named_beside_all_other_differences(
    ledger: Ledger, redis: Redis, key: str
) -> None:
    redis.set(key, "nonsense")
    redis.zrem(keys.DUE, keys.wake(OPEN))

    found = {one.subject: one.state for one in look(ledger, redis, repair=True)}

    assert found == {OPEN: "repaired", key: "left"}


def test_a_counter_of_another_type_is_named(redis: Redis) -> None:
    ledger = Ledger(redis, lambda: NOON)
    ledger.execute(OPEN, place(OPEN), "one")
    key = keys.number("nonna", NOON.date())
    redis.rpush(key, "nonsense")

    assert [(one.subject, one.state) for one in look(ledger, redis)] == [(key, "left")]


def test_a_deadline_that_was_put_off_because_it_could_not_be_handled_is_no_difference(redis: Redis) -> None:
    moment = datetime(2026, 3, 14, 12, tzinfo=UTC)
    ledger = Ledger(redis, clock=lambda: moment)
    redis.set(keys.number("nonna", moment.date()), 17)
    ledger.execute(OPEN, place(OPEN), "one")
    moment += timedelta(minutes=5)

    redis.zadd(keys.DUE, {keys.wake(OPEN): (moment + timedelta(minutes=1)).timestamp()})

    assert look(ledger, redis) == []


def test_a_running_system_gives_no_false_alarm(ledger: Ledger, redis: Redis) -> None:
    """Orders come and go while it is looked at again and again."""

    def live() -> None:
        for number in range(100):
            order_id = f"live{number:08}"
            customer = Person(id=number % 7, name="Carla")
            placed = place(order_id, customer=customer, number=5, code="5555")
            ledger.execute(order_id, placed, f"a-{number}")
            ledger.execute(order_id, AcceptOrder(by=ANNA, minutes=20), f"b-{number}")
            ledger.execute(order_id, MarkPickedUp(by=ANNA), f"c-{number}")

    thread = threading.Thread(target=live)
    thread.start()
    found: list[Finding] = []
    for repair in cycle((False, True)):
        found += look(ledger, redis, repair=repair)
        if not thread.is_alive():
            break
    thread.join()

    assert found == []
    assert look(ledger, redis) == []


def comanda(store_url: str, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.setenv("REDIS_URL", store_url)
    return CliRunner().invoke(main, ["verify", *arguments])


def test_the_command_says_each_difference_and_the_exit_code_whether_there_is_one(
    ledger: Ledger, redis: Redis, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine = comanda(store_url, monkeypatch)
    redis.zrem(keys.ORDERS, OPEN)
    found = comanda(store_url, monkeypatch)
    as_json = comanda(store_url, monkeypatch, "--json")
    repaired = comanda(store_url, monkeypatch, "--repair")

    assert (fine.exit_code, fine.output) == (0, "2 orders, and all that is derived from them agrees.\n")
    assert found.exit_code == 1
    assert found.output.startswith(f"{OPEN}: is not in orders\n2 orders, 1 differences, 0 put right; comanda verify")
    assert json.loads(as_json.output) == {
        "orders": 2,
        "differences": [{"subject": OPEN, "says": "is not in orders", "state": "found"}],
    }
    assert as_json.exit_code == 1
    assert repaired.exit_code == 0
    assert "is not in orders (put right)" in repaired.output


def test_without_a_store_nothing_can_be_said(monkeypatch: pytest.MonkeyPatch, free_port: int) -> None:
    done = comanda(f"redis://127.0.0.1:{free_port}", monkeypatch)

    assert done.exit_code == 2
    assert "no store answers there" in done.output
