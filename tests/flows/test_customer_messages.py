"""What a customer reads about an order at each of its turns."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flows.commands import (
    AcceptOrder,
    AnyCommand,
    CancelOrder,
    DeclineOrder,
    MarkNotCollected,
    MarkPickedUp,
    MarkReady,
    Wake,
)
from flows.events import About, CancelReason, DeclineReason, Side
from flows.messages import customer
from flows.messages.about import COMMANDS, DESCRIPTION, SHORT_DESCRIPTION
from flows.messages.customer import ring, status_screen
from flows.order import Refused as RefusedByRules
from flows.order import Why
from tests.orders import ANNA, CARLA, LEFT_OPEN, after

ACCEPT, READY = AcceptOrder(ANNA, 20), MarkReady(ANNA)

TURNS: list[tuple[list[AnyCommand | timedelta], str, About | None, str]] = [
    ([], "Waiting for Trattoria da Nonna to accept it, by 13:05", None, ""),
    ([ACCEPT], "Ready by <b>13:20</b>", About.ACCEPTED, "accepted your order #17"),
    ([ACCEPT, READY], "come and pick it up", About.READY, "is ready at Via Roma 1, Torino"),
    ([ACCEPT, READY, MarkPickedUp(ANNA)], "Enjoy your meal", None, ""),
    ([DeclineOrder(ANNA, DeclineReason.TOO_BUSY)], "too busy", About.DECLINED, "too busy"),
    ([timedelta(minutes=5), Wake()], "did not answer in time", About.EXPIRED, "did not answer"),
    (
        [CancelOrder(Side.CUSTOMER, CARLA, CancelReason.CUSTOMER_CHANGED_MIND)],
        "You cancelled this order",
        None,
        "",
    ),
    (
        [ACCEPT, CancelOrder(Side.RESTAURANT, ANNA, CancelReason.KITCHEN_PROBLEM)],
        "The restaurant cancelled it: a problem in the kitchen",
        About.CANCELLED,
        "had to cancel your order #17: a problem in the kitchen",
    ),
    ([ACCEPT, *LEFT_OPEN], "🕗 Closed. Questions?", None, ""),
    ([ACCEPT, MarkNotCollected(ANNA)], "not collected", About.NOT_COLLECTED, "closed as not collected"),
]


@pytest.mark.parametrize(("steps", "status", "about", "news"), TURNS)
def test_the_status_says_where_the_order_stands_and_a_ring_what_is_new(
    steps: list[AnyCommand | timedelta], status: str, about: About | None, news: str
) -> None:
    order = after(*steps)
    screen = status_screen(order)
    assert status in screen.text
    assert "Order #17" in screen.text
    if about is not None:
        assert news in ring(order, about).text
        assert ring(order, about).rows == ()


@pytest.mark.parametrize(("steps", "status", "about", "news"), TURNS)
def test_nobody_is_asked_to_pay_for_what_is_over(
    steps: list[AnyCommand | timedelta], status: str, about: About | None, news: str
) -> None:
    order = after(*steps)
    assert ("pay at pick-up" in status_screen(order).text) is not order.over


def test_a_reason_that_says_nothing_is_left_out() -> None:
    order = after(DeclineOrder(ANNA, DeclineReason.OTHER))
    assert "❌ Declined. Nothing to pay." in status_screen(order).text
    assert "can't take your order #17. Nothing to pay." in ring(order, About.DECLINED).text


@pytest.mark.parametrize(("steps", "shown"), [([], False), ([ACCEPT], True), ([ACCEPT, READY], True)])
def test_the_pick_up_code_is_shown_while_it_is_of_use(steps: list[AnyCommand | timedelta], shown: bool) -> None:
    assert ("<code>4821</code>" in status_screen(after(*steps)).text) is shown


@pytest.mark.parametrize(("steps", "buttons"), [([], 1), ([ACCEPT], 1), ([ACCEPT, READY, MarkPickedUp(ANNA)], 0)])
def test_no_button_of_a_live_status_leads_away_from_it(steps: list[AnyCommand | timedelta], buttons: int) -> None:
    labels = [button.text for row in status_screen(after(*steps)).rows for button in row]
    assert len(labels) == buttons
    assert "‹ Back" not in labels
    assert "‹ Back" in [button.text for row in status_screen(after(*steps), listed=0).rows for button in row]


def test_no_question_about_cancelling_once_it_is_too_late() -> None:
    assert "Cancel this order?" not in status_screen(after(ACCEPT), asking=True).text


def test_a_time_on_another_day_says_the_day() -> None:
    late = after(timedelta(hours=10, minutes=30), AcceptOrder(ANNA, 45))
    assert "Ready by <b>Sun 15 Mar, 00:15</b>" in status_screen(late).text


@pytest.mark.parametrize("why", list(Why))
def test_every_refusal_has_words(why: Why) -> None:
    assert customer.refusal(RefusedByRules(why, after(ACCEPT)))
    assert customer.refusal(RefusedByRules(why)) == "This order is not known here."


def test_what_the_bot_says_of_itself_fits_telegrams_limits() -> None:
    """Bot API: a command 1 to 32 characters, its words 1 to 256; descriptions 120 and 512."""
    assert all(1 <= len(name) <= 32 and 1 <= len(words) <= 256 for name, words in COMMANDS)
    assert len(SHORT_DESCRIPTION) <= 120
    assert len(DESCRIPTION) <= 512
