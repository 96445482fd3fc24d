"""How long it took until something went on that a kill, a pause or a cut had stopped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.chaos.evidence import Harm


@dataclass(frozen=True)
class Wait:
    """Somebody waited for `program` from `start` until `end`, in seconds since 1970."""

    program: str
    start: float
    end: float


def longest_healing(harms: Iterable[Harm], waits: Sequence[Wait]) -> tuple[float, float]:
    """The longest time from a kill to the next progress of something that waited then, and the longest wait of all."""
    times = (_healing(harm, waits) for harm in harms if harm.kind in ("kill", "pause"))
    healing = max((time for time in times if time is not None), default=0.0)
    return healing, max((wait.end - wait.start for wait in waits), default=0.0)


def _healing(harm: Harm, waits: Sequence[Wait]) -> float | None:
    """Seconds until the first of those who waited had what they waited for, None when nobody did."""
    ends = [wait.end for wait in waits if wait.start <= harm.at < wait.end and _stops(harm.target, wait.program)]
    return min(ends) - harm.at if ends else None


def _stops(target: str, program: str) -> bool:
    return target in ("store", "supervisor", program) or (program == "worker" and target.startswith("worker"))
