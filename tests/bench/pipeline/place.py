"""Where a worker or a driver finds the store and the stand-in, and the limits of Telegram opened wide.

The gate is asked as in production; only its rates are such that it never says no. What the pipeline can do at most is
to be measured here, and not what Telegram allows (see `tests.bench.ceiling`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from flows import gate

IN_FLIGHT = 128  # jobs that a process of a contestant works on at a time, unless it has a thread for each
TOKENS = ("7001:customer-token", "7002:restaurant-token")
UNLIMITED_EVERY, UNLIMITED_BURST = 1e-6, 1_000_000  # milliseconds between two messages, and messages at once


@dataclass(frozen=True)
class Place:
    """The addresses, as every program of a run finds them in its environment."""

    redis_url: str
    api_url: str

    def environment(self) -> dict[str, str]:
        """The variables for a program, those of Comanda's own worker among them."""
        return {
            "REDIS_URL": self.redis_url,
            "TELEGRAM_API_URL": self.api_url,
            "CUSTOMER_BOT_TOKEN": TOKENS[0],
            "RESTAURANT_BOT_TOKEN": TOKENS[1],
            "LOG_LEVEL": "WARNING",
        }


def here() -> Place:
    """Where this program is to work."""
    return Place(os.environ["REDIS_URL"], os.environ["TELEGRAM_API_URL"])


def open_the_gate() -> None:
    """Let everything through, at the gate's usual cost."""
    gate.BOT_EVERY = gate.CHAT_EVERY = gate.GROUP_EVERY = UNLIMITED_EVERY
    gate.BOT_BURST = gate.CHAT_BURST = gate.GROUP_BURST = UNLIMITED_BURST
