"""What goes wrong, and when: drawn from the seed before the run begins, so that a seed gives the same plan again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

Kind = Literal["kill", "pause", "cut", "fault"]

# Seconds between two kills of one program, from and to. A bot takes some 10 s to be back, and whatever dies within
# 10 s of its start is started again ever more slowly (`Patience` in workers/supervisor.py).
KILLS = {
    "customer-bot": (45, 75),
    "restaurant-bot": (45, 75),
    "worker-1": (12, 18),
    "worker-2": (12, 18),
    "store": (25, 45),
    "supervisor": (100, 150),
}
PAUSES = {"customer-bot": (40, 90), "restaurant-bot": (40, 90), "worker-1": (30, 70), "worker-2": (30, 70)}
PAUSES["store"] = (50, 100)
SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 8.0  # seconds
CUTS = (12, 25)
FAULTS = (6, 14)


def hum(seconds: float) -> dict[str, Any]:
    """Telegram is never quite quick: this fault is there all the time, with so long a wait in the middle."""
    return {"kind": "latency", "seconds": seconds, "spread": "exponential", "times": None, "probability": 0.3}


@dataclass(frozen=True)
class Trouble:
    """At `at` seconds after the beginning, `target` suffers; a pause takes `seconds`, a fault is the sandbox's."""

    at: float
    kind: Kind
    target: str
    seconds: float = 0.0
    fault: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        what = {"kill": "kill -9", "pause": f"pause for {self.seconds:.1f} s", "cut": "cut", "fault": "fault"}[
            self.kind
        ]
        details = " ".join(f"{name}={value}" for name, value in self.fault.items() if name not in ("kind", "bot"))
        return f"{self.at:6.1f} s  {what:<18} {self.target:<15} {details}".rstrip()


def plan(seed: int, seconds: float, only: tuple[str, ...] = ()) -> list[Trouble]:
    """All troubles of a run, in order of time; `only` leaves the others of these targets out."""
    random = Random(f"plan-{seed}")
    found = [
        *_kills(random, seconds),
        *_pauses(random, seconds),
        *(Trouble(at, "cut", "connections") for at in _moments(random, CUTS, seconds)),
        *(_fault(random, at) for at in _moments(random, FAULTS, seconds)),
    ]
    return sorted((one for one in found if not only or one.target in only), key=lambda one: (one.at, one.target))


def _kills(random: Random, seconds: float) -> Iterator[Trouble]:
    for target, every in KILLS.items():
        for at in _moments(random, every, seconds):
            yield Trouble(at, "kill", target)


def _pauses(random: Random, seconds: float) -> Iterator[Trouble]:
    for target, every in PAUSES.items():
        for at in _moments(random, every, seconds):
            yield Trouble(at, "pause", target, round(random.uniform(SHORTEST_PAUSE, LONGEST_PAUSE), 1))


def _moments(random: Random, every: tuple[float, float], seconds: float) -> Iterator[float]:
    at = random.uniform(0.2, 1.0) * every[0]
    while at < seconds:
        yield round(at, 1)
        at += random.uniform(*every)


def _fault(random: Random, at: float) -> Trouble:
    kind = random.choice(
        ("429", "500", "502", "drop_before", "drop_after", "drop_after", "duplicate_update", "latency")
    )
    # Bots are named as the sandbox knows them; None is both.
    target = random.choice(("customer-bot", "restaurant-bot", "both-bots"))
    fault: dict[str, Any] = {"kind": kind, "times": random.randint(1, 8)}
    if kind == "429":
        fault["retry_after"] = random.randint(1, 3)
    if kind == "latency":
        fault |= {"times": random.randint(5, 30), "seconds": round(random.uniform(0.5, 3.0), 1)}
    if kind in ("drop_before", "drop_after") and random.random() < 0.5:
        fault["method"] = random.choice(("sendMessage", "editMessageText", "answerCallbackQuery"))
    return Trouble(at, "fault", target, fault=fault)
