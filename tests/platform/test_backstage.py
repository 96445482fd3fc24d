"""What the demo's page learns of the work behind the bots, and the trouble that people can make from it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import a_free_port
from tests.people import Person, Telegram
from tests.platform.test_demo import anna, demo
from workers.cli.seats import CUSTOMER, CUSTOMER_TOKEN

MAIN_LINE = ["order_placed", "restaurant_notified", "order_accepted", "user_notified", "order_fulfilled"]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = a_free_port()
    with demo(tmp_path_factory.mktemp("demo"), port) as one:
        one.until_it_says("Comanda is ready")
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
async def telegram(url: str) -> AsyncIterator[Telegram]:
    client = Telegram(url)
    yield client
    await client.close()


async def told(telegram: Telegram, title: str, after: int) -> list[dict[str, Any]]:
    """The notes after that one, once one of them has that title."""
    async with asyncio.timeout(60):
        while True:
            notes: list[dict[str, Any]] = await telegram.look("notes", after=after)
            if any(note["title"] == title for note in notes):
                return notes
            await telegram.look("notes", after=after + len(notes), wait=5)


async def order(telegram: Telegram) -> Person:
    carla = Person(telegram, CUSTOMER, f"1:{CUSTOMER}", {"bot": CUSTOMER_TOKEN})
    await carla.asks("/start nonna")
    for label in ("Pizza", "Margherita", "Add to cart", "Cart", "Place order"):
        await carla.tap(label)
    return carla


async def serve(staff: Person, *labels: str) -> None:
    for label in labels:
        await staff.tap(label)


async def last_note(telegram: Telegram) -> int:
    notes = await telegram.look("notes")
    return int(notes[-1]["seq"]) if notes else 0


@pytest.mark.timeout(300)
async def test_an_order_is_told_event_by_event_in_one_thread(telegram: Telegram) -> None:
    before = await last_note(telegram)
    await order(telegram)
    staff = await anna(telegram)
    await serve(staff, "Accept", "20 min")
    await told(telegram, "user_notified", before)
    await serve(staff, "Picked up", "Yes, picked up")
    notes = await told(telegram, "order_fulfilled", before)
    placed = next(note for note in notes if note["title"] == "order_placed")
    ours = [note for note in notes if note["thread"] == placed["thread"]]
    assert [note["title"] for note in ours if note["title"] in MAIN_LINE][: len(MAIN_LINE)] == MAIN_LINE
    assert placed["thread"].startswith("Order #")
    assert placed["thread"].endswith("Trattoria da Nonna")
    assert placed["details"]["lines"][0]["item_id"]

    async def in_work() -> int:
        return sum((await telegram.look("gauges"))["values"].values())

    await telegram.changing(in_work, lambda number: number == 0, "the gauges do not go back to 0")


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("ask", "done", "back"),
    [
        ("kill_worker", "worker killed", "worker is back"),
        ("kill_store", "store killed", "store is back"),
        ("restart", "everything restarted", "restaurant-bot listens again"),
    ],
)
async def test_an_order_gets_through_whatever_is_killed_from_the_page(
    telegram: Telegram, ask: str, done: str, back: str
) -> None:
    before = await last_note(telegram)
    await order(telegram)
    await telegram.act("ask", name=ask)
    await told(telegram, done, before)
    await serve(await anna(telegram), "Accept", "10 min")
    await told(telegram, "user_notified", before)
    await serve(await anna(telegram), "Picked up", "Yes, picked up")
    await told(telegram, "order_fulfilled", before)
    await told(telegram, back, before)


@pytest.mark.timeout(300)
async def test_what_telegram_puts_off_is_shown_as_waiting(telegram: Telegram) -> None:
    async def waiting() -> int:
        return int((await telegram.look("gauges"))["values"]["waiting"])

    await telegram.act("fault", kind="429", method="sendMessage", chat=(await anna(telegram)).place["chat"], times=None)
    await order(telegram)
    await telegram.changing(waiting, lambda number: number == 1, "no delivery waits")
    await telegram.delete("faults")
    await (await anna(telegram)).sees("NEW ORDER")
    await telegram.changing(waiting, lambda number: number == 0, "a delivery waits for ever")
    await serve(await anna(telegram), "Accept", "10 min", "Picked up", "Yes, picked up")  # no ticket for other tests


@pytest.mark.timeout(300)
async def test_another_restaurant_takes_orders_as_soon_as_it_is_open(telegram: Telegram) -> None:
    before = await last_note(telegram)
    await telegram.act("ask", name="open_restaurant")
    await told(telegram, "Trattoria da Nonna 2 opened", before)
    await told_in_chat(telegram, "Trattoria da Nonna 2", "staff chat")
    carla = Person(telegram, CUSTOMER, f"1:{CUSTOMER}", {"bot": CUSTOMER_TOKEN})
    await carla.asks("/start")
    await carla.tap("🟢 Trattoria da Nonna 2")
    await carla.tap("Pizza")


@pytest.mark.timeout(400)  # two whole starts
async def test_another_restaurant_has_its_staff_again_after_a_restart(tmp_path: Path, free_port: int) -> None:
    telegram = Telegram(f"http://127.0.0.1:{free_port}")
    with demo(tmp_path, free_port) as first:
        first.until_it_says("Comanda is ready")
        await telegram.changing(lambda: telegram.look("offers"), lambda found: found["actions"], "nothing is offered")
        await telegram.act("ask", name="open_restaurant")
        await told_in_chat(telegram, "Trattoria da Nonna 2", "staff chat")

    with demo(tmp_path, free_port) as second:
        second.until_it_says("Comanda is ready", times=2)
        await told_in_chat(telegram, "Trattoria da Nonna 2", "staff chat")
    await telegram.close()


async def told_in_chat(telegram: Telegram, title: str, words: str) -> None:
    """Wait until the newest message in the group of that title says so."""

    async def newest() -> str:
        rooms = await telegram.look("chats")
        last = next((room["last"] for room in rooms if room["chat"].get("title") == title), None)
        return str((last or {}).get("text", ""))

    await telegram.changing(newest, lambda said: words in said, f"nobody says {words!r} in {title!r}")


@pytest.mark.timeout(300)
async def test_a_bot_that_is_switched_off_finds_what_was_tapped_when_it_is_on_again(telegram: Telegram) -> None:
    before = await last_note(telegram)
    await order(telegram)
    staff = await anna(telegram)
    await staff.sees("NEW ORDER")
    await telegram.act("ask", name="restaurant_bot")
    await told(telegram, "restaurant-bot switched off", before)
    offers = {action["name"]: action["on"] for action in (await telegram.look("offers"))["actions"]}
    assert offers["restaurant_bot"] is True
    taps = asyncio.create_task(serve(staff, "Accept", "10 min"))
    await telegram.act("ask", name="restaurant_bot")
    await told(telegram, "restaurant-bot listens again", before)
    await taps
    await told(telegram, "order_accepted", before)
