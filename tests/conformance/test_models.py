"""Every request and answer of whole orders, held against the models of aiogram and python-telegram-bot.

What our bots ask the sandbox must be what the Bot API takes, and what it answers must be what the libraries know: no
field too few, none too many.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import aiogram.methods
import pytest
import telegram
from aiogram.methods import Response, TelegramMethod
from aiogram.types import Update
from pydantic import BaseModel

from tests.e2e.system import CUSTOMER_TOKEN, RESTAURANT_TOKEN, System
from tests.e2e.test_whole_orders import restaurant_file
from tests.people import Telegram

Json = dict[str, Any]

# The method's name in lower case, as the log may have it, to aiogram's class of the same name.
METHODS: dict[str, type[TelegramMethod[Any]]] = {
    name.lower(): getattr(aiogram.methods, name) for name in aiogram.methods.__all__ if name != "TelegramMethod"
}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    running = System(tmp_path_factory.mktemp("system"))
    running.start()
    yield running
    running.close()


@pytest.fixture(scope="module")
def log(system: System) -> list[Json]:
    """What both bots and the worker asked of the sandbox while orders went through, with the answers."""
    entrance = system.comanda("restaurant", "import", str(restaurant_file(system.folder, "nonna", "5m")))
    return asyncio.run(_play(system, entrance["staff_start"]))


async def _play(system: System, staff_start: str) -> list[Json]:
    """Two orders: one from the menu to *Picked up*, with a group as the staff chat, and one that is declined."""
    telegram = Telegram(system.url)
    bot = await telegram.act("bot", token=RESTAURANT_TOKEN)
    [anna, _] = await telegram.group("Staff", "Anna", "Ben")
    await telegram.act(
        "add_bot", chat=int(anna.room), bot=RESTAURANT_TOKEN, by=anna.id, start=staff_start.removeprefix("/start ")
    )
    await anna.sees("is now the staff chat")
    carla = await telegram.person("Carla", bot=CUSTOMER_TOKEN)
    for tickets, after in (
        (1, ("Accept", "20 min", "Ready", "Yes, it is ready", "Picked up", "Yes, picked up")),
        (2, ("Decline", "Too busy")),
    ):
        await carla.send("/start nonna")
        for label in ("Pizza", "Margherita", "Large", "Add to cart", "Cart", "Place order"):
            await carla.tap(label)
        await anna.sees_times("Margherita", tickets)
        for label in after:
            await anna.tap(label)
    await carla.sees("too busy right now")
    await carla.send("/orders")
    await anna.send(f"/items@{bot['username']}")
    found: list[Json] = [entry for entry in await telegram.look("log") if entry.get("bot")]
    await telegram.close()
    return found


def answered(log: list[Json]) -> list[Json]:
    """The calls that were carried out; the log also has those that were refused, in Telegram's words."""
    return [entry for entry in log if entry["status"] == 200]


def test_every_request_is_one_that_the_bot_api_takes(log: list[Json]) -> None:
    assert {entry["method"].lower() for entry in log} >= {"sendmessage", "editmessagetext", "answercallbackquery"}
    for entry in log:
        method = METHODS[entry["method"].lower()]
        assert entry["params"].keys() <= method.model_fields.keys(), entry
        method.model_validate(entry["params"])


def test_every_answer_is_of_the_type_that_the_method_returns(log: list[Json]) -> None:
    for entry in answered(log):
        returns = METHODS[entry["method"].lower()].__returning__
        assert entry["answer"]["ok"] is True
        found = Response[returns].model_validate(entry["answer"]).result  # type: ignore[valid-type]
        for one in found if isinstance(found, list) else [found]:
            if isinstance(one, BaseModel):
                assert surplus(one) == [], entry


def test_every_update_is_one_that_both_libraries_know_to_the_last_field(log: list[Json]) -> None:
    updates = [
        update
        for entry in answered(log)
        if entry["method"].lower() == "getupdates"
        for update in entry["answer"]["result"]
    ]
    kinds = {key for update in updates for key in update if key != "update_id"}
    assert kinds >= {"message", "callback_query", "my_chat_member"}
    for update in updates:
        assert surplus(Update.model_validate(update)) == []
        known = telegram.Update.de_json(update, None)
        assert known is not None
        assert all(not getattr(part, "api_kwargs", None) for part in parts(known)), update


def surplus(model: BaseModel) -> list[str]:
    """The fields, at any depth, that aiogram's models have no place for."""
    found = [f"{type(model).__name__}.{name}" for name in model.model_extra or {}]
    for name in type(model).model_fields:
        value = getattr(model, name)
        rows = value if isinstance(value, list) else [value]
        cells = [cell for row in rows for cell in (row if isinstance(row, list) else [row])]
        found += [more for cell in cells if isinstance(cell, BaseModel) for more in surplus(cell)]
    return found


def parts(known: telegram.TelegramObject) -> Iterator[telegram.TelegramObject]:
    """An object of python-telegram-bot and all within it."""
    yield known
    for value in (getattr(known, name, None) for name in known._get_attrs()):
        for one in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(one, telegram.TelegramObject):
                yield from parts(one)
