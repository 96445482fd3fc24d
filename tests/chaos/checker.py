"""Was every promise kept? Compares what people tapped and were told with the events, and lists what does not fit.

It shares no code with the product; `test_checker.py` sees to that.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from tests.chaos.evidence import Json, Ledger, Record
from tests.chaos.findings import ENDINGS, Findings, Problem, end_of
from tests.chaos.healing import Healing, Wait, longest_healing
from tests.chaos.messages import Messages

TOLERATED_429 = 0.01  # of the messages sent: what was spaced out may arrive bunched


@dataclass
class Report:
    """What the run has shown. `counts` in the order of the table."""

    counts: dict[str, int] = field(default_factory=dict)
    broken: list[Problem] = field(default_factory=list)
    doubled: list[Problem] = field(default_factory=list)
    unexplained: list[Problem] = field(default_factory=list)
    healing: Healing = field(default_factory=Healing)
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
        self._found = Findings()
        self._messages = Messages(record, self._found)
        answers = record.calls_by_text("Accepted, ready in")
        self._accepting = [record.taps[call.tap] for call in answers if call.tap in record.taps]

    def report(self) -> Report:
        received = self._received()
        for order in sorted(received - self._ledger.orders.keys()):
            self._found.breaks(
                "lost", order, "the customer was told that it is received, and the store does not know it"
            )
        for order, events in self._ledger.orders.items():
            if events[0]["kind"] != "order_placed":
                self._found.breaks("half-written", order, f"it begins with {events[0]['kind']}")
                continue
            self._check_end(order, events)
            self._check_acceptance(order, events)
            self._messages.check(order, events)
        self._check_stream()
        self._check_causes()
        self._check_effects()
        self._check_taps()
        return self._summary(len(received), *self._check_limits())

    def _summary(self, received: int, sent: int, refused: int) -> Report:
        record, found = self._record, self._found
        kinds = Counter(problem.kind for problem in found.broken)
        ended = sum(end_of(events) is not None for events in self._ledger.orders.values())
        counts = {"orders acknowledged": received, "lost": kinds["lost"], "ended": ended, "stuck": kinds["stuck"]}
        counts |= {"accepted twice": kinds["accepted twice"], "messages missing": kinds["message missing"]}
        counts |= {"messages doubled": len(found.doubled), "of these without a reason": len(found.unexplained)}
        counts |= {"updates applied twice": kinds["applied twice"], "taps lost": kinds["tap lost"]}
        counts |= {"half-written": kinds["half-written"], "messages sent": sent, "429s caused": refused}
        harms = dict(sorted(Counter(f"{harm.kind} {harm.target}" for harm in record.harms).items()))
        healing = longest_healing(record.harms, found.waits)
        return Report(counts, found.broken, found.doubled, found.unexplained, healing, harms)

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
        ends = [event["kind"] for event in events if event["kind"] in ENDINGS]
        if not ends:
            self._found.breaks("stuck", order, f"it has not ended: {[event['kind'] for event in events]}")
        if len(ends) > 1:
            self._found.breaks("applied twice", order, f"it has ended more than once: {ends}")

    def _check_acceptance(self, order: str, events: list[Json]) -> None:
        times = sum(event["kind"] == "order_accepted" for event in events)
        told = {(tap.user, tap.data) for tap in self._accepting if tap.data.startswith(f"1ax:{order}:")}
        if times > 1 or len(told) > 1:
            self._found.breaks("accepted twice", order, f"{times} events, and staff were told so: {sorted(told)}")

    # Updates

    def _check_stream(self) -> None:
        """An event comes into the stream of all events and into its order's list in one transaction, so they agree."""
        streamed: dict[str, list[int]] = defaultdict(list)
        for order, version in self._ledger.stream:
            streamed[order].append(version)
        for order in streamed.keys() | self._ledger.orders.keys():
            versions = list(range(1, len(self._ledger.orders.get(order, [])) + 1))
            if streamed[order] != versions:
                self._found.breaks("half-written", order, f"events {versions}, and in the stream {streamed[order]}")

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
                self._found.breaks("applied twice", orders[0], f"{cause}: {written}")

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
                    self._found.breaks("applied twice", order, f"{event['kind']} without a tap by {by}")
        for who, quantity in ordered.items():
            if quantity > added[who]:
                self._found.breaks(
                    "applied twice", "", f"customer {who}: {quantity} dishes ordered, {added[who]} tapped for"
                )

    def _check_taps(self) -> None:
        """A tap that was delivered is answered, unless Telegram says that it is too late or takes too much just now."""
        delivered = {tap for call in self._record.calls if call.status == 200 and not call.fault for tap in call.taps}
        answers: dict[str, float] = {}
        refused = set[str]()
        for call in self._record.calls:
            if call.method == "answercallbackquery" and call.status in (200, 400):
                answers.setdefault(call.tap, call.at)
            elif call.method == "answercallbackquery" and call.status == 429:
                refused.add(call.tap)
        for tap in self._record.taps.values():
            if tap.id in answers:
                customers = any(tap.data.startswith(verb) for verb in _CUSTOMERS)
                bot = "customer-bot" if customers else "restaurant-bot"
                self._found.waits.append(Wait(bot, tap.at, answers[tap.id]))
            elif tap.id in delivered - refused:
                self._found.breaks("tap lost", "", f"{tap.data} by {tap.user} was taken in and never answered")

    def _check_limits(self) -> tuple[int, int]:
        sent = sum(call.method == "sendmessage" and call.status == 200 for call in self._record.calls)
        refused = sum(call.status == 429 and not call.fault for call in self._record.calls)
        if refused > max(5, sent * TOLERATED_429):
            self._found.breaks("limits", "", f"Telegram's limits were hit {refused} times with {sent} messages sent")
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
