"""Was every promise kept? Compares what people tapped and were told with the events, and lists what does not fit.

It shares no code with the product (`test_checker.py` sees to that): what a message has to say is written down here
once more, by what people read.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from tests.chaos.evidence import Json, Ledger, Post, Record
from tests.chaos.healing import Wait, longest_healing

ENDS = {
    "order_fulfilled": ("✅ Picked up.", "PICKED UP"),
    "order_declined": ("❌ Declined:", "DECLINED"),
    "order_cancelled": ("cancelled", "CANCELLED"),
    "order_expired": ("the order expired", "MISSED"),
    "order_not_collected": ("Closed as not collected", "NOT COLLECTED"),
}
"""What the customer's status message and the staff's ticket show in the end."""

NEWS = {
    "order_accepted": ("accepted", "accepted your order #{}."),
    "order_ready": ("ready", "Your order #{} is ready"),
    "order_declined": ("declined", "can't take your order #{}:"),
    "order_cancelled": ("cancelled", "had to cancel your order #{}:"),
    "order_expired": ("expired", "so your order #{} expired"),
    "order_not_collected": ("not_collected", "Your order #{} at"),
}
"""The event, what the store calls the news of it, and what the customer reads as a new message."""

STAFF_NEWS = {"order_cancelled": "#{} was cancelled by the customer", "order_expired": "You missed order #{}:"}
REMINDERS = ("#{} is waiting for your answer", "#{} is still open")

SOON = 4.0  # seconds from a message to the trouble that kept it from being recorded
TOLERATED_429 = 0.01  # of the messages sent: what was spaced out may arrive bunched


@dataclass(frozen=True)
class Problem:
    """A broken promise, or a doubled message with what explains it."""

    kind: str
    order: str
    what: str


@dataclass
class Report:
    """What the run has shown. `counts` in the order of the table."""

    counts: dict[str, int] = field(default_factory=dict)
    broken: list[Problem] = field(default_factory=list)
    doubled: list[Problem] = field(default_factory=list)
    unexplained: list[Problem] = field(default_factory=list)
    healing: float = 0.0  # seconds, at the longest
    longest_wait: float = 0.0
    harms: dict[str, int] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        return not self.broken


def check(record: Record, ledger: Ledger) -> Report:
    """Look at everything."""
    return _Checker(record, ledger).report()


class _Checker:
    def __init__(self, record: Record, ledger: Ledger) -> None:
        self._record = record
        self._ledger = ledger
        self._broken: list[Problem] = []
        self._doubled: list[Problem] = []
        self._unexplained: list[Problem] = []
        self._waits: list[Wait] = []
        self._rooms = record.rooms()
        self._unanswered = record.unanswered_sends()
        answers = record.calls_by_text("Accepted, ready in")
        self._accepting = [record.taps[call.tap] for call in answers if call.tap in record.taps]

    def report(self) -> Report:
        received = self._received()
        for order in sorted(received - self._ledger.orders.keys()):
            self._breaks("lost", order, "the customer was told that it is received, and the store does not know it")
        for order, events in self._ledger.orders.items():
            if events[0]["kind"] != "order_placed":
                self._breaks("half-written", order, f"it begins with {events[0]['kind']}")
                continue
            self._check_end(order, events)
            self._check_acceptance(order, events)
            self._check_messages(order, events)
        self._check_stream()
        self._check_causes()
        self._check_effects()
        self._check_taps()
        sent, refused = self._check_limits()
        kinds = Counter(problem.kind for problem in self._broken)
        ended = sum(_end(events) is not None for events in self._ledger.orders.values())
        counts = {"orders acknowledged": len(received), "lost": kinds["lost"], "ended": ended, "stuck": kinds["stuck"]}
        counts |= {"accepted twice": kinds["accepted twice"], "messages missing": kinds["message missing"]}
        counts |= {"messages doubled": len(self._doubled), "of these without a reason": len(self._unexplained)}
        counts |= {"updates applied twice": kinds["applied twice"], "taps lost": kinds["tap lost"]}
        counts |= {"half-written": kinds["half-written"], "messages sent": sent, "429s caused": refused}
        harms = Counter(f"{harm.kind} {harm.target}" for harm in self._record.harms)
        healing, longest = longest_healing(self._record.harms, self._waits)
        return Report(
            counts, self._broken, self._doubled, self._unexplained, healing, longest, dict(sorted(harms.items()))
        )

    def _breaks(self, kind: str, order: str, what: str) -> None:
        self._broken.append(Problem(kind, order, what))

    # Orders

    def _received(self) -> set[str]:
        """The orders that customers were told are received: by the answer to their tap, or on the screen."""
        taps = self._record.taps
        answered = {call.tap for call in self._record.calls if call.status == 200 and call.text == "Order received"}
        by_answer = {taps[tap].data.split(":")[1] for tap in answered if tap in taps and taps[tap].data[:4] == "1pl:"}
        shown = (one for post in self._record.posts.values() for one in post.shown)
        texts = (one for one in shown if "Order received." in one.text)
        return by_answer | {data.split(":")[1] for one in texts for data in one.data if data[:4] == "1ac:"}

    def _check_end(self, order: str, events: list[Json]) -> None:
        ends = [event["kind"] for event in events if event["kind"] in ENDS]
        if not ends:
            self._breaks("stuck", order, f"it has not ended: {[event['kind'] for event in events]}")
        if len(ends) > 1:
            self._breaks("applied twice", order, f"it has ended more than once: {ends}")

    def _check_acceptance(self, order: str, events: list[Json]) -> None:
        times = sum(event["kind"] == "order_accepted" for event in events)
        told = {(tap.user, tap.data) for tap in self._accepting if tap.data.startswith(f"1ax:{order}:")}
        if times > 1 or len(told) > 1:
            self._breaks("accepted twice", order, f"{times} events, and staff were told so: {sorted(told)}")

    # Messages

    def _check_messages(self, order: str, events: list[Json]) -> None:
        placed, end = events[0], _end(events)
        customer = self._rooms[f"{self._record.customer_bot}:{placed['customer']['id']}"]
        mine = [post for post in customer if _names(post, placed)]
        staff = self._rooms[self._record.staff[placed["restaurant"]["slug"]]]
        self._check_customer(order, events, mine)
        self._check_staff(order, events, staff)
        if end is None:
            return
        gone = self._is_gone(events)
        # Staff need not hear of an order that was over before its ticket went out.
        unseen = end["kind"] == "order_cancelled" and not _told(events, "restaurant_notified", "placed")
        status = _shown_as(customer, f"Order #{placed['number']} · {placed['restaurant']['name']}")
        tickets = _shown_as(staff, f"#{placed['number']} · ")
        for what, posts, words, excused in (
            ("status", status, ENDS[end["kind"]][0], gone),
            ("ticket", tickets, ENDS[end["kind"]][1], unseen),
        ):
            if not excused and not any(words in post.last.text for post in posts):
                shows = [post.last.text.split("\n\n")[:2] for post in posts]
                self._breaks("message missing", order, f"the {what} does not show {end['kind']}: {shows}")
        self._doubles(order, "the status message", status, 1, "customer-bot")
        self._doubles(order, "the ticket", tickets, 1, "restaurant-bot")

    def _check_customer(self, order: str, events: list[Json], posts: list[Post]) -> None:
        number = events[0]["number"]
        for event in events:
            if event["kind"] not in NEWS or (event["kind"] == "order_cancelled" and event["side"] == "customer"):
                continue
            about, words = NEWS[event["kind"]]
            found = [post for post in posts if words.format(number) in post.first.text]
            if found:
                self._waits.append(Wait("worker", _seconds(event["at"]), found[0].at))
                self._doubles(order, f"the news '{about}'", found, 1)
            elif not self._is_excused(events, event, about):
                self._breaks("message missing", order, f"the customer was never told that it is {about}")

    def _is_excused(self, events: list[Json], event: Json, about: str) -> bool:
        """The customer has blocked the bot, as staff were told; or news that would be out of date was left out."""
        if self._is_gone(events):
            return _told(events, "user_unreachable", about) or _told_any(events, "user_unreachable")
        overtaken = event["kind"] not in ENDS and events[-1] is not event and _end(events) is not None
        return overtaken and not _told(events, "user_notified", about)

    def _is_gone(self, events: list[Json]) -> bool:
        return events[0]["customer"]["id"] in self._record.blocked

    def _check_staff(self, order: str, events: list[Json], posts: list[Post]) -> None:
        number, first = events[0]["number"], _seconds(events[0]["at"])
        tickets = [post for post in posts if any(data == f"1aa:{order}" for one in post.shown for data in one.data)]
        end = _end(events)
        cancelled = end is not None and end["kind"] == "order_cancelled" and end["side"] == "customer"
        seen = bool(tickets) or _told(events, "restaurant_notified", "placed")
        if tickets:
            self._waits.append(Wait("worker", first, tickets[0].at))
        elif not _shown_as(posts, f"#{number} · ") and not (cancelled and not seen):
            self._breaks("message missing", order, "its ticket never reached the staff chat")
        if end is not None and end["kind"] in STAFF_NEWS and (end["kind"] == "order_expired" or (cancelled and seen)):
            words = STAFF_NEWS[end["kind"]].format(number)
            found = [post for post in posts if words in post.first.text]
            if not found and not _cancelled_unseen(events):
                self._breaks("message missing", order, f"staff were never told: {words}")
            self._doubles(order, f"'{words}'", found, 1)
        reminders = sum(event["kind"] == "reminder_due" for event in events)
        asked = [post for post in posts if any(words.format(number) in post.first.text for words in REMINDERS)]
        self._doubles(order, "a reminder", asked, reminders)

    def _doubles(self, order: str, what: str, posts: list[Post], expected: int, bot: str = "") -> None:
        """Messages that came more often than they should, each with the trouble right after one of those before it.

        `bot` is the one that sends such messages as well as the workers do.
        """
        for index in range(max(expected, 1), len(posts)):
            reasons = {reason for before in posts[:index] for reason in self._reasons(before, bot)}
            later = posts[index].at - posts[index - 1].at
            found = ", ".join(sorted(reasons)) or "no reason found"
            self._doubled.append(Problem("message doubled", order, f"{what}, {later:.1f} s later: {found}"))
            if not reasons:
                self._unexplained.append(self._doubled[-1])

    def _reasons(self, post: Post, bot: str) -> set[str]:
        """What may have kept a message from being recorded by who sent it."""
        guilty = {"worker-1", "worker-2", "store", "supervisor", "connections", bot}
        harms = (harm for harm in self._record.harms if harm.target in guilty)
        reasons = {
            f"{harm.kind} {harm.target}" for harm in harms if harm.at <= post.at + SOON and harm.until >= post.at - 1
        }
        return reasons | ({"answer dropped"} if (post.room, post.message) in self._unanswered else set())

    # Updates

    def _check_stream(self) -> None:
        """The stream of all events and the orders' own lists are written in one transaction, so they agree."""
        streamed: dict[str, list[Json]] = defaultdict(list)
        for order, version, event in self._ledger.stream:
            streamed[order].append(event)
            if version != len(streamed[order]):
                self._breaks("half-written", order, f"the stream has version {version} as its {len(streamed[order])}th")
        for order in streamed.keys() | self._ledger.orders.keys():
            if streamed[order] != self._ledger.orders.get(order):
                self._breaks("half-written", order, "the stream and the order's events differ")

    def _check_causes(self) -> None:
        """An update (or any other cause) has taken effect in one commit: on one order, with consecutive events."""
        commits: dict[str, list[tuple[str, int, str]]] = defaultdict(list)
        for order, events in self._ledger.orders.items():
            for version, event in enumerate(events, 1):
                key = event["cause"] if event["cause"].startswith(("customer-", "restaurant-")) else ""
                commits[key or f"{order} {event['cause']}"].append((order, version, event["kind"]))
        for cause, written in commits.items():
            orders, versions, kinds = zip(*written, strict=True)
            consecutive = list(versions) == list(range(versions[0], versions[0] + len(versions)))
            if len(set(orders)) > 1 or len(set(kinds)) < len(kinds) or not consecutive:
                self._breaks("applied twice", orders[0], f"{cause}: {written}")

    def _check_effects(self) -> None:
        """Nobody gets more than they tapped for: dishes in the cart, and decisions about an order."""
        added: dict[tuple[int, str], int] = Counter()
        decided = set[tuple[int, str, str]]()
        for tap in self._record.taps.values():
            verb, *fields = tap.data.split(":")
            if verb == "1ad":
                added[tap.user, fields[0]] += 1
            decided.add((tap.user, verb, fields[0] if fields else ""))
        ordered: dict[tuple[int, str], int] = Counter()
        for order, events in self._ledger.orders.items():
            placed = events[0]
            ordered[placed["customer"]["id"], placed["restaurant"]["slug"]] += sum(
                line["quantity"] for line in placed["lines"]
            )
            for event in events:
                verb, by = _DECISIONS.get(event["kind"], ""), event.get("by") or {}
                if verb and by and not any((by["id"], one, order) in decided for one in verb.split()):
                    self._breaks("applied twice", order, f"{event['kind']} without a tap by {by}")
        for who, quantity in ordered.items():
            if quantity > added[who]:
                self._breaks("applied twice", "", f"customer {who}: {quantity} dishes ordered, {added[who]} tapped for")

    def _check_taps(self) -> None:
        """A tap that was delivered is answered, were it by Telegram's word that it is too late for that."""
        delivered = {tap for call in self._record.calls if call.status == 200 and not call.fault for tap in call.taps}
        answers: dict[str, float] = {}
        for call in self._record.calls:
            if call.method == "answercallbackquery" and call.status in (200, 400):
                answers.setdefault(call.tap, call.at)
        for tap in self._record.taps.values():
            if tap.id in answers:
                customers = any(tap.data.startswith(verb) for verb in _CUSTOMERS)
                self._waits.append(Wait("customer-bot" if customers else "restaurant-bot", tap.at, answers[tap.id]))
            elif tap.id in delivered:
                self._breaks("tap lost", "", f"{tap.data} by {tap.user} was taken from Telegram and never answered")

    def _check_limits(self) -> tuple[int, int]:
        sent = sum(call.method == "sendmessage" and call.status == 200 for call in self._record.calls)
        refused = sum(call.status == 429 and not call.fault for call in self._record.calls)
        if refused > max(5, sent * TOLERATED_429):
            self._breaks("limits", "", f"Telegram's limits were hit {refused} times with {sent} messages sent")
        return sent, refused


