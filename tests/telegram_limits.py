"""What Telegram takes of a message, measured here without the product's own ruler."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

from flows.messages.text import visible
from flows.screens import Screen

MOST_BYTES = 10_000  # of a keyboard's JSON: the bound that is reported
NOTICE = 202  # UTF-16 units that a notice and an empty line above a customer's screen may take

NO_TOAST: list[dict[str, Any]] = [
    {"kind": "429", "retry_after": 3600},
    {"kind": "502"},
    {"kind": "drop_after"},
    {"kind": "refused", "code": 403, "description": "Forbidden: bot was kicked from the supergroup chat"},
    {"kind": "refused", "description": "Bad Request: SOMETHING_NEW_INVALID"},
]
"""Ways in which Telegram takes no answer to any tap."""


class Markup(HTMLParser):
    """Fails on what Telegram would not parse: unknown tags, and tags that are not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert (tag, attrs) in [("b", []), ("i", []), ("code", [])]
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def assert_telegram_takes(screen: Screen, above: int = NOTICE) -> None:
    """`above` is what may be put above the text."""
    parser = Markup()
    parser.feed(screen.text)
    parser.close()
    assert parser.open == []
    assert visible(screen.text) > 0
    assert visible(screen.text) + above <= 4096
    assert all(1 <= len(row) <= 8 for row in screen.rows)
    buttons = [button for row in screen.rows for button in row]
    assert len(buttons) <= 100
    assert len(json.dumps(screen.keyboard(), ensure_ascii=False).encode()) <= MOST_BYTES
    for button in buttons:
        assert 1 <= len(button.text.strip()) <= 120
        assert len((button.payload or "").encode()) <= 64
        assert len(button.copy or "") <= 256
