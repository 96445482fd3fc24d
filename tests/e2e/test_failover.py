"""Everything on a store with replicas, whose primary dies while a customer orders."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.system import System
from tests.e2e.test_whole_orders import kinds, staffed
from tests.platform.servers import Servers

PROGRAMS = ("bot.customer", "bot.restaurant", "workers")


@pytest.mark.timeout(240)
async def test_an_order_goes_through_a_failover_and_no_process_needs_a_restart(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("servers", "comanda")]
    for folder in folders:
        folder.mkdir()
    with ExitStack() as stack:
        servers = Servers(folders[0], stack)
        system = System(folders[1], REDIS_URL=servers.url, REDIS_REPLICAS="1")
        stack.callback(system.close)
        system.start()
        async for scene in staffed(system, "5m"):
            carla = await scene.customer_with_a_cart()
            before = {program: system.pids(program) for program in PROGRAMS}

            servers.kill_primary()
            await carla.tap("Place order")

            await carla.sees("Order received")
            await scene.staff.sees("NEW ORDER")
            for label in ("Accept", "10 min"):
                await scene.staff.tap(label)
            await carla.sees("accepted your order")
            assert kinds(await scene.has_order("accepted")).count("order_accepted") == 1
            assert {program: system.pids(program) for program in PROGRAMS} == before
