"""Talking to a sandbox in tests: the bot's token, what is refused, what the bot hears, and a clock to move."""

from __future__ import annotations

from typing import Any

from aiogram.types import Update as AiogramUpdate
from pydantic import BaseModel
from telegram import Update

from tests.people import Telegram

BOT = 7001
TOKEN = f"{BOT}:customer-token"


class Clock:
    """Stands still until a test moves it; in seconds since 1970."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


async def refused(telegram: Telegram, method: str, **params: Any) -> str:
    """In which words the Bot API refuses a request of the bot."""
    answer = await telegram._http.post(f"/bot{TOKEN}/{method}", json=params)
    assert answer.status_code == 400, answer.text
    return str(answer.json()["description"].removeprefix("Bad Request: "))


async def refused_to_act(telegram: Telegram, verb: str, **body: Any) -> str:
    """Why the control API refuses a verb."""
    answer = await telegram._http.post(f"/control/{verb}", json=body)
    assert answer.status_code == 400, answer.text
    return str(answer.json()["error"])


async def heard(telegram: Telegram, token: str = TOKEN) -> list[dict[str, Any]]:
    """The updates that wait for the bot, confirmed."""
    updates: list[dict[str, Any]] = await telegram.call(token, "getUpdates")
    if updates:
        await telegram.call(token, "getUpdates", offset=updates[-1]["update_id"] + 1)
    return updates


async def heard_by_both(telegram: Telegram, kind: str = "message") -> dict[str, Any]:
    """What the one update that waits holds, after both libraries have read it with nothing left over."""
    [update] = await heard(telegram)
    aiogram = AiogramUpdate.model_validate(update)
    assert _extra(aiogram) == [], "aiogram's models know nothing of these"
    read = Update.de_json(update, None)
    assert read is not None
    assert read.to_dict().keys() == update.keys()
    found: dict[str, Any] = update[kind]
    return found


def _extra(model: BaseModel) -> list[str]:
    """The fields of a model, and of those within it, that it has not declared."""
    inner = [value for value in model.__dict__.values() if isinstance(value, BaseModel)]
    return [*(model.model_extra or {}), *(name for one in inner for name in _extra(one))]
