"""Did everybody get every message, in the end the right one, and none twice without a reason?

What a message has to say is written down here once more, by what people read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import datetime
from itertools import pairwise

from tests.chaos.evidence import Json, Post, Record
from tests.chaos.findings import ENDINGS, Findings, Problem, end_of
from tests.chaos.healing import Wait

ENDS = {
    "order_fulfilled": ("✅ Picked up.", "PICKED UP"),
    "order_declined": ("❌ Declined", "DECLINED"),
    "order_cancelled": ("cancelled", "CANCELLED"),
    "order_expired": ("the order expired", "MISSED"),
    "order_not_collected": ("Closed as not collected", "NOT COLLECTED"),
}
"""What the customer's status message and the staff's ticket show in the end."""

NEWS = {
    "order_accepted": ("accepted", "accepted your order #{}."),
    "order_ready": ("ready", "Your order #{} is ready"),
    "order_declined": ("declined", "can't take your order #{}"),
    "order_cancelled": ("cancelled", "had to cancel your order #{}"),
    "order_expired": ("expired", "so your order #{} expired"),
    "order_not_collected": ("not_collected", "Your order #{} at"),
}
"""The event, what the store calls the news of it, and what the customer reads as a new message."""

STAFF_NEWS = {"order_cancelled": "#{} was cancelled by the customer", "order_expired": "You missed order #{}:"}
TAP_AGAIN = "If you answered order #{}, please tap again."
REMINDERS = ("#{} is waiting for your answer", "#{} is still open")

STATUS = "the status message"

CLOSED_BY_CLOCK = ("🕗 Closed.", "CLOSED: not marked")
"""What both sides see of an order that the clock has closed; the customer reads no message of it."""

DEAF = 55.0  # seconds that the staff's bot could not hear at least, before staff are asked to tap again

SOON = 4.0  # seconds from a message to the trouble that kept it from being recorded
LATE = 5.0  # seconds that a request goes on when its connection is cut


class Messages:
    """Checks the messages about each order."""

    def __init__(self, record: Record, findings: Findings) -> None:
        self._record = record
        self._found = findings
        self._rooms = record.rooms()
        self._unanswered = record.unanswered_sends()
        self._ordered_in = _messages_ordered_in(record)
        self._heard = record.staff_heard()

    def check(self, order: str, events: list[Json]) -> None:
        placed, end = events[0], end_of(events)
        customer = self._rooms[f"{self._record.customer_bot}:{placed['customer']['id']}"]
        mine = [post for post in customer if _names(post, placed)]
        staff = self._rooms[self._record.staff[placed["restaurant"]["slug"]]]
        self._check_customer(order, events, mine)
        self._check_staff(order, events, staff)
        if end is None:
            return
        gone = self._is_gone(events)
        status = _shown_as(customer, f"Order #{placed['number']} · {placed['restaurant']['name']}")
        tickets = _shown_as(staff, f"#{placed['number']} · ")
        # Staff need not hear of an order that was over before its ticket went out.
        untold = not tickets and not _told(events, "restaurant_notified", "placed")
        unseen = end["kind"] == "order_cancelled" and untold
        status_words, ticket_words = CLOSED_BY_CLOCK if _by_clock(end) else ENDS[end["kind"]]
        for what, posts, words, excused in (
            ("status", status, status_words, gone),
            ("ticket", tickets, ticket_words, unseen),
        ):
            if not excused and not any(words in post.last.text for post in posts):
                shows = [post.last.text.split("\n\n")[:2] for post in posts]
                self._found.breaks("message missing", order, f"the {what} does not show {end['kind']}: {shows}")
        self._doubles(order, STATUS, status, 1, "customer-bot")
        self._doubles(order, "the ticket", tickets, 1, "restaurant-bot")

    def _check_customer(self, order: str, events: list[Json], posts: list[Post]) -> None:
        number = events[0]["number"]
        for event in events:
            if event["kind"] not in NEWS or (event["kind"] == "order_cancelled" and event["side"] == "customer"):
                continue
            about, words = NEWS[event["kind"]]
            found = [post for post in posts if _says(post, words, number)]
            if _by_clock(event):
                if any("closed as not collected" in post.first.text for post in found):
                    self._found.breaks("message wrong", order, "the customer was told what the clock has closed")
            elif found:
                self._found.waits.append(Wait("worker", _seconds(event["at"]), found[0].at))
                self._doubles(order, f"the news '{about}'", found, 1)
            elif not self._is_excused(events, event, about):
                self._found.breaks("message missing", order, f"the customer was never told that it is {about}")

    def _is_excused(self, events: list[Json], event: Json, about: str) -> bool:
        """News that would be out of date was left out; or the customer has blocked the bot, as staff were told."""
        if _told(events, "user_notified", about):
            return False
        overtaken = event["kind"] not in ENDINGS and end_of(events) is not None
        return overtaken or (self._is_gone(events) and _told_any(events, "user_unreachable"))

    def _is_gone(self, events: list[Json]) -> bool:
        return events[0]["customer"]["id"] in self._record.blocked

    def _check_staff(self, order: str, events: list[Json], posts: list[Post]) -> None:
        number, first = events[0]["number"], _seconds(events[0]["at"])
        tickets = [post for post in posts if any(data == f"1aa:{order}" for one in post.shown for data in one.data)]
        end = end_of(events)
        cancelled = end is not None and end["kind"] == "order_cancelled" and end["side"] == "customer"
        recorded = _told(events, "restaurant_notified", "placed")
        seen = bool(tickets) or recorded
        if tickets:
            self._found.waits.append(Wait("worker", first, tickets[0].at))
        elif not _shown_as(posts, f"#{number} · ") and not (cancelled and not seen):
            self._found.breaks("message missing", order, "its ticket never reached the staff chat")
        if end is not None and end["kind"] in STAFF_NEWS and (end["kind"] == "order_expired" or (cancelled and seen)):
            words = STAFF_NEWS[end["kind"]].format(number)
            found = [post for post in posts if words in post.first.text]
            # Of a ticket that nobody could record as sent, a new one tells the end.
            if not found and (recorded or not cancelled):
                self._found.breaks("message missing", order, f"staff were never told: {words}")
            self._doubles(order, f"'{words}'", found, 1)
        reminders = sum(event["kind"] == "reminder_due" for event in events)
        asked = [post for post in posts if any(words.format(number) in post.first.text for words in REMINDERS)]
        self._doubles(order, "a reminder", asked, reminders)
        self._check_tap_again(order, events, [post for post in posts if TAP_AGAIN.format(number) in post.first.text])

    def _check_tap_again(self, order: str, events: list[Json], asked: list[Post]) -> None:
        """Staff are asked to tap again once for each time in which their bot could not hear, and never otherwise."""
        lost = [_seconds(event["at"]) for event in events if event.get("tap_again")]
        before = _seconds(events[0]["at"])
        for at in lost:
            if not self._was_deaf(before, at):
                self._found.breaks("message wrong", order, "staff are asked to tap again, and their bot was not deaf")
            before = at
        if asked and not lost:
            self._found.breaks("message wrong", order, "staff were asked to tap again for no reason")
        if not asked and _told(events, "restaurant_notified", "tap_again"):
            self._found.breaks("message missing", order, "staff were never asked to tap again")
        self._doubles(order, "'tap again'", asked, len(lost))

    def _was_deaf(self, since: float, until: float) -> bool:
        """Whether the staff's bot heard nothing for so long then, or the store that notes it had trouble."""
        if any(harm.target in ("store", "supervisor") and since <= harm.until <= until for harm in self._record.harms):
            return until - since >= DEAF
        heard = [since, *(at for at in self._heard if since < at < until), until]
        return any(later - earlier >= DEAF for earlier, later in pairwise(heard))

    def _doubles(self, order: str, what: str, posts: list[Post], expected: int, bot: str = "") -> None:
        """Messages that came more often than they should, each with the trouble right after one of those before it.

        `bot` is the one that sends such messages as well as the workers do.
        """
        for index in range(max(expected, 1), len(posts)):
            reasons = {reason for before in posts[:index] for reason in self._reasons(before, bot)}
            if what == STATUS and len(self._ordered_in[order]) > 1:  # each of them shows the order, or what replaced it
                reasons.add("ordered in two messages")
            later = posts[index].at - posts[index - 1].at
            found = ", ".join(sorted(reasons)) or "no reason found"
            self._found.doubled.append(Problem("message doubled", order, f"{what}, {later:.1f} s later: {found}"))
            if not reasons:
                self._found.unexplained.append(self._found.doubled[-1])

    def _reasons(self, post: Post, bot: str) -> set[str]:
        """What may have kept a message from being recorded by who sent it.

        A request outlives the connection that it came by: Telegram may carry it out some seconds after a cut.
        """
        guilty = {"worker-1", "worker-2", "store", "supervisor", "connections", bot}
        harms = (harm for harm in self._record.harms if harm.target in guilty)
        near = (harm for harm in harms if harm.at <= post.at + SOON and harm.until >= post.at - LATE)
        reasons = {f"{harm.kind} {harm.target}" for harm in near}
        return reasons | ({"answer dropped"} if (post.room, post.message) in self._unanswered else set())


