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


@dataclass(frozen=True)
class Healing:
    """The longest times, in seconds: from a kill to the `first` progress of something that waited for what was killed,
    and to the progress of the `last` of all that did, other troubles on the way included; and the longest `wait`."""

    first: float = 0.0
    last: float = 0.0
    wait: float = 0.0


def longest_healing(harms: Iterable[Harm], waits: Sequence[Wait]) -> Healing:
    """Over all kills and pauses."""
    times = [_times(harm, waits) for harm in harms if harm.kind in ("kill", "pause")]
    return Healing(
        first=max((min(one) for one in times if one), default=0.0),
        last=max((max(one) for one in times if one), default=0.0),
        wait=max((wait.end - wait.start for wait in waits), default=0.0),
    )


def _times(harm: Harm, waits: Sequence[Wait]) -> list[float]:
    """Seconds until each of those who waited had what they waited for."""
    waited = (wait for wait in waits if wait.start <= harm.at < wait.end and _stops(harm.target, wait.program))
    return [wait.end - harm.at for wait in waited]


def _stops(target: str, program: str) -> bool:
    return target in ("store", "supervisor", program) or (program == "worker" and target.startswith("worker"))
