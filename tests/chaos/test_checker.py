"""The checker finds each kind of broken promise, and nothing where all is well; it shares no code with the product."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos import samples
from tests.chaos.checker import Report, check
from tests.chaos.evidence import Call, Harm, read_record
from tests.chaos.healing import Wait, longest_healing
from tests.chaos.samples import ANNA, BEN, CARLA, CUSTOMER_ROOM, ORDER, STAFF_ROOM, Run, event, placed

BY_ANNA = {"id": ANNA, "name": "Anna"}


def checked(run: Run) -> Report:
    return check(run.record, run.ledger())


def kinds(run: Run) -> list[str]:
    return sorted({problem.kind for problem in checked(run).broken})


def ended(kind: str, customer_reads: str, staff_reads: str, **fields: object) -> Run:
    """An order that staff have not accepted, and how it ended."""
    notified = event("restaurant_notified", 101, "delivery-1", about="placed")
    run = Run([placed(), notified, event(kind, 106, "restaurant-3", **fields)])
    for post in (run.accepted, run.ready):
        run.unsend(post)
    run.edit(run.status, 107, f"Order #7 · Nonna\n\n{customer_reads}")
    run.edit(run.ticket, 107, f"#7 · {staff_reads}")
    run.tap(105, ANNA, f"1dx:{ORDER}:other", "Declined. The customer is told.")
    run.tap(105, CARLA, f"1cm:{ORDER}", "Order cancelled")
    return run


def test_a_run_without_a_fault_is_good() -> None:
    report = checked(Run())
    assert report.good
    assert report.counts["orders acknowledged"] == report.counts["ended"] == 1
    assert report.counts["messages doubled"] == 0


def test_an_order_that_the_customer_was_told_of_and_the_store_does_not_know_is_lost() -> None:
    run = Run()
    run.orders = {}
    assert kinds(run) == ["lost"]


def test_the_answer_to_the_tap_alone_acknowledges_an_order() -> None:
    run = Run()
    run.orders = {}
    run.unsend(run.status)
    assert kinds(run) == ["lost"]


def test_an_answer_that_telegram_refused_acknowledges_nothing() -> None:
    run = Run()
    run.orders = {}
    run.unsend(run.status)
    answer = next(call for call in run.record.calls if call.text == "Order received")
    run.record.calls[run.record.calls.index(answer)] = Call(
        answer.at, 7001, answer.method, 400, "", answer.tap, answer.text
    )
    assert checked(run).counts["orders acknowledged"] == 0


def test_an_order_without_an_end_is_stuck() -> None:
    run = Run()
    run.orders[ORDER].pop()
    assert kinds(run) == ["stuck"]


def test_an_order_that_was_accepted_by_two_events_is_accepted_twice() -> None:
    run = Run()
    run.orders[ORDER].insert(3, event("order_accepted", 102.5, "restaurant-9", by=BY_ANNA))
    assert "accepted twice" in kinds(run)


def test_two_people_who_are_both_told_that_they_accepted_it_are_one_too_many() -> None:
    run = Run()
    run.tap(101.6, BEN, f"1ax:{ORDER}:20", "Accepted, ready in 20 min")
    assert kinds(run) == ["accepted twice"]


@pytest.mark.parametrize("which", ["ticket", "accepted", "ready", "status"])
def test_a_message_that_never_came_is_missing(which: str) -> None:
    run = Run()
    run.unsend(getattr(run, which))
    assert kinds(run) == ["message missing"]


@pytest.mark.parametrize("which", ["ticket", "status"])
def test_a_message_that_does_not_show_the_end_is_missing(which: str) -> None:
    run = Run()
    getattr(run, which).shown.pop()
    assert kinds(run) == ["message missing"]


@pytest.mark.parametrize(
    ("kind", "fields", "customer_reads", "staff_reads"),
    [
        ("order_declined", {"by": BY_ANNA}, "❌ Declined: too busy", "❌ DECLINED: too busy"),
        ("order_expired", {}, "⌛ so the order expired", "⌛ MISSED"),
    ],
)
def test_news_of_the_end_that_never_came_is_missing(
    kind: str, fields: dict[str, object], customer_reads: str, staff_reads: str
) -> None:
    run = ended(kind, customer_reads, staff_reads, **fields)
    assert kinds(run) == ["message missing"]
    run.post(CUSTOMER_ROOM, 107, "❌ Nonna can't take your order #7: too busy.")
    run.post(CUSTOMER_ROOM, 107, "⌛ Nonna did not answer, so your order #7 expired.")
    run.post(STAFF_ROOM, 107, "⌛ You missed order #7: nobody answered.")
    assert checked(run).good


def closed(by: object, customer_reads: str, staff_reads: str) -> Run:
    """An order that staff have accepted, and that is closed without a pick-up."""
    run = Run([*samples.fulfilled_order()[:-1], event("order_not_collected", 106, "deadline-6", by=by)])
    run.edit(run.status, 107, f"Order #7 · Nonna\n\n{customer_reads}")
    run.edit(run.ticket, 107, f"#7 · {staff_reads}")
    return run


def test_what_the_clock_closes_is_shown_and_no_news_to_the_customer() -> None:
    run = closed(None, "🕗 Closed. Questions? +39 011", "🕗 CLOSED: not marked as picked up")
    assert checked(run).good
    run.post(CUSTOMER_ROOM, 108, "🕗 Your order #7 at Nonna was closed as not collected.")
    assert kinds(run) == ["message wrong"]


@pytest.mark.parametrize(
    ("customer_reads", "staff_reads"),
    [
        ("🕗 Closed as not collected.", "🕗 CLOSED: not marked as picked up"),
        ("🕗 Closed. Questions? +39 011", "🕗 NOT COLLECTED"),
    ],
)
def test_what_the_clock_closes_is_not_shown_as_what_staff_have_said(customer_reads: str, staff_reads: str) -> None:
    assert kinds(closed(None, customer_reads, staff_reads)) == ["message missing"]


def test_what_staff_say_was_not_collected_is_news_to_the_customer() -> None:
    run = closed(BY_ANNA, "🕗 Closed as not collected.", "🕗 NOT COLLECTED")
    run.tap(105.5, ANNA, f"1nx:{ORDER}", "Closed as not collected")
    assert kinds(run) == ["message missing"]
    run.post(CUSTOMER_ROOM, 107, "🕗 Your order #7 at Nonna was closed as not collected.")
    assert checked(run).good


ASKED_AGAIN = "🔁 For a while we could not hear this chat. If you answered order #7, please tap again."


def deaf(*times: float, told: bool = True) -> Run:
    """An order that staff accept after their bot was deaf until each of these times."""
    events = samples.fulfilled_order()
    for number, seconds in enumerate(times):
        events.insert(2 + 2 * number, event("answer_time_extended", seconds, f"deaf-{number}", tap_again=True))
        if told:
            done = event("restaurant_notified", seconds + 1, f"delivery-deaf-{number}", about="tap_again")
            events.insert(3 + 2 * number, done)
    run = Run(events)
    for one in events[2 + 2 * len(times) :]:
        one["at"] = samples.at(500.0)
    run.record.calls += [Call(seconds, 7002, "getupdates", 200, "") for seconds in (100.0, *times)]
    for seconds in times:
        run.post(STAFF_ROOM, seconds + 1, ASKED_AGAIN)
    return run


def test_staff_are_asked_to_tap_again_once_for_each_time_in_which_their_bot_was_deaf() -> None:
    assert checked(deaf(180.0)).good
    assert checked(deaf(180.0, 260.0)).good
    run = deaf(180.0)
    run.post(STAFF_ROOM, 190, ASKED_AGAIN)
    report = checked(run)
    assert (len(report.doubled), len(report.unexplained)) == (1, 1)


def test_asked_to_tap_again_without_a_reason_is_wrong() -> None:
    run = Run()
    run.post(STAFF_ROOM, 102, ASKED_AGAIN)
    assert kinds(run) == ["message wrong"]


def test_a_bot_that_heard_all_the_time_was_not_deaf() -> None:
    run = deaf(180.0)
    run.record.calls += [Call(seconds, 7002, "getupdates", 200, "") for seconds in (120, 140, 160)]
    assert kinds(run) == ["message wrong"]
    run.record.harms.append(Harm(120, 130, "pause", "store"))  # it could not note that it heard
    assert checked(run).good


def test_twice_for_one_time_of_deafness_is_wrong() -> None:
    assert kinds(deaf(180.0, 190.0)) == ["message wrong"]


@pytest.mark.parametrize("call", [(140.0, 7002, "getupdates", 502, ""), (140.0, 7001, "getupdates", 200, "")])
def test_neither_a_failed_question_nor_the_customers_bot_hears_staff(call: tuple[float, int, str, int, str]) -> None:
    run = deaf(180.0)
    run.record.calls.append(Call(*call))
    assert checked(run).good


def test_a_request_to_tap_again_that_is_recorded_and_never_came_is_missing() -> None:
    run = deaf(180.0)
    for post in [one for one in run.record.posts.values() if one.first.text == ASKED_AGAIN]:
        run.unsend(post)
    assert kinds(run) == ["message missing"]
    run = deaf(180.0, told=False)
    for post in [one for one in run.record.posts.values() if one.first.text == ASKED_AGAIN]:
        run.unsend(post)
    assert checked(run).good


def test_staff_have_to_be_told_that_the_customer_cancelled() -> None:
    by = {"id": CARLA, "name": "Carla"}
    run = ended("order_cancelled", "🚫 You cancelled this order.", "🚫 CANCELLED", by=by, side="customer")
    assert kinds(run) == ["message missing"]
    run.post(STAFF_ROOM, 107, "🚫 Order #7 was cancelled by the customer. Don't cook it.")
    assert checked(run).good


def test_a_ticket_that_staff_have_must_show_that_it_was_cancelled_whether_it_is_recorded_or_not() -> None:
    by = {"id": CARLA, "name": "Carla"}
    run = ended("order_cancelled", "🚫 You cancelled this order.", "🚫 CANCELLED", by=by, side="customer")
    del run.orders[ORDER][1]
    assert checked(run).good
    run.ticket.shown.pop()
    assert kinds(run) == ["message missing"]
    run.unsend(run.ticket)
    assert checked(run).good


def test_news_of_another_restaurant_with_the_same_number_does_not_count() -> None:
    run = Run()
    run.unsend(run.accepted)
    run.post(CUSTOMER_ROOM, 103, "👩‍🍳 Da Mario accepted your order #7. Ready by 12:00.")
    assert kinds(run) == ["message missing"]


def test_who_has_blocked_the_bot_need_not_be_told_if_staff_know() -> None:
    run = Run()
    for post in (run.accepted, run.ready, run.status):
        run.unsend(post)
    run.record.blocked[CARLA] = 101.5
    run.orders[ORDER][3] = event("user_unreachable", 103, "delivery-2", about="accepted")
    run.orders[ORDER][5] = event("user_unreachable", 105, "delivery-3", about="ready")
    assert checked(run).good
    run.record.blocked.clear()
    assert kinds(run) == ["message missing"]


def test_news_that_the_end_has_overtaken_may_be_left_out_unless_it_is_recorded_as_told() -> None:
    run = Run()
    run.unsend(run.ready)
    del run.orders[ORDER][5]
    assert checked(run).good


def test_an_update_that_took_effect_on_two_orders_is_applied_twice() -> None:
    run = Run()
    again = [dict(one) for one in samples.fulfilled_order()]
    again[0] |= {"number": 8, "cause": "customer-1"}
    run.orders["xyz"] = again
    assert "applied twice" in kinds(run)


def test_an_update_that_took_effect_at_two_times_is_applied_twice() -> None:
    run = Run()
    run.orders[ORDER][4]["cause"] = "restaurant-1"
    assert kinds(run) == ["applied twice"]


def test_more_dishes_than_were_tapped_for_are_an_effect_twice() -> None:
    run = Run()
    run.orders[ORDER][0]["lines"] = [{"quantity": 2}]
    assert kinds(run) == ["applied twice"]


def test_a_decision_that_nobody_tapped_is_found() -> None:
    run = Run()
    run.orders[ORDER][2]["by"] = {"id": BEN, "name": "Ben"}
    assert kinds(run) == ["applied twice"]


def test_a_tap_that_was_taken_and_never_answered_is_lost() -> None:
    run = Run()
    run.tap(110, CARLA, "1me:nonna")
    assert kinds(run) == ["tap lost"]


@pytest.mark.parametrize(("status", "problems"), [(400, []), (429, []), (0, ["tap lost"]), (502, ["tap lost"])])
def test_a_tap_whose_answer_telegram_refuses_is_not_lost(status: int, problems: list[str]) -> None:
    run = Run()
    run.tap(110, CARLA, "1me:nonna", "Hello")
    run.record.calls[-1] = replace(run.record.calls[-1], status=status)
    assert kinds(run) == problems


def test_a_stream_that_lacks_an_event_is_half_written() -> None:
    run = Run()
    ledger = run.ledger()
    ledger.stream.pop()
    assert {problem.kind for problem in check(run.record, ledger).broken} == {"half-written"}


def test_too_many_answers_of_429_break_the_limits_but_not_those_made_on_purpose() -> None:
    run = Run()
    injected = [Call(101, 7001, "sendmessage", 429, "429") for _ in range(20)]
    run.record.calls += injected
    assert checked(run).good
    run.record.calls += [Call(101, 7001, "sendmessage", 429, "") for _ in range(20)]
    assert kinds(run) == ["limits"]
    assert checked(run).counts["429s caused"] == 20


def test_a_doubled_message_is_no_broken_promise_and_is_explained_by_the_kill_right_after_the_first() -> None:
    run = Run()
    run.post(CUSTOMER_ROOM, 107, "👩‍🍳 Nonna accepted your order #7. Ready by 12:00.")
    report = checked(run)
    assert report.good
    assert (len(report.doubled), len(report.unexplained)) == (1, 1)
    run.record.harms.append(Harm(103.2, 103.2, "kill", "worker-1"))
    report = checked(run)
    assert (len(report.doubled), len(report.unexplained)) == (1, 0)
    assert "kill worker-1" in report.doubled[0].what


def test_an_answer_dropped_on_purpose_explains_a_doubled_message() -> None:
    run = Run()
    run.post(CUSTOMER_ROOM, 107, run.accepted.first.text)
    call = Call(103, 7001, "sendmessage", 200, "drop_after", chat=CARLA, message=run.accepted.message)
    run.record.calls.append(call)
    assert not checked(run).unexplained


def test_a_second_status_message_is_explained_by_ordering_in_two_messages() -> None:
    run = Run()
    again = run.post(CUSTOMER_ROOM, 99.2, "Your cart at Nonna", f"1pl:{ORDER}:x")
    run.edit(again, 100.5, "Order #7 · Nonna\n\n✅ Order received.", f"1ac:{ORDER}")
    assert len(checked(run).unexplained) == 1
    run.tap(99.7, CARLA, f"1pl:{ORDER}:x", "Order received", message=again.message)
    assert not checked(run).unexplained


def test_healing_is_the_time_from_a_kill_to_the_progress_of_the_first_and_the_last_that_waited() -> None:
    waits = [Wait("worker", 102.0, 103.0), Wait("worker", 101.0, 104.5), Wait("worker", 103.0, 110.0)]
    healing = longest_healing([Harm(102.5, 102.5, "kill", "worker-2")], waits)
    assert (healing.first, healing.last, healing.wait) == (0.5, 2.0, 7.0)


def test_a_report_tells_of_healing() -> None:
    run = Run()
    run.record.harms.append(Harm(102.5, 102.5, "kill", "worker-2"))
    assert checked(run).healing.first == pytest.approx(0.5)


def test_the_record_is_read_as_it_was_written() -> None:
    record = read_record(
        [
            '{"what": "scene", "staff": {"nonna": "7002:2001"}, "customer_bot": 7001}',
            '{"what": "message", "at": 1.0, "room": "7001:1", "message": 5, "sender": 7001, "text": "a", "data": []}',
            '{"what": "edit", "at": 2.0, "room": "7001:1", "message": 5, "sender": 7001, "text": "b", "data": []}',
            '{"what": "tap", "at": 3.0, "user": 1, "message": 5, "data": "1rs", "tap": "t", "chat": 1}',
            '{"what": "call", "at": 4.0, "bot": 7001, "method": "answercallbackquery", "status": 200, "fault": "",'
            ' "tap": "t", "text": "b"}',
            '{"what": "harm", "at": 5.0, "until": 6.0, "kind": "pause", "target": "store"}',
        ]
    )
    assert [one.text for one in record.posts["7001:1", 5].shown] == ["a", "b"]
    assert (record.taps["t"].data, record.calls[0].tap, record.harms[0].until) == ("1rs", "t", 6.0)


@pytest.mark.parametrize("module", ["checker", "evidence", "findings", "healing", "messages", "report"])
def test_the_checker_shares_no_code_with_the_product(module: str) -> None:
    tree = ast.parse(Path(__file__).with_name(f"{module}.py").read_text("utf-8"))
    imported = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    imported += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert not {name.split(".")[0] for name in imported} & {"bot", "flows", "workers"}
    ours = {name for name in imported if name.startswith("tests.")}
    assert ours <= {f"tests.chaos.{name}" for name in ("checker", "evidence", "findings", "healing", "messages")}
