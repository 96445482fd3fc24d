"""Waiting between tries."""

from __future__ import annotations

import random


class Backoff:
    """Waits that double from 0.2 s up to 30 s, each with jitter so that many waiters don't come back at once."""

    def __init__(self) -> None:
        self._wait = 0.1

    def next(self, at_least: float | None = None) -> float:
        """Seconds to wait now; never less than `at_least`."""
        self._wait = min(self._wait * 2, 30.0)
        return max(self._wait * random.uniform(0.5, 1.0), at_least or 0.0)  # noqa: S311 - jitter, no secret

    def reset(self) -> None:
        self._wait = 0.1
