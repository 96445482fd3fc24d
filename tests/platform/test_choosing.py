"""Finding orders as people speak of them: today's, a restaurant's, by status, and by the number that they call out."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner, Result
from redis import Redis

from flows import keys
from flows.commands import DeclineOrder
from flows.events import DeclineReason, RestaurantCard
from flows.ledger import Ledger
from flows.ledger.orders import AT_ONCE
from tests.orders import ANNA, NONNA, place
from workers.cli import main
from workers.cli.choosing import is_of_today

DAY = timedelta(days=1)
NOW = datetime.now(UTC)
# Where it is noon: so no midnight comes while the tests run.
HERE = NONNA.model_copy(update={"timezone": f"Etc/GMT{NOW.hour - 12:+}"})
THERE = HERE.model_copy(update={"slug": "east", "name": "Far East"})


class Kitchen:
    """Places orders on days that the test names, one after the other."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.at = NOW
        self.ledger = Ledger(redis, lambda: self.at)
        self._seconds = itertools.count(-1000)

    def order(
        self, order_id: str, number: int, *, days_ago: float = 0, declined: bool = False, at: RestaurantCard = HERE
    ) -> None:
        self.at = NOW - days_ago * DAY + timedelta(seconds=next(self._seconds))
        self.ledger.execute(order_id, replace(place(order_id, restaurant=at), number=number), f"{order_id}-1")
        if declined:
            self.ledger.execute(order_id, DeclineOrder(ANNA, DeclineReason.TOO_BUSY), f"{order_id}-2")


@pytest.fixture
def kitchen(redis: Redis, store_url: str, monkeypatch: pytest.MonkeyPatch) -> Kitchen:
    monkeypatch.setenv("REDIS_URL", store_url)
    return Kitchen(redis)


