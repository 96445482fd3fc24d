"""Tickets: whatever has happened to an order, the kitchen reads what matters and every button leads somewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.callbacks import decode
from flows.commands import (
    AcceptOrder,
    AnyCommand,
    CancelOrder,
    DeclineOrder,
    MarkNotCollected,
    MarkPickedUp,
    MarkReady,
    RecordNotified,
    RecordUnreachable,
)
from flows.events import About, CancelReason, DeclineReason, Line, Person, Side
from flows.messages import customer, staff
from flows.messages.staff import Mode, ticket_screen
from flows.messages.text import LIMIT, visible
from flows.order import Order, Refused, decide
from flows.screens import Screen
from flows.serving import TicketTap, on_ticket
from tests.orders import ANNA, BRUNO, NOON, after, eur, place, run

ACCEPT = AcceptOrder(ANNA, 20)
STORIES: list[tuple[AnyCommand, ...]] = [
    (),
    (RecordNotified(Side.RESTAURANT, About.PLACED),),
    (ACCEPT,),
    (ACCEPT, RecordUnreachable(Side.CUSTOMER, About.ACCEPTED, "blocked")),
    (ACCEPT, MarkReady(ANNA)),
    (ACCEPT, MarkPickedUp(BRUNO)),
    (ACCEPT, MarkNotCollected(ANNA)),
    (ACCEPT, CancelOrder(Side.RESTAURANT, ANNA, CancelReason.CLOSING_EARLY)),
    (CancelOrder(Side.CUSTOMER, ANNA, CancelReason.CUSTOMER_CHANGED_MIND),),
    (RecordUnreachable(Side.RESTAURANT, About.PLACED, "kicked"),),
    *((DeclineOrder(ANNA, reason),) for reason in DeclineReason),
]


def labels(screen: Screen) -> list[str]:
    return [button.text for row in screen.rows for button in row]


class TestWhatTheKitchenReads:
    def test_a_new_ticket_says_who_wants_what_and_by_when_to_answer(self) -> None:
        screen = ticket_screen(after())
        for words in (
            "#17",
            "NEW ORDER",
            "Carla",
            "2 × Margherita",
            "Large",
            "€23.00",
            "Placed 13:00",
            "Answer by 13:05",
        ):
            assert words in screen.text
        assert labels(screen) == ["✅ Accept", "Decline"]

    def test_the_code_is_on_the_ticket_from_acceptance_on_for_comparison(self) -> None:
        assert "4821" not in ticket_screen(after()).text
        assert "4821" in ticket_screen(after(ACCEPT)).text

    def test_it_says_who_tapped_what(self) -> None:
        text = ticket_screen(after(ACCEPT, MarkPickedUp(BRUNO))).text
        assert "Accepted by Anna at 13:00" in text
        assert "Picked up at 13:00 (Bruno)" in text

    def test_it_says_that_the_customer_cannot_be_reached(self) -> None:
        blocked = RecordUnreachable(Side.CUSTOMER, About.ACCEPTED, "blocked")
        assert "can't be reached" in ticket_screen(after(ACCEPT, blocked)).text

    def test_a_question_that_no_longer_fits_shows_the_ticket(self) -> None:
        assert ticket_screen(after(ACCEPT), Mode.ACCEPT) == ticket_screen(after(ACCEPT))

    def test_names_and_notes_of_people_cannot_write_markup(self) -> None:
        command = place(customer=Person(id=1, name="<b>Eve</b> & co"), note="<a href='x'>tap</a>")
        text = ticket_screen(run(None, command, NOON)).text
        assert "&lt;b&gt;Eve&lt;/b&gt; &amp; co" in text
        assert "<a href" not in text


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("story", STORIES)
def test_every_button_of_every_ticket_leads_somewhere(story: tuple[AnyCommand, ...], mode: Mode) -> None:
    order = after(*story)
    for row in ticket_screen(order, mode).rows:
        for button in row:
            assert button.payload is not None
            tap = decode(button.payload)
            if isinstance(tap, TicketTap):
                step = on_ticket(tap, BRUNO)
                if step.command is not None:
                    decide(order, step.command, NOON)  # what is offered is never refused


@pytest.mark.parametrize("story", STORIES)
def test_the_customer_can_be_told_of_everything(story: tuple[AnyCommand, ...]) -> None:
    order = after(*story)
    for owed in order.owed:
        side = customer if owed.side is Side.CUSTOMER else staff
        if owed.about is not About.PLACED:
            assert side.ring(order, owed.about).text


@given(
    lines=st.integers(1, 20),
    name=st.text(min_size=1, max_size=60),
    note=st.text(max_size=300),
    option=st.text(min_size=1, max_size=60),
    mode=st.sampled_from(Mode),
)
def test_no_order_is_too_large_for_a_message(lines: int, name: str, note: str, option: str, mode: Mode) -> None:
    line = Line(item_id="x", name=name, options=(option,) * 10, quantity=99, unit=eur(99999999))
    command = place(customer=Person(id=1, name=name), note=note)
    placed = run(None, command.__class__(**{**vars(command), "lines": (line,) * lines}), NOON)
    for order in (placed, run(placed, ACCEPT, NOON)):
        for screen in (
            ticket_screen(order, mode),
            customer.status_screen(order),
            customer.status_screen(order, asking=True),
        ):
            assert visible(screen.text) <= LIMIT


def test_a_refused_tap_can_always_be_explained() -> None:
    from flows.messages.text import NOTICE_LIMIT, refusal

    for story in STORIES:
        order: Order = after(*story)
        for command in (ACCEPT, DeclineOrder(BRUNO, DeclineReason.OTHER), MarkReady(BRUNO), AcceptOrder(BRUNO, 7)):
            try:
                decide(order, command, NOON)
            except Refused as refused:
                assert 0 < len(refusal(refused.why, refused.order)) <= NOTICE_LIMIT  # noqa: PT017 - one of many
