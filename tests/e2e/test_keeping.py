"""Keeping a whole system well: looked at, backed up and archived while it runs, brought back, and running on."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from flows import callbacks as cb
from flows import keys
from flows.callbacks import encode
from flows.store import connect, texts
from tests.e2e.system import CUSTOMER_TOKEN, RESTAURANT_TOKEN, System, eventually
from tests.e2e.test_whole_orders import restaurant_file
from tests.people import Telegram


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    running = System(tmp_path)
    running.start()
    yield running
    running.close()


def is_well(system: System) -> bool:
    """Whether the doctor finds nothing at all just now; a worker on a busy machine can seem dead for a moment."""
    try:
        found = system.comanda("doctor")
    except AssertionError:
        return False
    return {check["level"] for check in found["checks"]} == {"ok"}


async def test_an_order_goes_on_where_the_backup_has_it(system: System, tmp_path: Path) -> None:
    file = str(tmp_path / "comanda.backup")
    telegram = Telegram(system.url)
    restaurant = restaurant_file(tmp_path, "nonna", "1h")
    entrance = await asyncio.to_thread(system.comanda, "restaurant", "import", str(restaurant))
    anna = await telegram.person("Anna", bot=RESTAURANT_TOKEN)
    await anna.send(entrance["staff_start"])
    await anna.sees("is now the staff chat")
    carla = await telegram.person("Carla", bot=CUSTOMER_TOKEN)
    await carla.send("/start nonna")
    for label in ("Pizza", "Margherita", "Large", "Add to cart", "Cart", "Place order"):
        await carla.tap(label)
    await anna.sees("NEW ORDER")

    # While it runs: nothing is amiss, and a backup is taken.
    await asyncio.to_thread(eventually, lambda: is_well(system), "the doctor finds something")
    assert await asyncio.to_thread(system.comanda, "verify") == {"orders": 1, "differences": []}
    assert (await asyncio.to_thread(system.comanda, "backup", file))["orders"] == 1
    with pytest.raises(AssertionError, match="is in use: stop `comanda up`"):
        await asyncio.to_thread(system.comanda, "restore", file, "--replace", "--yes")

    # The order is over, and then all of that is undone.
    await anna.tap("Decline")
    await anna.tap("Too busy")
    await carla.sees("can't take your order")
    assert await asyncio.to_thread(system.stop) == 0
    restored = await asyncio.to_thread(system.comanda, "restore", file, "--replace", "--yes")
    assert (restored["replayed"], restored["differences"]) == (1, [])
    [order] = await asyncio.to_thread(system.comanda, "orders")
    assert order["status"] in ("placed", "notified")

    # It goes on from there.
    system.start()
    carlo = await telegram.person("Carlo", bot=CUSTOMER_TOKEN)
    await carlo.send("/start nonna")
    for label in ("Pizza", "Margherita", "Large", "Add to cart", "Cart", "Place order"):
        await carlo.tap(label)
    await carlo.sees("Order received")
    await carlo.sees("#2")
    assert await asyncio.to_thread(system.comanda, "verify") == {"orders": 2, "differences": []}
    await telegram.close()


STAYS = re.compile(
    r"beat|catalogue|confirmed|events|restaurants|services|staff|workers"  # fixed, or a member for each thing there is
    r"|inbox:(customer|restaurant):(seen|offset)|heard:(customer|restaurant)"  # of each bot
    r"|rq:(queues|workers(:comanda)?|finished:comanda)"  # what RQ's upkeep goes through
)
"""The keys without an end of their own that finished orders may leave behind."""


def left_behind(store: Redis) -> list[str]:
    """The other ones; a job that is just ending is among them for a moment."""
    endless = [name for name in texts(store.scan_iter(count=1000)) if store.ttl(name) == -1]
    return [name for name in endless if not STAYS.fullmatch(name)]


async def test_orders_that_are_over_and_archived_leave_nothing_behind(system: System, tmp_path: Path) -> None:
    telegram = Telegram(system.url)
    entrance = await asyncio.to_thread(
        system.comanda, "restaurant", "import", str(restaurant_file(tmp_path, "nonna", "1h"))
    )
    anna = await telegram.person("Anna", bot=RESTAURANT_TOKEN)
    await anna.send(entrance["staff_start"])
    await anna.sees("is now the staff chat")
    carla = await telegram.person("Carla", bot=CUSTOMER_TOKEN)
    for _ in range(2):
        await carla.send("/start nonna")
        for label in ("Pizza", "Margherita", "Large", "Add to cart", "Cart", "Place order"):
            await carla.tap(label)
        await anna.sees("NEW ORDER")
        for label in ("Accept", "20 min"):
            await anna.tap(label)
        await carla.sees("accepted your order")
        for label in ("Ready", "Yes, it is ready"):
            await anna.tap(label)
        await carla.sees("is ready")
        for label in ("Picked up", "Yes, picked up"):
            await anna.tap(label)
        await carla.sees("Enjoy your meal")
    orders = await asyncio.to_thread(system.comanda, "orders")
    with connect(system.store_url()) as store:
        await asyncio.to_thread(eventually, lambda: not store.exists(keys.DUE), "somebody is still to be told")

        done = await asyncio.to_thread(system.comanda, "archive", "--older-than", "0")

        assert (done["archived"], done["left"]) == (len(orders), []) == (2, [])
        assert await asyncio.to_thread(system.comanda, "verify") == {"orders": 0, "differences": []}
        await asyncio.to_thread(eventually, lambda: not left_behind(store), "finished orders leave keys behind")

    # Old messages and lists say that there is no such order, and everything goes on.
    order_id = orders[-1]["order_id"]
    old = (await carla.sees("Enjoy your meal"))["message_id"]
    assert "not one of yours" in await carla.tap_payload(old, encode(cb.ShowOrder(order_id)))
    ticket = (await anna.sees("Picked up"))["message_id"]
    assert "can't be answered here" in await anna.tap_payload(ticket, encode(cb.Ready(order_id)))
    await carla.send("/orders")
    await carla.sees("no recent orders")
    assert await asyncio.to_thread(system.comanda, "orders") == []
    assert "Traceback" not in system.log()
    await telegram.close()
