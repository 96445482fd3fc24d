"""Logging to stderr without what nobody should read there."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable


class _Discreet(logging.Formatter):
    """Takes secrets out of whatever is written, tracebacks and other libraries' lines included.

    The URL of every request to the Bot API holds the token, and python-telegram-bot logs it at DEBUG.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """The lines of a record."""
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, "<secret>")
        return text


def log_to_stderr(level: str, secrets: Iterable[str]) -> None:
    """Log from that level on, without the secrets."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Discreet(secrets))
    logging.basicConfig(level=level, handlers=[handler])
