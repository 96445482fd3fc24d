"""A token that Telegram refuses: for a moment it does so with good ones, too."""

from __future__ import annotations

from bot.intake import TokenRefused
from flows.backoff import Backoff

TRIES = 8
"""Refusals in a row, over some twenty seconds, before a bot ends: it starts again by its supervisor, and that costs the
restaurants' bot seconds of importing each time."""


class Refusals:
    """Those in a row."""

    def __init__(self) -> None:
        self._number = 0
        self._backoff = Backoff()

    def wait_after(self, refused: TokenRefused) -> float:
        """Seconds until the next try. Raises what was given when there were `TRIES` in a row."""
        self._number += 1
        if self._number >= TRIES:
            raise refused
        return self._backoff.next()

    def over(self) -> None:
        """Telegram has accepted the token."""
        self._number = 0
        self._backoff.reset()
