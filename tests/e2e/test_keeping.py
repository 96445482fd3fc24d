"""Keeping a whole system well: looked at and backed up while it runs, brought back, and running on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

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