def _messages_ordered_in(record: Record) -> dict[str, set[int]]:
    """The messages in which *Place order* was tapped: two, when the cart was on screen twice."""
    found: dict[str, set[int]] = defaultdict(set)
    for tap in record.taps.values():
        if tap.data.startswith("1pl:"):
            found[tap.data.split(":")[1]].add(tap.message)
    return found


def _told(events: list[Json], kind: str, about: str) -> bool:
    return any(event["kind"] == kind and event["about"] == about for event in events)


def _told_any(events: list[Json], kind: str) -> bool:
    return any(event["kind"] == kind for event in events)


def _by_clock(end: Json) -> bool:
    """Whether an order was closed by the clock because it was not marked as picked up."""
    return end["kind"] == "order_not_collected" and not end.get("by")


def _says(post: Post, words: str, number: int) -> bool:
    """Whether a message has said so from the start of the order of that number, which others begin with."""
    return re.search(re.escape(words.format(number)) + r"(?!\d)", post.first.text) is not None


def _names(post: Post, placed: Json) -> bool:
    """Whether a message speaks of that restaurant: numbers begin anew at each."""
    card = placed["restaurant"]
    return any(words in post.first.text for words in (card["name"], card["address"], card["phone"]))


def _shown_as(posts: list[Post], beginning: str) -> list[Post]:
    """The messages that have shown an order, which are edited as it goes on."""
    return [post for post in posts if any(one.text.startswith(beginning) for one in post.shown)]


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
