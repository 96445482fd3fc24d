"""A bot that talks, and where on the page that is seen."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Locator, Page

from tests.people import Person, Telegram

TOKEN = "7001:some-bot"
KEYS = {
    "inline_keyboard": [
        [{"text": "Yes", "callback_data": "yes", "style": "success"}, {"text": "No", "callback_data": "no"}],
        [{"text": "Code", "copy_text": {"text": "4821"}}],
    ]
}


async def say(telegram: Telegram, person: Person, text: str, **more: Any) -> int:
    sent = await telegram.call(TOKEN, "sendMessage", chat_id=person.id, text=text, **more)
    return int(sent["message_id"])


def chat(page: Page, side: str = "left") -> Locator:
    return page.locator(f"[data-side={side}] .chat")


def phone(page: Page, side: str = "left") -> Locator:
    return page.locator(f"[data-side={side}]")


def field(page: Page, side: str = "left") -> Locator:
    return phone(page, side).locator(".write input")
