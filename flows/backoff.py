"""Waiting between tries."""

from __future__ import annotations

import asyncio
import contextlib
import random

FIRST = 0.2  # seconds
LONGEST = 86_400.0  # seconds that anybody's wish to wait is granted
SHORTEST = 1.0  # seconds that who was told to wait waits at least; Telegram counts in whole ones


def granted(seconds: float) -> float:
    """How long a wish to be left alone is respected: to the second, but neither backwards nor for ever."""
    return min(max(SHORTEST, seconds), LONGEST)  # in this order, for what is no number counts as the shortest


class Backoff:
    """Waits that double from `first` up to `longest`, each with jitter so that many waiters don't come back at once."""

    def __init__(self, longest: float = 30.0, first: float = FIRST) -> None:
        self._longest = longest
        self._first = first
        self._wait = first / 2

    def next(self, at_least: float | None = None) -> float:
        """Seconds to wait now; never less than `at_least`, as far as that is granted."""
        self._wait = min(self._wait * 2, self._longest)
        wait = self._wait * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret
        return wait if at_least is None else max(wait, granted(at_least))

    def reset(self) -> None:
        self._wait = self._first / 2


async def pause(seconds: float, until: asyncio.Event) -> None:
    """Wait, but not beyond `until`.

    Not by `asyncio.wait_for`: before Python 3.12 it swallows a cancellation that comes together with the event.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await until.wait()
