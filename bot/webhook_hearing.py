"""Until when a bot with a webhook has heard, by what Telegram says waits there for it (getWebhookInfo).

Nothing waiting means that all has come. Yet in a busy bot something is always on its way, and one update that is
refused again and again, by a reverse proxy say, waits there for a day: neither makes the bot deaf.
"""

from __future__ import annotations

from pydantic import BaseModel

from flows.ledger.hearing import DEAF

ASK_EVERY = 3.0  # seconds until Telegram is asked again what waits there: an order may wait for that to end

RETRIED_WITHIN = 150.0
"""Seconds in which Telegram has tried again whatever it could not deliver: it waits for 120 at most, and a failure
changes the date of its last error."""

ON_ITS_WAY = DEAF.total_seconds() - ASK_EVERY - 2.0
"""Seconds that an update may be on its way here. Below `DEAF`, so that the moment at which none is counts as no gap."""

TAP_LIFE = 150.0
"""Seconds that Telegram keeps a tap; Bot API server, `UpdateType::CallbackQuery`. What waits for longer is no answer of
staff, and who has given one meanwhile is asked to tap again."""


class State(BaseModel):
    """What Telegram says of a webhook."""

    url: str
    pending_update_count: int
    last_error_date: int = 0
    last_error_message: str = ""


class WebhookHearing:
    """What one process knows of it; all times by `time.monotonic`."""

    def __init__(self) -> None:
        self._came = float("-inf")
        self._error: int | None = None  # the date of Telegram's last error, by its clock
        self._error_seen = float("-inf")

    def update_came(self, now: float) -> None:
        """An update has been stored: Telegram reaches us."""
        self._came = now

    def heard_until(self, state: State, asked: float) -> float | None:
        """Until when all is here that people did, as Telegram says so when `asked`; None where that is not known."""
        if state.last_error_date != self._error:
            self._error, self._error_seen = state.last_error_date, asked
        if not state.pending_update_count:
            return asked
        if not self.fails(asked):
            return asked - ON_ITS_WAY
        return asked - TAP_LIFE if asked - self._came < TAP_LIFE else None

    def fails(self, now: float) -> bool:
        """Whether something may wait at Telegram because it could not be delivered. At the start that is unknown."""
        return bool(self._error) and now - self._error_seen < RETRIED_WITHIN
