"""Whole orders through `comanda up`: both bots, a worker, the store, and a local Telegram, over HTTP."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from flows import keys
from flows.store import connect
from tests.e2e.system import CUSTOMER_TOKEN, RESTAURANT_TOKEN, System, eventually
from tests.people import Person, Telegram

MAIN_LINE = ["order_placed", "restaurant_notified", "order_accepted", "user_notified", "order_fulfilled"]
_names = count(1)


def restaurant_file(folder: Path, slug: str, accept_within: str) -> Path:
    """The sample restaurant under another slug."""
    text = (resources.files("flows") / "samples" / "nonna.yaml").read_text("utf-8")
    file = folder / f"{slug}.yaml"
    file.write_text(text.replace("slug: nonna", f"slug: {slug}").replace("5m", accept_within), "utf-8")
    return file


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    running = System(tmp_path_factory.mktemp("system"))
    running.start()
    yield running
    running.close()


class Scene:
    """A restaurant with its staff, and customers who order there."""

    def __init__(self, system: System, telegram: Telegram, slug: str, staff: Person) -> None:
        self.system = system
        self.telegram = telegram
        self.slug = slug
        self.staff = staff

    async def order(self, *more: str) -> Person:
        """Somebody orders a pizza. Returns them, with their order's status on screen."""
        customer = await self.telegram.person(f"Carla {next(_names)}", bot=CUSTOMER_TOKEN)
        await customer.send(f"/start {self.slug}")
        for label in ("Pizza", "Margherita", "Large", "Add to cart", "Cart", *more, "Place order"):
            await customer.tap(label)
        await customer.sees("Order received")
        return customer

    async def customer_with_a_cart(self) -> Person:
        """Somebody who has only *Place order* left to tap."""
        customer = await self.telegram.person(f"Carla {next(_names)}", bot=CUSTOMER_TOKEN)
        await customer.send(f"/start {self.slug}")
        for label in ("Pizza", "Margherita", "Add to cart", "Cart"):
            await customer.tap(label)
        await customer.sees("Your cart at")
        return customer

    async def has_order(self, status: str) -> dict[str, object]:
        """The newest order of this restaurant, as `comanda order` shows it, once it has that status."""
        async with asyncio.timeout(60):
            while True:
                orders = await asyncio.to_thread(self.system.comanda, "orders")
                mine = [order for order in orders if order["restaurant"] == self.slug]
                if mine and mine[-1]["status"] == status:
                    found: dict[str, object] = await asyncio.to_thread(
                        self.system.comanda, "order", mine[-1]["order_id"]
                    )
                    return found


@pytest.fixture
async def scene(system: System) -> AsyncIterator[Scene]:
    async for one in staffed(system, "5m"):
        yield one


@pytest.fixture
async def hasty(system: System) -> AsyncIterator[Scene]:
    async for one in staffed(system, "30s"):
        yield one


async def staffed(system: System, accept_within: str) -> AsyncIterator[Scene]:
    """A restaurant with its staff chat, closed behind the test."""
    slug = f"nonna-{next(_names)}"
    file = restaurant_file(system.folder, slug, accept_within)
    entrance = await asyncio.to_thread(system.comanda, "restaurant", "import", str(file))
    assert entrance["customer_start"] == f"/start {slug}"
    telegram = Telegram(system.url)
    anna = await telegram.person("Anna", bot=RESTAURANT_TOKEN)
    await anna.send(entrance["staff_start"])
    await anna.sees("is now the staff chat")
    yield Scene(system, telegram, slug, anna)
    await telegram.close()


def kinds(order: dict[str, object]) -> list[str]:
    events = order["events"]
    assert isinstance(events, list)
    return [event["kind"] for event in events]


async def test_an_order_from_start_to_picked_up_is_the_five_main_events_in_their_order(scene: Scene) -> None:
    carla = await scene.order()
    await scene.staff.sees("NEW ORDER")
    for label in ("Accept", "20 min"):
        await scene.staff.tap(label)
    await carla.sees("accepted your order")
    for label in ("Ready", "Yes, it is ready"):
        await scene.staff.tap(label)
    await carla.sees("is ready")
    for label in ("Picked up", "Yes, picked up"):
        await scene.staff.tap(label)
    await carla.sees("Enjoy your meal")
    order = await scene.has_order("fulfilled")
    assert [kind for kind in dict.fromkeys(kinds(order)) if kind in MAIN_LINE] == MAIN_LINE
    assert (order["total"], order["currency"]) == ("11.50", "EUR")


async def test_the_restaurant_declines_with_a_reason(scene: Scene) -> None:
    carla = await scene.order()
    for label in ("Decline", "Too busy"):
        await scene.staff.tap(label)
    await carla.sees("too busy right now")
    assert "order_declined" in kinds(await scene.has_order("declined"))


async def test_the_customer_cancels_before_acceptance_and_staff_hear_it(scene: Scene) -> None:
    carla = await scene.order()
    await scene.staff.sees("NEW ORDER")
    for label in ("Cancel", "Yes, cancel"):
        await carla.tap(label)
    await scene.staff.sees("was cancelled by the customer")
    await scene.has_order("cancelled")


async def test_the_restaurant_cancels_after_acceptance_with_a_reason(scene: Scene) -> None:
    carla = await scene.order()
    for label in ("Accept", "10 min", "Cancel", "Kitchen problem"):
        await scene.staff.tap(label)
    await carla.sees("had to cancel your order")
    await scene.has_order("cancelled")


