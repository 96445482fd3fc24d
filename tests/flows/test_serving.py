"""Tickets and staff taps: the kitchen reads what matters, every button leads somewhere, and nobody else's does."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows import callbacks as cb
from flows.callbacks import decode, encode
from flows.commands import (
    AcceptOrder,
    AnyCommand,
    CancelOrder,
    DeclineOrder,
    MarkNotCollected,
    MarkPickedUp,
    MarkReady,
    PlaceOrder,
    RecordNotified,
    RecordUnreachable,
    Wake,
)
from flows.events import About, CancelReason, DeclineReason, Line, Person, Side
from flows.hours import Hours
from flows.menu import Service
from flows.messages import customer, staff, staff_chat
from flows.messages.staff import PAUSES, Mode, open_orders_screen, ticket_screen
from flows.messages.text import LIMIT, NOTICE_LIMIT, refusal, visible
from flows.order import Refused, decide
from flows.screens import Screen
from flows.serving import SettingStep, SettingTap, TicketTap, name_of, on_command, on_setting, on_ticket
from tests.customers import trattoria
from tests.orders import ANNA, BRUNO, CARLA, LEFT_OPEN, NOON, after, eur, place, run

ACCEPT = AcceptOrder(ANNA, 20)
BLOCKED = RecordUnreachable(Side.CUSTOMER, About.ACCEPTED, "blocked")
CANCELLED_BY_CARLA = CancelOrder(Side.CUSTOMER, CARLA, CancelReason.CUSTOMER_CHANGED_MIND)
STORIES: list[tuple[AnyCommand, ...]] = [
    (),
    (RecordNotified(Side.RESTAURANT, About.PLACED),),
    (ACCEPT,),
    (ACCEPT, BLOCKED),
    (ACCEPT, MarkReady(ANNA)),
    (ACCEPT, MarkPickedUp(BRUNO)),
    (ACCEPT, MarkNotCollected(ANNA)),
    (ACCEPT, CancelOrder(Side.RESTAURANT, ANNA, CancelReason.CLOSING_EARLY)),
    (CANCELLED_BY_CARLA,),
    (RecordUnreachable(Side.RESTAURANT, About.PLACED, "kicked"),),
    *((DeclineOrder(ANNA, reason),) for reason in DeclineReason),
]


def labels(screen: Screen) -> list[str]:
    return [button.text for row in screen.rows for button in row]


def turning_on(screen: Screen) -> cb.CustomerTap | cb.StaffTap | None:
    """A tap on the button that leads to the next page, if there is one."""
    return next((decode(button.payload or "") for row in screen.rows for button in row if button.text == "›"), None)


def ticket(*steps: AnyCommand | timedelta, of: PlaceOrder | None = None) -> Screen:
    """The ticket after these commands, with time passing where a step is a timedelta; `of` is what was ordered."""
    return ticket_screen(after(*steps, of=of))


class TestWhatTheKitchenReads:
    def test_a_new_ticket_says_who_wants_what_and_by_when_to_answer(self) -> None:
        screen = ticket_screen(after())
        for words in (
            "<b>#17</b>",
            "NEW ORDER",
            "Carla",
            "2 × Margherita — <b>Large</b>",
            "€23.00",
            "pays at pick-up",
            "Placed 13:00",
            "Answer by 13:05",
        ):
            assert words in screen.text
        assert labels(screen) == ["✅ Accept", "Decline"]

    def test_the_note_stands_apart(self) -> None:
        assert "\n\n📝 <b>no onions</b>\n\n" in ticket(of=place(note="no onions")).text

    def test_the_promised_time_is_on_the_first_line(self) -> None:
        assert "ready by <b>13:20</b>" in ticket(ACCEPT).text.splitlines()[0]

    def test_a_time_of_another_day_says_the_day(self) -> None:
        assert "ready by <b>Sun 15 Mar, 00:07</b>" in ticket(timedelta(hours=10, minutes=47), ACCEPT).text

    def test_the_code_is_on_the_ticket_from_acceptance_on_for_comparison(self) -> None:
        assert "4821" not in ticket().text
        assert "4821" in ticket(ACCEPT).text
        assert "4821" in ticket(ACCEPT, MarkReady(ANNA)).text

    def test_it_says_who_tapped_what_and_when(self) -> None:
        minute = timedelta(minutes=1)
        text = ticket(ACCEPT, minute, MarkReady(BRUNO), minute, MarkPickedUp(ANNA)).text
        assert "Accepted by Anna at 13:00" in text
        assert "Marked ready by Bruno at 13:01" in text
        assert "Picked up at 13:02 (Anna)" in text

    @pytest.mark.parametrize(
        ("story", "words"),
        [
            ((DeclineOrder(ANNA, DeclineReason.TOO_BUSY),), "DECLINED: too busy"),
            ((DeclineOrder(ANNA, DeclineReason.OTHER),), "DECLINED\n"),
            ((ACCEPT, CancelOrder(Side.RESTAURANT, ANNA, CancelReason.KITCHEN_PROBLEM)), "CANCELLED: a problem in the"),
            ((CANCELLED_BY_CARLA,), "Cancelled by the customer at 13:00"),
            ((timedelta(minutes=6), Wake()), "MISSED"),
            ((ACCEPT, MarkNotCollected(BRUNO)), "Not collected at 13:00 (Bruno)"),
            ((ACCEPT, *LEFT_OPEN), "CLOSED: not marked as picked up"),
            ((ACCEPT, *LEFT_OPEN), "Closed by the clock at 22:00"),
        ],
    )
    def test_an_order_that_is_over_says_how_and_by_whom(
        self, story: tuple[AnyCommand | timedelta, ...], words: str
    ) -> None:
        assert words in ticket(*story).text

    def test_it_says_that_the_customer_cannot_be_reached(self) -> None:
        assert "can't be reached" in ticket(ACCEPT, BLOCKED).text

    def test_names_and_notes_of_people_cannot_write_markup(self) -> None:
        text = ticket(of=place(customer=Person(id=1, name="<b>Eve</b> & co"), note="<a href='x'>tap</a>")).text
        assert "&lt;b&gt;Eve&lt;/b&gt; &amp; co" in text
        assert "<a href" not in text

    def test_a_right_to_left_name_does_not_turn_the_line_around_it(self) -> None:
        assert "👤 \u2068שרה\u2069\n" in ticket(of=place(customer=Person(id=1, name="שרה\u202e"))).text

    def test_a_long_order_is_turned_over_page_by_page_and_no_line_is_lost(self) -> None:
        line = place().lines[0]
        lines = tuple(line.model_copy(update={"options": (f"{at}-" + "x" * 900,)}) for at in range(12))
        order = run(None, replace(place(), lines=lines), NOON)
        read, screen = "", ticket_screen(order)
        for _ in range(12):
            read += screen.text
            turn = turning_on(screen)
            if turn is None:
                break
            assert isinstance(turn, cb.ShowTicket)
            screen = ticket_screen(order, page=on_ticket(turn, order, ANNA).page)
        assert all(f"<b>{at}-x" in read for at in range(12))
        assert labels(screen)[-2:] == ["✅ Accept", "Decline"]

    def test_an_ordinary_order_has_one_page(self) -> None:
        lines = place().lines * 30
        assert labels(ticket(of=replace(place(), lines=lines))) == ["✅ Accept", "Decline"]

    def test_a_page_that_is_not_there_is_the_nearest_that_is(self) -> None:
        assert ticket_screen(after(), page=7) == ticket_screen(after(), page=-1) == ticket_screen(after())


class TestButtons:
    @pytest.mark.parametrize(
        ("mode", "story", "expected"),
        [
            (Mode.TICKET, (ACCEPT,), ["🛎 Ready", "✅ Picked up", "Not collected", "Cancel"]),
            (Mode.TICKET, (ACCEPT, MarkReady(ANNA)), ["✅ Picked up", "Not collected", "Cancel"]),
            (Mode.TICKET, (ACCEPT, MarkPickedUp(ANNA)), []),
            (Mode.ACCEPT, (), ["10 min", "20 min", "30 min", "45 min", "‹ Back"]),
            (Mode.DECLINE, (), ["Too busy", "Closing early", "Item unavailable", "Other", "‹ Back"]),
            (Mode.PICKED_UP, (ACCEPT,), ["✅ Yes, picked up", "‹ Back"]),
            (Mode.NOT_COLLECTED, (ACCEPT,), ["Yes, not collected", "‹ Back"]),
            (
                Mode.CANCEL,
                (ACCEPT,),
                ["Kitchen problem", "Item unavailable", "Closing early", "Other", "‹ Back"],
            ),
        ],
    )
    def test_each_state_and_each_question_has_its_own(
        self, mode: Mode, story: tuple[AnyCommand, ...], expected: list[str]
    ) -> None:
        assert labels(ticket_screen(after(*story), mode)) == expected

    def test_handing_out_asks_for_the_customers_code(self) -> None:
        assert "Does the customer's code read 4821?" in ticket_screen(after(ACCEPT), Mode.PICKED_UP).text

    def test_a_question_that_no_longer_fits_shows_the_ticket(self) -> None:
        assert ticket_screen(after(ACCEPT), Mode.ACCEPT) == ticket_screen(after(ACCEPT))

    @pytest.mark.parametrize(
        "ending",
        [
            (DeclineOrder(ANNA, DeclineReason.ITEM_UNAVAILABLE),),
            (ACCEPT, CancelOrder(Side.RESTAURANT, ANNA, CancelReason.ITEM_UNAVAILABLE)),
        ],
    )
    def test_an_item_that_has_run_out_can_be_hidden_at_once_whichever_it_is(
        self, ending: tuple[AnyCommand, ...]
    ) -> None:
        dishes = [Line(item_id=one, name=one.title(), quantity=1, unit=eur(100)) for one in ("cola", "pizza", "pizza")]
        offers = labels(ticket(*ending, of=replace(place(), lines=tuple(dishes))))
        assert offers == ["Hide Cola from the menu", "Hide Pizza from the menu"]

    def test_closing_early_offers_to_pause_for_a_while_or_until_resumed(self) -> None:
        offers = labels(ticket(DeclineOrder(ANNA, DeclineReason.CLOSING_EARLY)))
        assert [offer.removeprefix("Pause new orders: ") for offer in offers] == ["1 hour", "2 hours", "until /resume"]

    @pytest.mark.parametrize("mode", Mode)
    @pytest.mark.parametrize("story", STORIES)
    def test_every_button_of_every_ticket_leads_somewhere(self, story: tuple[AnyCommand, ...], mode: Mode) -> None:
        order = after(*story)
        for row in ticket_screen(order, mode).rows:
            for button in row:
                tap = decode(button.payload or "")
                if isinstance(tap, TicketTap):
                    step = on_ticket(tap, order, BRUNO)
                    assert not step.alert  # what is offered is never refused
                    if step.command is not None:
                        decide(order, step.command, NOON)
                else:
                    assert isinstance(tap, SettingTap)
                    on_setting(tap, trattoria(), NOON)


class TestWhoWasFirst:
    @pytest.mark.parametrize("tap", [cb.AskAccept("x"), cb.AskDecline("x")])
    def test_a_question_to_an_order_that_is_accepted_says_who_accepted_it(
        self, tap: cb.AskAccept | cb.AskDecline
    ) -> None:
        step = on_ticket(tap, after(ACCEPT), BRUNO)
        assert (step.notice, step.alert, step.mode) == ("Anna accepted it at 13:00.", True, Mode.TICKET)

    @pytest.mark.parametrize("tap", [cb.AskPickedUp("x"), cb.AskNotCollected("x"), cb.AskCancelTicket("x")])
    def test_a_question_to_an_order_that_is_over_says_how_it_ended(
        self, tap: cb.AskPickedUp | cb.AskNotCollected | cb.AskCancelTicket
    ) -> None:
        step = on_ticket(tap, after(ACCEPT, MarkPickedUp(ANNA)), BRUNO)
        assert (step.notice, step.alert) == ("Order #17 is over: picked up at 13:00 (Anna).", True)

    def test_whether_it_is_ready_is_asked_once(self) -> None:
        assert on_ticket(cb.AskReady("x"), after(ACCEPT), BRUNO).mode is Mode.READY
        step = on_ticket(cb.AskReady("x"), after(ACCEPT, MarkReady(ANNA)), BRUNO)
        assert (step.notice, step.mode) == ("Anna marked it ready at 13:00.", Mode.TICKET)

    def test_nobody_is_said_to_be_told_who_cannot_be_reached(self) -> None:
        order = after(ACCEPT, BLOCKED)
        assert on_ticket(cb.Ready("x"), order, BRUNO).notice == "Ready. The customer can't be reached."
        assert "The customer can't be reached." in ticket_screen(order, Mode.CANCEL).text.splitlines()[-1]

    def test_what_comes_after_accepting_is_not_asked_before(self) -> None:
        assert "not been accepted yet" in on_ticket(cb.AskPickedUp("x"), after(), BRUNO).notice

    def test_a_refused_tap_can_always_be_explained(self) -> None:
        taps: list[AnyCommand] = [
            ACCEPT,
            DeclineOrder(BRUNO, DeclineReason.OTHER),
            MarkReady(BRUNO),
            AcceptOrder(BRUNO, 7),
        ]
        for order, command in itertools.product([after(*story) for story in STORIES], taps):
            try:
                decide(order, command, NOON)
            except Refused as refused:
                words = refusal(refused.why, refused.order)
                assert words
                assert visible(words) <= NOTICE_LIMIT

    @pytest.mark.parametrize("tap", [cb.Decline("x", "rude"), cb.CancelTicket("x", "too_busy")])
    def test_a_reason_that_no_button_carries_is_a_bad_payload(self, tap: cb.Decline | cb.CancelTicket) -> None:
        with pytest.raises(cb.BadPayload):
            on_ticket(tap, after(), BRUNO)

    @pytest.mark.parametrize(
        ("full_name", "kept"), [(" Anna\nRossi ", "Anna Rossi"), ("\u202e", "Staff"), ("x" * 200, "x" * 63 + "…")]
    )
    def test_a_name_is_tidied_and_cut(self, full_name: str, kept: str) -> None:
        assert name_of(full_name) == kept


class TestSettings:
    def carry_out(self, step: SettingStep, service: Service | None = None) -> tuple[Service, str]:
        """The switches after a step, and the text and labels that it shows."""
        service = service or Service()
        service = step.change(service) if step.change else service
        screen = step.screen(service) if step.screen else Screen("")
        return service, "\n".join([screen.text, *labels(screen)])

    @pytest.mark.parametrize("minutes", sorted(staff_chat.MINUTES - {0}))
    def test_a_pause_ends_by_itself(self, minutes: int) -> None:
        service, shown = self.carry_out(on_setting(cb.Pause(minutes), trattoria(), NOON))
        end = NOON + timedelta(minutes=minutes)
        assert service.is_paused(end - timedelta(seconds=1))
        assert not service.is_paused(end)
        assert f"takes no new orders until {end.astimezone(trattoria().zone):%H:%M}" in shown

    @pytest.mark.parametrize(
        ("minutes", "says"),
        [
            (30, "takes no new orders until 13:30."),
            (60, "takes no new orders until 14:00. You are closed then. You open tomorrow at 00:15."),
            (120, "takes no new orders until 15:00. You are closed then. You open tomorrow at 00:15."),
        ],
    )
    def test_a_pause_that_ends_while_they_are_closed_tells_staff_when_orders_come_again(
        self, minutes: int, says: str
    ) -> None:
        restaurant = trattoria(hours=Hours(sat=("12:00-14:00",), sun=("00:15-01:00",)))
        _, shown = self.carry_out(on_setting(cb.Pause(minutes), restaurant, NOON))
        assert says in shown

    def test_a_pause_counts_from_the_tap_however_late_that_is_handled(self) -> None:
        late = on_setting(cb.Pause(60), trattoria(), NOON + timedelta(minutes=20), NOON)
        service, shown = self.carry_out(late)
        assert service.paused_until == NOON + timedelta(minutes=60)
        assert late.notice == "Paused"
        assert "takes no new orders until 14:00." in shown

    def test_a_pause_that_would_be_over_by_now_is_none_and_says_so(self) -> None:
        late = on_setting(cb.Pause(30), trattoria(), NOON + timedelta(minutes=40), NOON)
        _, shown = self.carry_out(late)
        assert late.notice.startswith("We heard that too late")
        assert "takes orders. Pause for how long?" in shown

    def test_a_pause_beyond_midnight_names_the_day(self) -> None:
        late = NOON + timedelta(hours=10)
        _, shown = self.carry_out(on_setting(cb.Pause(120), trattoria(), late))
        assert "takes no new orders until tomorrow at 01:00." in shown

    def test_who_resumes_while_closed_reads_when_orders_come_again(self) -> None:
        restaurant = trattoria(hours=Hours(sun=("11:00-14:00",)))
        _, shown = self.carry_out(on_setting(cb.Resume(), restaurant, NOON))
        assert "takes orders when you are open. You open tomorrow at 11:00." in shown

    def test_a_pause_ends_at_a_full_minute_as_people_read_it(self) -> None:
        service, shown = self.carry_out(on_setting(cb.Pause(30), trattoria(), NOON + timedelta(seconds=37)))
        assert service.paused_until == NOON + timedelta(minutes=31)
        assert "until 13:31." in shown

    def test_a_pause_without_an_end_lasts_until_somebody_resumes(self) -> None:
        service, shown = self.carry_out(on_setting(cb.Pause(0), trattoria(), NOON))
        assert service.is_paused(NOON + timedelta(days=30))
        assert "until you resume" in shown
        service, shown = self.carry_out(on_setting(cb.Resume(), trattoria(), NOON), service)
        assert not service.is_paused(NOON)
        assert "takes orders" in shown

    def test_a_pause_settles_all_pauses_that_a_ticket_offered(self) -> None:
        settled = on_setting(cb.Pause(0, offered=1), trattoria(), NOON).settled
        assert all(encode(cb.Pause(minutes, 1)).startswith(settled) for minutes in PAUSES)
        assert not on_setting(cb.Pause(0), trattoria(), NOON).settled

    @pytest.mark.parametrize("minutes", [-1, 7, 10**30])
    def test_a_pause_of_another_length_is_a_bad_payload(self, minutes: int) -> None:
        with pytest.raises(cb.BadPayload):
            on_setting(cb.Pause(minutes), trattoria(), NOON)

    def test_pausing_asks_for_how_long(self) -> None:
        service, shown = self.carry_out(on_command("pause", trattoria(), NOON))
        assert not service.paused
        assert "30 min" in shown

    def test_a_dish_is_hidden_and_shown_again_from_its_category(self) -> None:
        dish = trattoria().menu[1].items[0]
        service, shown = self.carry_out(on_setting(cb.SetItem(dish.id, 1, 1), trattoria(), NOON))
        assert service.hidden == {dish.id}
        assert f"🚫 {dish.name}" in shown
        service, shown = self.carry_out(on_setting(cb.SetItem(dish.id, 0, 1), trattoria(), NOON), service)
        assert service.hidden == frozenset()
        assert f"🟢 {dish.name}" in shown

    def test_a_dish_that_a_ticket_offered_to_hide_leaves_the_ticket_alone(self) -> None:
        dish = trattoria().menu[0].items[0]
        step = on_setting(cb.SetItem(dish.id, 1, -1), trattoria(), NOON)
        assert self.carry_out(step)[0].hidden == {dish.id}
        assert step.screen is None
        assert step.settled == encode(cb.SetItem(dish.id, 1, -1))
        assert dish.name in step.notice

    def test_a_dish_that_has_left_the_menu_changes_nothing_and_says_so(self) -> None:
        step = on_setting(cb.SetItem("gone", 1, 0), trattoria(), NOON)
        assert (step.change, step.alert) == (None, True)

    @pytest.mark.parametrize("category", [-1, 0, 1, 99])
    def test_every_category_number_shows_a_category(self, category: int) -> None:
        _, shown = self.carry_out(on_setting(cb.ShowItems(category), trattoria(), NOON))
        assert "Tap a dish" in shown


class TestOpenOrders:
    def test_each_says_its_number_and_what_it_waits_for(self) -> None:
        text = open_orders_screen([after(), after(ACCEPT)]).text
        assert "NEW ORDER, answer by <b>13:05</b> · Carla" in text
        assert "ready by <b>13:20</b>" in text

    def test_there_may_be_none(self) -> None:
        assert open_orders_screen([]).text == "No open orders."

    def test_more_than_fit_on_a_message_are_turned_over_page_by_page(self) -> None:
        orders = [after(of=replace(place(), number=number)) for number in range(200)]
        read, row = "", 0
        for _ in range(200):
            screen = open_orders_screen(orders, row)
            assert visible(screen.text) <= LIMIT
            read += screen.text
            following = turning_on(screen)
            if following is None:
                break
            assert isinstance(following, cb.ShowOpenOrders)
            row = following.row
        assert all(f"<b>#{number}</b>" in read for number in range(200))


@pytest.mark.parametrize("story", STORIES)
def test_each_side_can_be_told_of_everything_it_is_owed(story: tuple[AnyCommand, ...]) -> None:
    order = after(*story)
    for owed in order.owed:
        side = customer if owed.side is Side.CUSTOMER else staff
        if owed.about is not About.PLACED:
            assert side.ring(order, owed.about).text


def test_a_reminder_says_what_it_reminds_of() -> None:
    assert "waiting for your answer until 13:05" in staff.ring(after(), About.REMINDER).text
    assert "Picked up, or not collected?" in staff.ring(after(ACCEPT), About.REMINDER).text


ANY_TEXT = st.text(min_size=1, max_size=300)


@given(
    lines=st.integers(1, 30),
    name=ANY_TEXT,
    note=st.text(max_size=2000),
    option=ANY_TEXT,
    at=st.tuples(st.sampled_from(Mode), st.integers(0, 30)),
)
def test_no_order_is_too_large_for_a_ticket(
    lines: int, name: str, note: str, option: str, at: tuple[Mode, int]
) -> None:
    line = Line(item_id="x", name=name, options=(option,) * 80, quantity=99, unit=eur(99999999))
    someone = Person(id=1, name=name)
    order = run(None, replace(place(), lines=(line,) * lines, note=note, customer=someone), NOON)
    accepted = run(order, AcceptOrder(someone, 20), NOON)
    for shown in (order, accepted, run(accepted, MarkReady(someone), NOON), run(accepted, MarkPickedUp(someone), NOON)):
        screen = ticket_screen(shown, *at)
        assert visible(screen.text) <= LIMIT
        assert sum(len(row) for row in screen.rows) <= 100


@given(lines=st.integers(1, 30), name=st.text(min_size=1, max_size=60), note=st.text(max_size=300))
def test_no_order_is_too_large_for_a_status_message(lines: int, name: str, note: str) -> None:
    line = Line(item_id="x", name=name, options=(name,) * 10, quantity=99, unit=eur(99999999))
    command = replace(place(), lines=(line,) * lines, note=note, customer=Person(id=1, name=name))
    placed = run(None, command, NOON)
    for order in (placed, run(placed, ACCEPT, NOON)):
        for asking in (False, True):
            assert visible(customer.status_screen(order, asking=asking).text) <= LIMIT
