"""Repeated measurements: medians with their spread, and ratios of what was measured in the same round."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Figure:
    """A median, the least and the greatest of `rounds` measurements."""

    median: float
    least: float
    greatest: float
    rounds: int

    def as_json(self) -> dict[str, float]:
        return asdict(self)

    def __str__(self) -> str:
        shown = _short(self.median)
        return shown if self.rounds == 1 else f"{shown} ({_short(self.least)} to {_short(self.greatest)})"


def figure(values: Sequence[float]) -> Figure:
    """The figure of one measurement a round."""
    return Figure(statistics.median(values), min(values), max(values), len(values))


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Figure:
    """Ours by theirs, round by round: what slowed down a whole round is in neither."""
    return figure([mine / other for mine, other in zip(ours, theirs, strict=True)])


def interleaved(things: Sequence[T], rounds: int) -> Iterator[tuple[int, T]]:
    """Every thing once in each round, in another order each time (the same orders whenever it is run)."""
    shuffle = random.Random(1).shuffle
    for number in range(rounds):
        order = list(things)
        shuffle(order)
        for thing in order:
            yield number, thing


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share (0 to 1) of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
