"""Times as people read them, in the nights in which the clocks change, and around midnight."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from flows.commands import AcceptOrder, RecordNotified
from flows.events import About, Side
from flows.hours import Hours
from flows.menu import Service
from flows.messages.customer import ring, status_screen
from flows.messages.menus import closed_because
from flows.messages.staff import ticket_screen
from flows.messages.text import at_clock, clock, refusal, whose_time
from flows.order import Order, Why
from tests.customers import trattoria
from tests.orders import ANNA, NONNA, place, run

ROME = ZoneInfo("Europe/Rome")
TWICE = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)  # 02:00 CEST; an hour later it is 02:00 CET
SKIPPED = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)  # 01:00 CET; an hour later it is 03:00 CEST
MINUTE = timedelta(minutes=1)


def accepted(at: datetime, minutes: int, timezone: str = "Europe/Rome") -> Order:
    """An order placed at that time and accepted a minute later."""
    card = NONNA.model_copy(update={"timezone": timezone})
    order = run(None, place(restaurant=card), at - MINUTE)
    order = run(order, RecordNotified(Side.RESTAURANT, About.PLACED), at)
    return run(order, AcceptOrder(ANNA, minutes), at)


def test_what_is_ready_after_the_clocks_were_put_back_is_not_taken_for_earlier() -> None:
    order = accepted(TWICE + 50 * MINUTE, 20)
    assert "Ready by <b>02:10 CET</b>" in status_screen(order).text
    assert "Ready by <b>02:10 CET</b>" in ring(order, About.ACCEPTED).text
    assert "Accepted by Anna at 02:50 CEST, for 02:10 CET" in ticket_screen(order).text
    assert "accepted it at 02:50 CEST" in refusal(Why.ALREADY_ACCEPTED, order)


def test_what_is_ready_after_the_skipped_hour_is_not_taken_for_an_hour_later() -> None:
    order = accepted(SKIPPED + 50 * MINUTE, 20)
    assert "Accepted by Anna at 01:50 CET, for 03:10 CEST" in ticket_screen(order).text


@pytest.mark.parametrize("minutes", [-119, 0, 45, 59, 60, 119, 239])
def test_around_a_change_every_time_says_which_it_is(minutes: int) -> None:
    shown = {clock((night + minutes * MINUTE).astimezone(ROME))[5:] for night in (TWICE, SKIPPED)}
    assert shown == {" CEST", " CET"}


def test_the_same_clock_is_never_shown_for_two_times_of_a_night() -> None:
    times = [(TWICE + minutes * MINUTE).astimezone(ROME) for minutes in range(-300, 300)]
    assert len({clock(time) for time in times}) == len(times)


@pytest.mark.parametrize("at", [TWICE - timedelta(hours=4), SKIPPED + timedelta(hours=5), TWICE + timedelta(days=1)])
def test_at_any_other_time_the_clock_is_enough(at: datetime) -> None:
    assert clock(at.astimezone(ROME)) == f"{at.astimezone(ROME):%H:%M}"


def test_a_zone_whose_times_have_no_names_is_told_by_its_offset() -> None:
    lord_howe = datetime(2026, 4, 4, 15, 10, tzinfo=UTC).astimezone(ZoneInfo("Australia/Lord_Howe"))
    assert clock(lord_howe) == "01:40 UTC+1030"


def test_an_order_that_passes_midnight_names_the_day() -> None:
    order = accepted(datetime(2026, 7, 1, 21, 50, tzinfo=UTC), 20)
    assert "Ready by <b>Thu 02 Jul, 00:10</b>" in status_screen(order).text


def test_the_times_that_customers_act_on_say_whose_they_are() -> None:
    order = accepted(datetime(2026, 7, 1, 10, 0, tzinfo=UTC), 20, timezone="America/Argentina/Buenos_Aires")
    waiting = run(None, place(), datetime(2026, 7, 1, 10, 0, tzinfo=UTC))
    assert "Ready by <b>07:20</b> (Buenos Aires time)" in status_screen(order).text
    assert "Ready by <b>07:20</b> (Buenos Aires time)" in ring(order, About.ACCEPTED).text
    assert "accept it, by 12:05 (Rome time)" in status_screen(waiting).text
    assert whose_time("Asia/Ho_Chi_Minh") == " (Ho Chi Minh time)"


def test_a_restaurant_that_opens_in_the_hour_that_comes_twice_says_in_which() -> None:
    night = trattoria(hours=Hours(sun=("02:30-03:00",)))
    for minutes, says in ((0, "at 02:30 CEST"), (70, "at 02:30 CET")):
        closed = closed_because(night, Service(staff_chat=-1), TWICE + minutes * MINUTE)
        assert closed is not None
        assert says in closed.sentence


def test_a_day_is_named_as_the_place_reckons_it() -> None:
    evening = datetime(2026, 7, 1, 21, 30, tzinfo=UTC)  # 23:30 in Rome
    assert at_clock(evening + 20 * MINUTE, evening, ROME) == "at 23:50"
    assert at_clock(evening + 40 * MINUTE, evening, ROME) == "tomorrow at 00:10"
    assert at_clock(evening + timedelta(days=2), evening, ROME) == "Friday 03 Jul at 23:30"