def comanda(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def listed(*arguments: str) -> list[str]:
    done = comanda("orders", *arguments, "--json")
    assert done.exit_code == 0, done.output
    return [row["order_id"] for row in json.loads(done.stdout)]


def shown(*arguments: str) -> str:
    done = comanda("order", *arguments, "--json")
    assert done.exit_code == 0, done.output
    return str(json.loads(done.stdout)["order_id"])


def test_orders_are_chosen_by_day_restaurant_and_status_together(kitchen: Kitchen) -> None:
    kitchen.order("0ld000000001", 1, days_ago=9, declined=True)
    kitchen.order("0ld000000002", 2, days_ago=9)
    kitchen.order("today0000001", 1, declined=True)
    kitchen.order("today0000002", 2)
    kitchen.order("east00000001", 1, at=THERE)

    assert listed() == ["0ld000000001", "0ld000000002", "today0000001", "today0000002", "east00000001"]
    assert listed("--today") == ["today0000001", "today0000002", "east00000001"]
    assert listed("--restaurant", "nonna", "--today") == ["today0000001", "today0000002"]
    assert listed("--status", "declined") == ["0ld000000001", "today0000001"]
    assert listed("--status", "declined", "--status", "placed", "--today", "--restaurant", "nonna") == [
        "today0000001",
        "today0000002",
    ]
    assert listed("--status", "fulfilled") == []


def test_people_see_the_numbers_that_they_call_orders_by(kitchen: Kitchen) -> None:
    kitchen.order("today0000001", 7)

    [line] = comanda("orders").stdout.splitlines()

    assert line.split()[:2] == ["today0000001", "#7"]


@pytest.mark.parametrize(
    ("zone", "now", "placed", "today"),
    [
        ("Europe/Rome", "2026-03-14T23:30+00:00", "2026-03-14T22:30+00:00", False),
        ("Europe/Rome", "2026-03-14T23:30+00:00", "2026-03-14T23:00+00:00", True),
        ("Pacific/Kiritimati", "2026-03-14T12:00+00:00", "2026-03-14T09:59+00:00", False),
        ("Pacific/Kiritimati", "2026-03-14T12:00+00:00", "2026-03-14T10:00+00:00", True),
        ("America/Los_Angeles", "2026-03-15T06:00+00:00", "2026-03-14T20:00+00:00", True),
    ],
)
def test_a_day_begins_at_the_restaurants_midnight(redis: Redis, zone: str, now: str, placed: str, today: bool) -> None:
    at = datetime.fromisoformat(placed)
    ledger = Ledger(redis, lambda: at)
    card = NONNA.model_copy(update={"timezone": zone})
    order = ledger.execute("0rder0000001", place(restaurant=card), "test")

    assert is_of_today(order, datetime.fromisoformat(now)) is today


@pytest.mark.parametrize("words", ["7", "#7", " 7 "])
def test_an_order_is_shown_by_the_number_of_today(kitchen: Kitchen, words: str) -> None:
    kitchen.order("0ld000000007", 7, days_ago=9, declined=True)
    kitchen.order("today0000007", 7)
    kitchen.order("today0000008", 8)

    assert shown(words) == "today0000007"


def test_an_order_that_is_not_over_is_meant_as_well_whenever_it_was_placed(kitchen: Kitchen) -> None:
    kitchen.order("0ld000000007", 7, days_ago=9)

    assert shown("7") == "0ld000000007"


def test_an_id_is_an_id_also_if_it_looks_like_a_number(kitchen: Kitchen) -> None:
    kitchen.order("777", 1)
    kitchen.order("today0000001", 777)

    assert shown("777") == "777"
    assert shown("#777") == "today0000001"


def test_of_several_orders_of_that_number_all_are_told_and_the_restaurant_decides(kitchen: Kitchen) -> None:
    kitchen.order("nonna0000007", 7)
    kitchen.order("east00000007", 7, at=THERE)

    done = comanda("order", "7")

    assert (done.exit_code, done.stdout) == (1, "")
    first, *rows = done.stderr.splitlines()
    assert first == "Error: there are 2 orders #7; show one by its id:"
    assert sorted(row.split()[0] for row in rows) == ["east00000007", "nonna0000007"]
    assert shown("7", "--restaurant", "east") == "east00000007"


def test_without_an_order_of_today_the_last_ones_of_that_number_are_told(kitchen: Kitchen) -> None:
    for week in range(1, 15):
        kitchen.order(f"0ld0000000{week:02}", 7, days_ago=7 * week, declined=True)

    done = comanda("order", "7")

    first, *rows = done.stderr.splitlines()
    assert (done.exit_code, first) == (1, "Error: no order #7 today; show one by its id:")
    assert [row.split()[0] for row in rows] == [f"0ld0000000{week:02}" for week in range(1, 11)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("order", "9"), "no order #9 today: `comanda orders --today` lists them"),
        (("order", "nonsense"), "no order nonsense: `comanda orders` lists their ids"),
        (("order", "9", "--restaurant", "nona"), "no restaurant 'nona': `comanda restaurant list` shows them"),
        (("orders", "--restaurant", "nona"), "no restaurant 'nona': `comanda restaurant list` shows them"),
    ],
)
def test_what_is_not_there_is_said_in_one_line_with_where_to_look(
    kitchen: Kitchen, arguments: tuple[str, ...], words: str
) -> None:
    kitchen.order("today0000007", 7)

    done = comanda(*arguments)

    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"Error: {words}\n")


def test_a_status_that_does_not_exist_is_wrong_usage_and_those_that_do_are_told() -> None:
    done = comanda("orders", "--status", "eaten")

    assert done.exit_code == 2
    assert "'fulfilled'" in done.stderr


def test_a_number_is_found_behind_many_others_and_behind_some_that_cannot_be_read(kitchen: Kitchen) -> None:
    kitchen.order("first0000007", 7)
    for number in range(AT_ONCE + 1):
        kitchen.redis.zadd(keys.ORDERS, {f"broken{number}": NOW.timestamp() + 1})
        kitchen.redis.rpush(keys.order(f"broken{number}"), "no event")

    assert shown("7") == "first0000007"
