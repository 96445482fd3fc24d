"""What holds for every order, whatever people do and in whatever order they do it."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from flows import events
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
from flows.events import About, AnyEvent, CancelReason, DeclineReason, Side
from flows.order import Order, Refused, decide, evolve, fold, next_deadline
from flows.reactions import REACTIONS
from tests.orders import ANNA, BRUNO, CARLA, NOON, place, stamped

STAFF = st.sampled_from([ANNA, BRUNO])
PEOPLE: st.SearchStrategy[AnyCommand] = st.one_of(
    st.builds(AcceptOrder, STAFF, st.sampled_from([10, 20, 30, 45])),
    st.builds(DeclineOrder, STAFF, st.sampled_from(DeclineReason)),
    st.builds(CancelOrder, st.just(Side.CUSTOMER), st.just(CARLA), st.sampled_from(CancelReason)),
    st.builds(CancelOrder, st.just(Side.RESTAURANT), STAFF, st.sampled_from(CancelReason)),
    st.builds(MarkReady, STAFF),
    st.builds(MarkPickedUp, STAFF),
    st.builds(MarkNotCollected, STAFF),
)
DELIVERIES: st.SearchStrategy[AnyCommand] = st.one_of(
    st.builds(RecordNotified, st.sampled_from(Side), st.sampled_from(About)),
    st.builds(RecordUnreachable, st.sampled_from(Side), st.sampled_from(About), st.just("blocked")),
)


class OneOrder(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.history: list[AnyEvent] = []
        self.order: Order | None = None
        self.give(place())

    def give(self, command: AnyCommand) -> list[AnyEvent]:
        try:
            new = decide(self.order, command, self.now)
        except Refused:
            return []
        for event in new:
            event = stamped(event, f"cause-{len(self.history)}")
            self.history.append(event)
            self.order = evolve(self.order, event)
        return new

    @property
    def known(self) -> Order:
        assert self.order is not None
        return self.order

    @rule(seconds=st.integers(0, 4 * 3600))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(command=PEOPLE)
    def somebody_taps(self, command: AnyCommand) -> None:
        was_over = self.known.over
        new = self.give(command)
        assert not (was_over and new), "a final state refuses every command"

    @rule(command=PEOPLE)
    def somebody_taps_twice(self, command: AnyCommand) -> None:
        self.give(command)
        status = self.known.status
        self.give(command)
        assert self.known.status is status

    @rule(command=DELIVERIES)
    def a_worker_reports(self, command: AnyCommand) -> None:
        self.give(command)

    @rule()
    def a_clock_wakes_it(self) -> None:
        due = next_deadline(self.known)
        new = self.give(Wake())
        assert bool(new) == (due is not None and due <= self.now)

    @rule(minutes=st.integers(1, 600))
    def comanda_comes_back_after_a_downtime(self, minutes: int) -> None:
        self.give(ExtendAnswerTime(self.now + timedelta(minutes=minutes)))

    @rule(deaf=st.integers(1, 36_000), least=st.integers(0, 600))
    def staff_are_heard_again(self, deaf: int, least: int) -> None:
        before = self.known.answer_by
        since = self.now - timedelta(seconds=deaf)
        self.give(MakeUpForDeafness(since, self.now, timedelta(seconds=least)))
        self.give(AskAgain(since))
        assert self.known.answer_by >= before

    @precondition(lambda self: self.known.over)
    @rule()
    def an_ended_order_wants_nothing_of_the_clock(self) -> None:
        assert next_deadline(self.known) is None

    @invariant()
    def an_open_order_always_has_a_deadline(self) -> None:
        assert self.known.over == (next_deadline(self.known) is None)

    @invariant()
    def replay_gives_the_same_order(self) -> None:
        assert fold(events.load(events.dump(event)) for event in self.history) == self.order
        assert self.known.version == len(self.history)

    @invariant()
    def the_agreed_price_stays(self) -> None:
        assert self.known.placed.total == place().total
        assert sum(line.total.minor for line in self.known.placed.lines) == self.known.placed.total.minor

    @invariant()
    def it_is_accepted_at_most_once_and_ends_at_most_once(self) -> None:
        kinds = [event.kind for event in self.history]
        ends = {"order_fulfilled", "order_declined", "order_cancelled", "order_expired", "order_not_collected"}
        assert kinds.count("order_accepted") <= 1
        assert sum(kind in ends for kind in kinds) == (1 if self.known.over else 0)

    @invariant()
    def whoever_is_owed_news_has_a_job_that_brings_it(self) -> None:
        reacted = {side for event in self.history for side in REACTIONS[event.kind]}
        assert {owed.side for owed in self.known.owed} <= reacted


OneOrder.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestOneOrder = OneOrder.TestCase
