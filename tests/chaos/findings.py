"""What the checker has found so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.chaos.evidence import Json
from tests.chaos.healing import Wait

ENDINGS = frozenset({"order_fulfilled", "order_declined", "order_cancelled", "order_expired", "order_not_collected"})


@dataclass(frozen=True)
class Problem:
    """A broken promise, or a doubled message with what explains it."""

    kind: str
    order: str
    what: str


@dataclass
class Findings:
    """`unexplained` are those of the `doubled` for which no reason was found; `waits` how long people waited."""

    broken: list[Problem] = field(default_factory=list)
    doubled: list[Problem] = field(default_factory=list)
    unexplained: list[Problem] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)

    def breaks(self, kind: str, order: str, what: str) -> None:
        self.broken.append(Problem(kind, order, what))


def end_of(events: list[Json]) -> Json | None:
    """The event that ended an order."""
    return next((event for event in events if event["kind"] in ENDINGS), None)
