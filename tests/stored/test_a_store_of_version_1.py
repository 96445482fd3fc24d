"""A store as version 0.1.0 left it goes on working: open orders, carts, an invite, switches, a tap that nobody handled.

`version_1/` was written by that version itself: `store.jsonl` has every key but RQ's own and the leases, a line each,
`backup.gz` and `archive.sqlite` are what `comanda backup` and `comanda archive` made of it. They are never made again.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from flows.settings import Settings
from flows.store import connect
from tests.e2e.system import CUSTOMER_TOKEN, RESTAURANT_TOKEN, System
from tests.people import Person, Telegram, buttons
from workers.store import open_store

VERSION_1 = Path(__file__).parent / "version_1"

ANNA, ADA, RITA, WANDA, CARLA, HEIDI = (10**12 + number for number in (2, 7, 8, 9, 10, 11))
"""People of that store: staff; customers with an accepted, a ready and a new order, a cart, and a dish half chosen."""

STATUSES = {
    "Flora": "fulfilled",
    "Dora": "declined",
    "Clara": "cancelled",
    "Ada": "accepted",
    "Rita": "ready",
    "Wanda": "notified",
}
"""Of the store's orders, #2 to #7, by customer; #1 is in the archive."""

ACCEPT_WANDAS, ADAS_IS_READY, RITAS_IS_PICKED_UP = "1ax:t32s0ez58jp0:20", "1re:n3ec7ebk64p8", "1px:jy0ar62vsc6h"
"""What buttons of that version carry, on tickets that still hang in the staff's chat."""

MOMIJIS_INVITE = "bUZZdO0SIC_1WWUHFgiJww"


def bring_back(redis: Redis, line: str) -> None:
    """Write one key as it was, with as long to live."""
    stored = json.loads(line)
    key, value = stored["key"], stored["value"]
    match stored["kind"]:
        case "string":
            redis.set(key, value)
        case "hash":
            redis.hset(key, mapping=value)
        case "list":
            redis.rpush(key, *value)
        case "set":
            redis.sadd(key, *value)
        case "zset":
            redis.zadd(key, value)
        case "stream":
            for entry, fields in value:
                redis.xadd(key, fields, id=entry)
        case kind:
            raise ValueError(f"{key} is a {kind}")
    if stored["ttl"] > 0:
        redis.expire(key, stored["ttl"])


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    """A system, not yet started, on the data of that version."""
    running = System(tmp_path)
    settings = Settings(_env_file=None, data_dir=tmp_path / "data", redis_url=None)
    with open_store(settings) as store, connect(store.url) as redis:
        for line in (VERSION_1 / "store.jsonl").read_text("utf-8").splitlines():
            bring_back(redis, line)
    shutil.copy(VERSION_1 / "archive.sqlite", tmp_path / "data/archive.sqlite")
    yield running
    running.close()


async def somebody(telegram: Telegram, bot: str, person: int, name: str) -> Person:
    """One of the people of that store, with the chat that they had."""
    await telegram.act("bot", token=bot)
    await telegram.act("user", id=person, first_name=name)
    return Person(telegram, person, f"{bot.partition(':')[0]}:{person}", {"bot": bot})


def statuses(system: System) -> dict[str, str]:
    """How each customer's order stands."""
    orders: list[dict[str, Any]] = system.comanda("orders")
    return {order["customer"]: order["status"] for order in orders}


@pytest.fixture
async def telegram(system: System) -> AsyncIterator[Telegram]:
    telegram = Telegram(system.url)
    yield telegram
    await telegram.close()


async def test_everything_that_was_open_goes_on(system: System, telegram: Telegram) -> None:
    anna = await somebody(telegram, RESTAURANT_TOKEN, ANNA, "Anna")
    ada, rita, wanda, carla, heidi = [
        await somebody(telegram, CUSTOMER_TOKEN, person, name)
        for person, name in ((ADA, "Ada"), (RITA, "Rita"), (WANDA, "Wanda"), (CARLA, "Carla"), (HEIDI, "Heidi"))
    ]
    for person in (anna, ada, rita, wanda, carla, heidi):
        await person.send("Hello?")

    system.start()

    # The tap on "Place order" that waited in the inbox takes effect: the cart is ordered, with its note.
    await anna.sees("No onions, please")
    await carla.sees("Order received")
    assert await asyncio.to_thread(statuses, system) == STATUSES | {"Carla": "notified"}

    # Orders go on by the buttons that staff had before.
    await anna.send("/orders")
    old = (await anna.sees("Open orders"))["message_id"]
    await anna.tap_payload(old, ACCEPT_WANDAS)
    await wanda.sees("accepted your order")
    await anna.tap_payload(old, ADAS_IS_READY)
    await ada.sees("is ready")
    await anna.tap_payload(old, RITAS_IS_PICKED_UP)
    await rita.sees("Enjoy your meal")
    after = {"Ada": "ready", "Rita": "fulfilled", "Wanda": "accepted", "Carla": "notified"}
    assert await asyncio.to_thread(statuses, system) == STATUSES | after

    # Switches and drafts are as they were.
    await anna.send("/items")
    assert buttons(await anna.sees("Tap a dish to hide it"), "🚫 Marinara")
    await heidi.tap("Add to cart")
    await heidi.tap("Cart (1)")
    await heidi.sees("1 × Miso ramen")

    # The invite is still open.
    ren = await telegram.person("Ren", bot=RESTAURANT_TOKEN)
    await ren.send(f"/start {MOMIJIS_INVITE}")
    await ren.sees("is now the staff chat")

    assert await asyncio.to_thread(system.comanda, "verify") == {"orders": 7, "differences": []}
    assert "Traceback" not in system.log()


def test_its_archive_takes_more_orders(system: System) -> None:
    done = system.comanda("archive", "--older-than", "0")

    assert done["archived"] == 3  # those that were over: #2, #3 and #4
    assert sorted(order["number"] for order in system.comanda("orders")) == [5, 6, 7]


def test_its_backup_comes_back_whole(tmp_path: Path) -> None:
    system = System(tmp_path)
    try:
        restored = system.comanda("restore", str(VERSION_1 / "backup.gz"))
        assert (restored["replayed"], restored["differences"]) == (6, [])
        assert statuses(system) == STATUSES
    finally:
        system.close()
