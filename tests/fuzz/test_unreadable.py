"""One thing in the store that can't be read stops neither a process nor the others' orders."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result
from hypothesis import strategies as st
from redis import Redis

from flows import events, keys
from flows.events import Side
from flows.gate import Urgency
from flows.ledger import Ledger
from flows.order import Refused, decide
from flows.screens import Screen
from flows.store import Together
from tests.customers import trattoria
from tests.fuzz.budget import fuzz
from tests.fuzz.stand import ANNA, CARLA, EVE, Stand, tap, typed
from tests.fuzz.strategies import stored
from tests.fuzz.taps import ORDER
from tests.orders import NOON, place
from workers.cli import main
from workers.clock import Clock
from workers.delivery import Courier
from workers.telegram import Sender

BAD, GOOD = "0rder0000000", "0rder0000009"  # the bad one comes first everywhere
LATER = timedelta(minutes=6)  # when an unanswered order has expired
[PLACED] = [json.loads(events.dump(event)) for event in decide(None, place(BAD), NOON)]


class Scene:
    """A ledger at a time of the test's choosing, with a good order and a bad one."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.now = NOON
        self.ledger = Ledger(redis, lambda: self.now)
        self.clock = Clock(self.ledger, redis)

    def begin(self, *bad: bytes) -> None:
        """Two orders at noon, one of which then reads like this."""
        self.redis.flushall()
        self.now = NOON
        self.ledger.save_restaurant(trattoria())
        for order_id in (BAD, GOOD):
            self.ledger.execute(order_id, place(order_id), "before")
        if bad:
            self.redis.delete(keys.order(BAD))
            self.redis.rpush(keys.order(BAD), *bad)

    def good(self) -> list[str]:
        return [event.kind for event in self.ledger.history(GOOD)]


@pytest.fixture(scope="module")
def scene(store_url: str) -> Iterator[Scene]:
    with Redis.from_url(store_url) as redis:
        yield Scene(redis)


@fuzz(1, data=stored(PLACED))
def test_the_clock_goes_on_past_an_order_that_cannot_be_read(scene: Scene, data: bytes) -> None:
    scene.begin(data)
    scene.now += LATER
    scene.clock.tick()
    assert scene.good()[-1] == "order_expired"


@fuzz(0.5, beat=st.binary(max_size=30) | st.text(max_size=12) | st.datetimes().map(str) | st.just("2026-13-40"))
def test_the_clock_goes_on_from_a_beat_that_cannot_be_read(scene: Scene, beat: bytes | str) -> None:
    scene.begin()
    with suppress(UnicodeEncodeError):
        scene.redis.set(keys.BEAT, beat)
    scene.now += LATER
    scene.clock.tick()
    assert scene.good()[-1] in ("order_expired", "answer_time_extended", "order_placed")


@fuzz(
    0.5, member=st.binary(max_size=20) | st.sampled_from([b"wake:", b"notify:x", b"notify:x:cook", b"wake:\xff", b":"])
)
def test_the_clock_goes_on_past_a_deadline_of_nothing(scene: Scene, member: bytes) -> None:
    scene.begin()
    scene.redis.zadd(keys.DUE, {member: 0})
    scene.clock.tick()
    scene.now += LATER  # beyond a downtime, for which all deadlines are looked at
    scene.clock.tick()
    assert scene.good()[-1] == "answer_time_extended"


class Quiet(Sender):
    """Telegram, as far as a courier needs it here."""

    def __init__(self) -> None:
        self.sent: list[int] = []

    async def send(
        self,
        side: Side,
        chat_id: int,
        screen: Screen,
        reply_to: int | None = None,
        topic: int | None = None,
        *,
        urgency: Urgency = Urgency.NEWS,
    ) -> int:
        self.sent.append(chat_id)
        return len(self.sent)

    async def edit(
        self,
        side: Side,
        chat_id: int,
        message_id: int,
        draw: Callable[[], Awaitable[Screen | None]],
        urgency: Urgency = Urgency.ROUTINE,
    ) -> None:
        await draw()
        self.sent.append(chat_id)


