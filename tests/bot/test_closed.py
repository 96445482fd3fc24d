"""Which bad requests are nobody's fault: the bot can't write into that chat."""

from __future__ import annotations

import pytest

from bot.closed import is_closed


@pytest.mark.parametrize(
    ("reason", "closed"),
    [
        ("Bad Request: chat not found", True),
        ("Bad Request: not enough rights to send text messages to the chat", True),
        ("Bad Request: have no rights to send a message", True),
        ("Bad Request: CHAT_WRITE_FORBIDDEN", True),
        ("Bad Request: CHAT_RESTRICTED", True),
        ("Bad Request: TOPIC_CLOSED", True),
        ("Bad Request: group chat was deactivated", True),
        ("Bad Request: message text is empty", False),
        ("Bad Request: message is not modified", False),
    ],
)
def test_what_telegram_says_of_a_chat_that_the_bot_cannot_write_into(reason: str, closed: bool) -> None:
    assert is_closed(reason) is closed
