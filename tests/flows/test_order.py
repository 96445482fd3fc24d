"""The rules of an order: given what happened, when somebody acts, then this follows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flows.commands import (
    AcceptOrder,
    AnyCommand,
    AskAgain,
    CancelOrder,
    DeclineOrder,
    ExtendAnswerTime,
    MakeUpForDeafness,
    MarkNotCollected,
    MarkPickedUp,
    MarkReady,
    RecordNotified,
    RecordUnreachable,
    Wake,
)
from flows.events import About, CancelReason, DeclineReason, OrderExpired, OrderNotCollected, ReminderDue, Side
from flows.order import PICK_UP_CLOSE, PICK_UP_REMINDER, Refused, Status, Why, decide, next_deadline
from tests.orders import ANNA, BRUNO, CARLA, NOON, REMINDED, after, place, run

DELIVERED = RecordNotified(Side.RESTAURANT, About.PLACED)
ACCEPT = AcceptOrder(ANNA, 20)
DECLINE = DeclineOrder(ANNA, DeclineReason.TOO_BUSY)
CUSTOMER_CANCELS = CancelOrder(Side.CUSTOMER, CARLA, CancelReason.CUSTOMER_CHANGED_MIND)
KITCHEN_CANCELS = CancelOrder(Side.RESTAURANT, ANNA, CancelReason.KITCHEN_PROBLEM)
MINUTE = timedelta(minutes=1)


def kinds(order_steps: tuple[AnyCommand | timedelta, ...], command: AnyCommand, late: timedelta = MINUTE) -> list[str]:
    return [event.kind for event in decide(after(*order_steps), command, NOON + late)]


def refusal(order_steps: tuple[AnyCommand | timedelta, ...], command: AnyCommand) -> Why:
    with pytest.raises(Refused) as caught:
        decide(after(*order_steps), command, NOON + MINUTE)
    return caught.value.why


def told(order_steps: tuple[AnyCommand | timedelta, ...], side: Side) -> list[About]:
    return [owed.about for owed in after(*order_steps).owed_to(side)]


class TestMainLine:
    def test_an_order_runs_through_its_five_events(self) -> None:
        order = after(
            DELIVERED, MINUTE, ACCEPT, RecordNotified(Side.CUSTOMER, About.ACCEPTED), 20 * MINUTE, MarkPickedUp(ANNA)
        )
        assert (order.status, order.version) == (Status.FULFILLED, 5)

    def test_placing_names_the_time_by_which_staff_must_answer(self) -> None:
        assert after().answer_by == NOON + 5 * MINUTE

    def test_accepting_promises_a_time(self) -> None:
        assert after(DELIVERED, MINUTE, ACCEPT).ready_by == NOON + 21 * MINUTE

    def test_only_the_offered_minutes_can_be_promised(self) -> None:
        assert refusal((DELIVERED,), AcceptOrder(ANNA, 7)) is Why.BAD_MINUTES

    def test_ready_is_optional(self) -> None:
        assert kinds((DELIVERED, ACCEPT), MarkPickedUp(ANNA)) == ["order_fulfilled"]
        assert kinds((DELIVERED, ACCEPT, MarkReady(ANNA)), MarkPickedUp(ANNA)) == ["order_fulfilled"]

    def test_accepting_a_ticket_whose_delivery_is_unrecorded_records_it_first(self) -> None:
        assert kinds((), ACCEPT) == ["restaurant_notified", "order_accepted"]
        assert kinds((), DECLINE) == ["restaurant_notified", "order_declined"]


class TestRepeatedCommands:
    @pytest.mark.parametrize(
        ("steps", "again"),
        [
            ((), place()),
            ((DELIVERED,), DELIVERED),
            ((DELIVERED, ACCEPT), ACCEPT),
            ((DELIVERED, DECLINE), DECLINE),
            ((CUSTOMER_CANCELS,), CUSTOMER_CANCELS),
            ((ACCEPT, KITCHEN_CANCELS), KITCHEN_CANCELS),
            ((ACCEPT, MarkReady(ANNA)), MarkReady(ANNA)),
            ((ACCEPT, MarkPickedUp(ANNA)), MarkPickedUp(ANNA)),
            ((ACCEPT, MarkNotCollected(ANNA)), MarkNotCollected(ANNA)),
        ],
    )
    def test_the_same_command_again_changes_nothing(self, steps: tuple[AnyCommand, ...], again: AnyCommand) -> None:
        assert kinds(steps, again) == []


class TestContradictions:
    def test_the_second_to_accept_is_refused_and_can_see_who_won(self) -> None:
        with pytest.raises(Refused) as caught:
            decide(after(DELIVERED, ACCEPT), AcceptOrder(BRUNO, 10), NOON + MINUTE)
        assert caught.value.why is Why.ALREADY_ACCEPTED
        assert caught.value.order is not None
        assert caught.value.order.answered_by == ANNA

    @pytest.mark.parametrize(
        ("steps", "second", "why"),
        [
            ((ACCEPT,), AcceptOrder(ANNA, 45), Why.ALREADY_ACCEPTED),
            ((DECLINE,), DeclineOrder(ANNA, DeclineReason.OTHER), Why.ALREADY_OVER),
            ((ACCEPT, MarkReady(ANNA)), MarkReady(BRUNO), Why.ALREADY_READY),
            ((ACCEPT, MarkPickedUp(ANNA)), MarkPickedUp(BRUNO), Why.ALREADY_OVER),
            ((ACCEPT, MarkNotCollected(ANNA)), MarkNotCollected(BRUNO), Why.ALREADY_OVER),
            (
                (ACCEPT, KITCHEN_CANCELS),
                CancelOrder(Side.RESTAURANT, BRUNO, CancelReason.KITCHEN_PROBLEM),
                Why.ALREADY_OVER,
            ),
        ],
    )
    def test_a_second_tap_that_says_something_else_is_not_confirmed(
        self, steps: tuple[AnyCommand, ...], second: AnyCommand, why: Why
    ) -> None:
        assert refusal(steps, second) is why

    def test_a_customer_can_cancel_only_before_acceptance(self) -> None:
        assert kinds((DELIVERED,), CUSTOMER_CANCELS) == ["order_cancelled"]
        assert refusal((DELIVERED, ACCEPT), CUSTOMER_CANCELS) is Why.ALREADY_ACCEPTED

    def test_the_restaurant_can_cancel_only_after_acceptance(self) -> None:
        assert refusal((DELIVERED,), KITCHEN_CANCELS) is Why.NOT_ACCEPTED_YET
        assert kinds((DELIVERED, ACCEPT), KITCHEN_CANCELS) == ["order_cancelled"]

    @pytest.mark.parametrize("command", [MarkReady(ANNA), MarkPickedUp(ANNA), MarkNotCollected(ANNA)])
    def test_what_was_not_accepted_cannot_be_handed_over(self, command: AnyCommand) -> None:
        assert refusal((DELIVERED,), command) is Why.NOT_ACCEPTED_YET

    @pytest.mark.parametrize("end", [DECLINE, CUSTOMER_CANCELS])
    @pytest.mark.parametrize("command", [ACCEPT, MarkReady(ANNA), MarkPickedUp(ANNA), KITCHEN_CANCELS])
    def test_an_order_that_is_over_refuses_commands(self, end: AnyCommand, command: AnyCommand) -> None:
        assert refusal((DELIVERED, end), command) is Why.ALREADY_OVER

    def test_a_command_on_an_unknown_order_is_refused(self) -> None:
        with pytest.raises(Refused) as caught:
            decide(None, ACCEPT, NOON)
        assert caught.value.why is Why.UNKNOWN_ORDER


class TestDeadlines:
    def test_staff_are_reminded_three_times_and_then_the_order_expires(self) -> None:
        order, happened = after(DELIVERED), []
        while (deadline := next_deadline(order)) is not None:
            happened += [(event.kind, event.at - NOON) for event in decide(order, Wake(), deadline)]
            order = run(order, Wake(), deadline)
        assert happened == [
            ("reminder_due", timedelta(seconds=75)),
            ("reminder_due", timedelta(seconds=150)),
            ("reminder_due", timedelta(seconds=225)),
            ("order_expired", timedelta(seconds=300)),
        ]

    def test_waking_too_early_changes_nothing(self) -> None:
        assert kinds((DELIVERED,), Wake(), late=timedelta(seconds=10)) == []

    def test_a_clock_that_wakes_very_late_expires_at_once(self) -> None:
        assert kinds((DELIVERED,), Wake(), late=timedelta(hours=8)) == ["order_expired"]

    def test_accepting_after_the_time_is_fine_as_long_as_nothing_has_expired(self) -> None:
        late = timedelta(minutes=6)
        assert [event.kind for event in decide(after(DELIVERED), ACCEPT, NOON + late)] == ["order_accepted"]

    def test_a_grace_gives_the_whole_time_and_the_reminders_anew(self) -> None:
        until = NOON + 60 * MINUTE
        order = after(DELIVERED, 50 * MINUTE, ExtendAnswerTime(until))
        assert (order.answer_by, order.reminders) == (until, 0)
        assert next_deadline(order) == NOON + 52.5 * MINUTE

    def test_a_grace_never_shortens_and_never_revives(self) -> None:
        assert kinds((DELIVERED,), ExtendAnswerTime(NOON + MINUTE)) == []
        assert kinds((DELIVERED, DECLINE), ExtendAnswerTime(NOON + 60 * MINUTE)) == []

    def test_an_order_nobody_closes_reminds_and_then_closes_itself(self) -> None:
        order = after(DELIVERED, ACCEPT)
        ready_by = NOON + 20 * MINUTE
        assert next_deadline(order) == ready_by + PICK_UP_REMINDER
        order = run(order, Wake(), ready_by + PICK_UP_REMINDER)
        order = run(order, REMINDED, ready_by + PICK_UP_REMINDER)
        assert next_deadline(order) == ready_by + PICK_UP_CLOSE
        order = run(order, Wake(), ready_by + PICK_UP_CLOSE)
        assert (order.status, order.closed_by) == (Status.NOT_COLLECTED, None)
        assert order.owed_to(Side.CUSTOMER) == ()

    def test_staff_who_were_asked_late_have_as_long_to_close_an_order_as_all_others(self) -> None:
        late = NOON + timedelta(hours=9)
        order = run(after(DELIVERED, ACCEPT), Wake(), late)
        assert not order.over
        assert next_deadline(order) == late + PICK_UP_CLOSE - PICK_UP_REMINDER

    def test_an_order_is_not_closed_before_the_question_has_reached_staff(self) -> None:
        order = run(after(DELIVERED, ACCEPT), Wake(), NOON + timedelta(hours=1))
        order = run(order, Wake(), NOON + timedelta(hours=7))
        assert not order.over
        assert order.owes(Side.RESTAURANT, About.REMINDER)

    def test_staff_are_asked_again_after_a_night_in_which_nothing_ran(self) -> None:
        asked = after(DELIVERED, ACCEPT, timedelta(hours=1), Wake(), REMINDED)
        morning = NOON + timedelta(hours=12)
        again = run(asked, AskAgain(NOON + timedelta(hours=2)), morning)
        assert again.owes(Side.RESTAURANT, About.REMINDER)
        assert next_deadline(again) == morning + PICK_UP_CLOSE - PICK_UP_REMINDER

    def test_staff_are_not_asked_again_after_a_short_break_nor_before_they_were_asked_once(self) -> None:
        break_ = AskAgain(NOON + timedelta(minutes=50))
        assert kinds((DELIVERED, ACCEPT, timedelta(hours=1), Wake()), break_, late=timedelta(hours=1)) == []
        assert kinds((DELIVERED, ACCEPT), break_, late=timedelta(hours=12)) == []
        assert kinds((DELIVERED,), break_, late=timedelta(hours=12)) == []


HALF_PAST = NOON + 30 * MINUTE
GRACE = 2 * MINUTE


class TestDeafness:
    """What staff tapped may be at Telegram: an order does not end before that is known."""

    def test_an_order_expires_only_once_staff_were_heard_after_the_answer_time(self) -> None:
        order, late = after(DELIVERED), NOON + timedelta(hours=1)
        for heard in (NOON, NOON + MINUTE, order.answer_by - timedelta(seconds=1)):
            assert decide(order, Wake(heard), late) == []
        assert decide(order, Wake(order.answer_by), late) == [OrderExpired(at=late)]

    def test_an_order_is_closed_only_once_staff_were_heard_after_its_time(self) -> None:
        order = after(DELIVERED, ACCEPT, timedelta(hours=1), Wake(), REMINDED)
        due = next_deadline(order)
        assert due is not None
        late = due + timedelta(hours=9)
        assert decide(order, Wake(due - timedelta(seconds=1)), late) == []
        assert decide(order, Wake(due), late) == [OrderNotCollected(at=late)]

    @pytest.mark.parametrize("steps", [(DELIVERED,), (DELIVERED, ACCEPT)])
    def test_staff_who_cannot_be_heard_are_not_reminded(self, steps: tuple[AnyCommand, ...]) -> None:
        order = after(*steps)
        due = next_deadline(order)
        assert due is not None
        assert decide(order, Wake(due - timedelta(seconds=31)), due) == []
        assert decide(order, Wake(due - timedelta(seconds=30)), due) == [ReminderDue(at=due)]

    def test_the_time_of_staff_stands_still_while_they_cannot_be_heard(self) -> None:
        deaf = MakeUpForDeafness(NOON + MINUTE, HALF_PAST, GRACE)
        order = run(after(DELIVERED), deaf, HALF_PAST)
        assert order.answer_by == HALF_PAST + 4 * MINUTE
        assert next_deadline(order) == HALF_PAST + MINUTE

    def test_an_order_gets_back_only_what_it_has_waited_itself_and_always_some_time(self) -> None:
        deaf = MakeUpForDeafness(NOON - timedelta(hours=2), NOON + 4 * MINUTE, GRACE)
        assert run(after(DELIVERED), deaf, NOON + 4 * MINUTE).answer_by == NOON + 9 * MINUTE
        late = MakeUpForDeafness(NOON + 4.9 * MINUTE, NOON + 6 * MINUTE, GRACE)
        assert run(after(DELIVERED), late, NOON + 6 * MINUTE).answer_by == NOON + 8 * MINUTE

    def test_the_same_deafness_counts_once_and_for_waiting_orders_only(self) -> None:
        deaf = MakeUpForDeafness(NOON + MINUTE, HALF_PAST, GRACE)
        order = run(after(DELIVERED), deaf, HALF_PAST)
        assert decide(order, deaf, HALF_PAST + MINUTE) == []
        assert kinds((DELIVERED, ACCEPT), deaf, late=timedelta(hours=1)) == []
        assert kinds((DELIVERED,), MakeUpForDeafness(NOON - MINUTE, NOON, GRACE)) == []

    def test_after_a_minute_staff_are_asked_to_tap_again_once(self) -> None:
        short = MakeUpForDeafness(NOON + MINUTE, NOON + 1.9 * MINUTE, GRACE)
        assert run(after(DELIVERED), short, NOON + 2 * MINUTE).owed == ()
        long = MakeUpForDeafness(NOON + MINUTE, NOON + 2 * MINUTE, GRACE)
        order = run(after(DELIVERED), long, NOON + 2 * MINUTE)
        assert [owed.about for owed in order.owed_to(Side.RESTAURANT)] == [About.TAP_AGAIN]
        assert run(order, ACCEPT, NOON + 3 * MINUTE).owed_to(Side.RESTAURANT) == ()

    def test_a_ticket_that_staff_have_not_got_yet_asks_for_no_second_tap(self) -> None:
        long = MakeUpForDeafness(NOON, NOON + 2 * MINUTE, GRACE)
        order = run(after(), long, NOON + 2 * MINUTE)
        assert [owed.about for owed in order.owed_to(Side.RESTAURANT)] == [About.PLACED]


class TestWhoIsTold:
    def test_the_ticket_is_owed_from_the_start(self) -> None:
        assert told((), Side.RESTAURANT) == [About.PLACED]
        assert told((DELIVERED,), Side.RESTAURANT) == []

    @pytest.mark.parametrize(
        ("steps", "news"),
        [
            ((DELIVERED, ACCEPT), [About.ACCEPTED]),
            ((DELIVERED, ACCEPT, MarkReady(ANNA)), [About.ACCEPTED, About.READY]),
            ((DELIVERED, DECLINE), [About.DECLINED]),
            ((DELIVERED, 5 * MINUTE, Wake()), [About.EXPIRED]),
            ((DELIVERED, ACCEPT, KITCHEN_CANCELS), [About.CANCELLED]),
            ((DELIVERED, ACCEPT, MarkNotCollected(ANNA)), [About.NOT_COLLECTED]),
            ((DELIVERED, CUSTOMER_CANCELS), []),
        ],
    )
    def test_the_customer_hears_of_what_others_did(
        self, steps: tuple[AnyCommand | timedelta, ...], news: list[About]
    ) -> None:
        assert told(steps, Side.CUSTOMER) == news

    def test_a_fulfilled_order_still_says_that_it_was_accepted(self) -> None:
        assert told((DELIVERED, ACCEPT, MarkReady(ANNA), MarkPickedUp(ANNA)), Side.CUSTOMER) == [About.ACCEPTED]

    def test_staff_hear_that_the_customer_cancelled_if_they_have_seen_the_ticket(self) -> None:
        assert told((DELIVERED, CUSTOMER_CANCELS), Side.RESTAURANT) == [About.CANCELLED]
        assert told((CUSTOMER_CANCELS,), Side.RESTAURANT) == []

    def test_that_holds_for_a_ticket_that_was_on_its_way_as_well(self) -> None:
        assert kinds((CUSTOMER_CANCELS,), DELIVERED) == ["restaurant_notified"]
        assert told((CUSTOMER_CANCELS, DELIVERED), Side.RESTAURANT) == [About.CANCELLED]
        assert kinds((CUSTOMER_CANCELS, DELIVERED), DELIVERED) == []
        assert kinds((CUSTOMER_CANCELS,), RecordNotified(Side.CUSTOMER, About.PLACED)) == []
        assert kinds((DELIVERED, CUSTOMER_CANCELS), DELIVERED) == []

    def test_staff_hear_of_an_order_they_missed(self) -> None:
        assert told((DELIVERED, 5 * MINUTE, Wake()), Side.RESTAURANT) == [About.EXPIRED]

    def test_a_reminder_on_its_way_is_pointless_once_staff_have_answered(self) -> None:
        assert told((DELIVERED, 2 * MINUTE, Wake()), Side.RESTAURANT) == [About.REMINDER]
        assert told((DELIVERED, 2 * MINUTE, Wake(), ACCEPT), Side.RESTAURANT) == []


class TestUnreachable:
    def test_a_ticket_that_can_never_arrive_ends_the_order_at_once(self) -> None:
        lost = RecordUnreachable(Side.RESTAURANT, About.PLACED, "bot was kicked")
        assert kinds((), lost) == ["restaurant_unreachable", "order_expired"]
        order = after(lost)
        assert (order.status, [owed.about for owed in order.owed]) == (Status.EXPIRED, [About.EXPIRED])

    def test_a_customer_who_blocked_the_bot_does_not_stop_the_order(self) -> None:
        blocked = RecordUnreachable(Side.CUSTOMER, About.ACCEPTED, "bot was blocked by the user")
        order = after(DELIVERED, ACCEPT, blocked)
        assert (order.status, order.unreachable) == (Status.ACCEPTED, frozenset({Side.CUSTOMER}))
        assert after(DELIVERED, ACCEPT, blocked, MarkPickedUp(ANNA)).status is Status.FULFILLED

    def test_who_can_be_reached_again_is_no_longer_marked(self) -> None:
        blocked = RecordUnreachable(Side.CUSTOMER, About.ACCEPTED, "bot was blocked by the user")
        order = after(DELIVERED, ACCEPT, blocked, MarkReady(ANNA), RecordNotified(Side.CUSTOMER, About.READY))
        assert order.unreachable == set()

    def test_delivery_facts_may_follow_the_end(self) -> None:
        assert kinds((DELIVERED, DECLINE), RecordNotified(Side.CUSTOMER, About.DECLINED)) == ["user_notified"]
