"""What a bad request says, as a 403 does, where a bot can't write into a chat: asking again is of no use."""

from __future__ import annotations

_WORDS = (
    "chat not found",
    "group chat was deactivated",
    "not enough rights",
    "have no rights",
    "chat_write_forbidden",
    "chat_restricted",
    "topic_closed",
)


def is_closed(reason: str) -> bool:
    """Whether Telegram's description of a bad request says so."""
    return any(words in reason.lower() for words in _WORDS)