@fuzz(1, data=stored(PLACED), side=st.sampled_from(Side), shown=st.booleans())
def test_a_delivery_that_cannot_be_read_is_put_down_for_later(
    scene: Scene, data: bytes, side: Side, shown: bool
) -> None:
    """Either the order or the record of its message is bad."""
    scene.begin(*([] if shown else [data]))
    if shown:
        scene.redis.hset(keys.delivery(BAD), side, data)
    courier = Courier(scene.ledger, Together(scene.redis), Quiet())
    scene.redis.zadd(keys.DUE, {f"notify:{BAD}:{side}": 0})
    try:
        asyncio.run(courier.notify(BAD, side))
    except (ValueError, Refused):  # what RQ writes down for its failed jobs
        due = scene.redis.zscore(keys.DUE, f"notify:{BAD}:{side}")
        assert due is not None
        assert due > scene.now.timestamp()


# The command line


def comanda(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env={"REDIS_URL": url})


@fuzz(0.5, data=stored(PLACED))
def test_a_bad_order_is_refused_in_a_line_and_a_good_one_shown(scene: Scene, store_url: str, data: bytes) -> None:
    scene.begin(data)
    assert GOOD in comanda(store_url, "order", GOOD, "--json").output
    bad = comanda(store_url, "order", BAD)
    assert isinstance(bad.exception, SystemExit | None), bad.exception
    assert bad.exit_code == 0 or bad.output.count("\n") == 1


def test_orders_lists_the_good_ones(scene: Scene, store_url: str) -> None:
    scene.begin(b"{")
    done = comanda(store_url, "orders")
    assert GOOD in done.output


def test_a_customers_good_orders_are_listed(scene: Scene) -> None:
    scene.begin(b"{")
    assert [order.id for order in scene.ledger.orders_of(77)] == [GOOD]


def test_a_restaurants_good_orders_are_listed(scene: Scene) -> None:
    scene.begin(b"{")
    assert [order.id for order in scene.ledger.open_orders("nonna")] == [GOOD]


def test_the_good_restaurants_are_listed(scene: Scene) -> None:
    scene.begin()
    scene.redis.hset(keys.RESTAURANTS, "bad", "{")
    assert [one.slug for one in scene.ledger.restaurants()] == ["nonna"]


def test_the_stream_is_read_past_a_bad_event(scene: Scene) -> None:
    scene.begin()
    scene.redis.rpush(keys.order(BAD), b"{", json.dumps(PLACED))
    for version in ("2", "3", "none"):
        scene.redis.xadd(keys.EVENTS, {"order": BAD, "version": version})
    assert [entry[1:3] for entry in scene.ledger.read_events("0")] == [(BAD, 1), (GOOD, 1), (BAD, 3)]


def test_the_stream_is_read_past_a_whole_batch_of_bad_entries(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.ledger.feed.COUNT", 2)
    scene.begin()
    scene.redis.delete(keys.EVENTS)
    for version in ("none", "0", "-1", "none"):
        scene.redis.xadd(keys.EVENTS, {"order": GOOD, "version": version})
    scene.redis.xadd(keys.EVENTS, {"order": GOOD, "version": "1"})
    assert [entry[1:3] for entry in scene.ledger.read_events("0")] == [(GOOD, 1)]


def test_a_history_of_another_order_is_none_of_this_one(scene: Scene) -> None:
    """Else what follows from it is written to that other order, at each tick anew."""
    scene.begin(json.dumps(PLACED | {"order_id": GOOD}).encode())
    with pytest.raises(ValueError, match=GOOD):
        scene.ledger.order(BAD)


# The bots


@fuzz(0.5, data=stored({"view": {"kind": "help"}, "carts": []}), who=st.sampled_from([EVE, ANNA]))
def test_a_session_that_cannot_be_read_is_nobody_elses_trouble(bots: Stand, data: bytes, who: int) -> None:
    bots.reset()
    bots.redis.set(keys.session(CARLA), data)
    bots.handle("customer", typed(who, "/start"))
    assert "sendMessage" in bots.asked()


def test_a_session_that_cannot_be_read_begins_anew(bots: Stand) -> None:
    bots.reset()
    bots.redis.set(keys.session(CARLA), "{")
    bots.handle("customer", typed(CARLA, "/start"))


@fuzz(0.5, data=stored(PLACED))
def test_a_tap_on_another_order_is_answered(bots: Stand, data: bytes) -> None:
    bots.reset()
    bots.redis.rpush(keys.order(BAD), data)
    bots.handle("restaurant", tap(ANNA, f"1aa:{ORDER}", "restaurant"))
    bots.handle("customer", tap(CARLA, f"1ac:{ORDER}", "customer"))
    assert bots.asked().count("answerCallbackQuery") == 2
