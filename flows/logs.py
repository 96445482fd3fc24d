"""Logging to stderr without what nobody should read there."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterable
from types import TracebackType

log = logging.getLogger(__name__)


def hiding(secrets: Iterable[str]) -> Callable[[str], str]:
    """What takes these secrets out of a text. The longest go first: one may be a part of another."""
    ordered = sorted(filter(None, secrets), key=len, reverse=True)

    def hide(text: str) -> str:
        for secret in ordered:
            text = text.replace(secret, "<secret>")
        return text

    return hide


class _Discreet(logging.Formatter):
    """Takes secrets out of whatever is written, tracebacks and other libraries' lines included.

    The URL of every request to the Bot API holds the token, and python-telegram-bot logs it at DEBUG.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._hide = hiding(secrets)

    def format(self, record: logging.LogRecord) -> str:
        """The lines of a record."""
        return self._hide(super().format(record))


def log_to_stderr(level: str, secrets: Iterable[str]) -> None:
    """Log from that level on, without the secrets; and what ends the process or a thread of it, as well."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Discreet(secrets))
    logging.basicConfig(level=level, handlers=[handler])
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_the_end
    threading.excepthook = lambda end: _log_the_end(end.exc_type, end.exc_value, end.exc_traceback)
    sys.unraisablehook = lambda end: _log_the_end(end.exc_type, end.exc_value, end.exc_traceback)


def _log_the_end(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """In place of Python's own words about an error that nothing catches, which would show its message as it is."""
    if issubclass(kind, SystemExit | KeyboardInterrupt):
        return
    log.critical("this should not have happened", exc_info=(kind, error or kind(), trace))