async def test_nobody_collects_it(scene: Scene) -> None:
    carla = await scene.order()
    for label in ("Accept", "10 min", "Not collected", "Yes, not collected"):
        await scene.staff.tap(label)
    await carla.sees("closed as not collected")
    await scene.has_order("not_collected")


async def test_nobody_answers_so_staff_are_reminded_and_the_order_expires(hasty: Scene) -> None:
    carla = await hasty.order()
    await hasty.staff.sees("is waiting for your answer")
    await carla.sees("did not answer")
    await hasty.staff.sees("You missed order")
    order = await hasty.has_order("expired")
    assert kinds(order).count("reminder_due") == 3


async def test_a_tap_made_in_time_counts_although_the_bot_of_the_staff_sleeps_beyond_the_answer_time(
    hasty: Scene,
) -> None:
    carla = await hasty.order()
    await hasty.staff.tap("Accept")
    order = await hasty.has_order("notified")
    [pid] = hasty.system.pids("bot.restaurant")
    os.kill(pid, signal.SIGSTOP)
    try:
        await hasty.staff.presses("10 min")
        await asyncio.to_thread(eventually, lambda: is_overdue(hasty, order), "no clock has looked at the order")
    finally:
        os.kill(pid, signal.SIGCONT)
    await carla.sees("accepted your order")
    assert "order_expired" not in kinds(await hasty.has_order("accepted"))


def is_overdue(scene: Scene, order: dict[str, Any]) -> bool:
    """Whether a clock has looked at the order after its answer time, and is to look again."""
    with connect(scene.system.store_url()) as redis:
        due = redis.zscore(keys.DUE, keys.wake(order["order_id"]))
    assert due is not None, "the order is over"
    return float(due) > (datetime.fromisoformat(order["events"][0]["answer_by"]) + timedelta(seconds=2)).timestamp()


async def test_a_customer_who_blocks_the_bot_does_not_stop_the_order(scene: Scene) -> None:
    carla = await scene.order()
    await scene.staff.sees("NEW ORDER")
    await scene.telegram.act("block", user=carla.id, bot=CUSTOMER_TOKEN)
    for label in ("Accept", "10 min"):
        await scene.staff.tap(label)
    await scene.staff.sees("can't be reached")
    for label in ("Picked up", "Yes, picked up"):
        await scene.staff.tap(label)
    assert "user_unreachable" in kinds(await scene.has_order("fulfilled"))


@pytest.mark.parametrize("program", ["bot.customer", "bot.restaurant", "workers"])
async def test_a_killed_process_loses_nothing_and_comes_back(scene: Scene, program: str) -> None:
    carla = await scene.customer_with_a_cart()
    await asyncio.to_thread(scene.system.kill, program)
    await carla.tap("Place order")
    await scene.staff.sees("NEW ORDER")
    for label in ("Accept", "10 min"):
        await scene.staff.tap(label)
    await carla.sees("accepted your order")
    for label in ("Picked up", "Yes, picked up"):
        await scene.staff.tap(label)
    order = await scene.has_order("fulfilled")
    assert kinds(order).count("order_placed") == kinds(order).count("order_accepted") == 1


async def test_a_killed_store_comes_back_with_all_that_it_had_acknowledged(scene: Scene) -> None:
    carla = await scene.customer_with_a_cart()
    await asyncio.to_thread(scene.system.kill_store)
    await carla.tap("Place order")
    await scene.staff.sees("NEW ORDER")
    await asyncio.to_thread(scene.system.kill_store)
    for label in ("Accept", "10 min"):
        await scene.staff.tap(label)
    await carla.sees("accepted your order")
    order = await scene.has_order("accepted")
    assert kinds(order).count("order_placed") == kinds(order).count("order_accepted") == 1


async def test_a_killed_supervisor_leaves_nothing_behind_that_disturbs_the_next(scene: Scene) -> None:
    carla = await scene.order()
    await scene.staff.sees("NEW ORDER")
    await asyncio.to_thread(scene.system.kill_all)
    scene.system.start()
    for label in ("Accept", "10 min"):
        await scene.staff.tap(label)
    await carla.sees("accepted your order")
    await scene.has_order("accepted")


async def test_a_stop_and_a_start_keep_orders_and_carts(scene: Scene) -> None:
    carla = await scene.order()
    await scene.staff.sees("NEW ORDER")
    dino = await scene.telegram.person("Dino", bot=CUSTOMER_TOKEN)
    await dino.send(f"/start {scene.slug}")
    for label in ("Pizza", "Diavola", "Add to cart"):
        await dino.tap(label)
    assert await asyncio.to_thread(scene.system.stop) == 0
    stopped = await asyncio.to_thread(scene.system.comanda, "orders")
    assert stopped[-1]["restaurant"] == scene.slug
    scene.system.start()
    for label in ("Accept", "10 min"):
        await scene.staff.tap(label)
    await carla.sees("accepted your order")
    for label in ("Cart", "Place order"):
        await dino.tap(label)
    await scene.staff.sees("Diavola")


async def test_the_token_of_no_bot_is_in_the_log(system: System) -> None:
    log = system.log()
    assert "customer-token" not in log
    assert "restaurant-token" not in log
    assert "Traceback" not in log