_DECISIONS = {
    "order_accepted": "1ax",
    "order_declined": "1dx",
    "order_ready": "1re",
    "order_fulfilled": "1px",
    "order_not_collected": "1nx",
    "order_cancelled": "1cm 1cx",
}
_CUSTOMERS = ("1me:", "1ca:", "1it:", "1ad:", "1sc:", "1pl:", "1ac:", "1cm:", "1ko:", "1rs", "1os:", "1or:")


def _end(events: list[Json]) -> Json | None:
    return next((event for event in events if event["kind"] in ENDS), None)


def _told(events: list[Json], kind: str, about: str) -> bool:
    return any(event["kind"] == kind and event["about"] == about for event in events)


def _told_any(events: list[Json], kind: str) -> bool:
    return any(event["kind"] == kind for event in events)


def _cancelled_unseen(events: list[Json]) -> bool:
    """The customer cancelled before it was recorded that staff have the ticket."""
    kinds = [event["kind"] for event in events]
    return "order_cancelled" in kinds and "restaurant_notified" not in kinds[: kinds.index("order_cancelled")]


def _names(post: Post, placed: Json) -> bool:
    """Whether a message speaks of that restaurant: numbers begin anew at each."""
    card = placed["restaurant"]
    return any(words in post.first.text for words in (card["name"], card["address"], card["phone"]))


def _shown_as(posts: list[Post], beginning: str) -> list[Post]:
    """The messages that have shown an order, which are edited as it goes on."""
    return [post for post in posts if any(one.text.startswith(beginning) for one in post.shown)]


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
