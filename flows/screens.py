"""What a chat shows, as data: a text and its buttons. The bots and the workers turn it into messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Style = Literal["primary", "success", "danger"]


@dataclass(frozen=True)
class Button:
    """One button of an inline keyboard: it carries a payload to the bot, opens a link, or copies a text.

    `style` is the colour of Bot API 9.4 (blue, green, red); a client that lacks it shows the plain button.
    """

    text: str
    payload: str | None = None
    url: str | None = None
    copy: str | None = None
    style: Style | None = None

    def __post_init__(self) -> None:
        if sum(part is not None for part in (self.payload, self.url, self.copy)) != 1:
            raise ValueError("a button has exactly one of payload, url and copy")


Row = tuple[Button, ...]


@dataclass(frozen=True)
class Screen:
    """A message: Telegram HTML of at most 4096 UTF-16 units after parsing, and rows of buttons below it.

    A list that can get long goes on it page by page (see `flows.paging`): the rows may not be too many, or too large.
    """

    text: str
    rows: tuple[Row, ...] = ()

    def keyboard(self) -> dict[str, list[list[dict[str, Any]]]]:
        """The buttons as the Bot API's InlineKeyboardMarkup, which both libraries read from JSON."""
        return {"inline_keyboard": [[_wire(button) for button in row] for row in self.rows]}


def _wire(button: Button) -> dict[str, Any]:
    fields = {
        "text": button.text,
        "callback_data": button.payload,
        "url": button.url,
        "copy_text": None if button.copy is None else {"text": button.copy},
        "style": button.style,
    }
    return {name: value for name, value in fields.items() if value is not None}
