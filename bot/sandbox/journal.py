"""What happened, numbered and in order: read by waiting tests, by the page, and by whoever asks afterwards."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import takewhile
from typing import Any

Entry = dict[str, Any]

KEPT = 20_000  # entries: how far back a reader can begin


class Journal:
    """Entries with a rising `seq` from 1 and the time `at` (seconds since 1970); the oldest are forgotten."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self.last = 0

    def add(self, **details: Any) -> Entry:
        """Note that it happened now, or `at` another time. Returns the entry."""
        self.last += 1
        entry = {"seq": self.last, "at": self._now(), **details}
        self._entries.append(entry)
        return entry

    def after(self, seq: int) -> list[Entry]:
        """What came after that entry, oldest first."""
        newer = takewhile(lambda entry: entry["seq"] > seq, reversed(self._entries))
        return list(newer)[::-1]
