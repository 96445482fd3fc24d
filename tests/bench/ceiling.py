"""Telegram's ceiling: a backlog for both bots, three workers, and people who still want their answers."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bot.sandbox.limits import Limits
from flows import keys
from flows.commands import AcceptOrder
from flows.events import Person as Customer
from flows.menu import Service
from flows.store import texts
from tests.bench.errors import BrokenRun
from tests.bench.report import Row, Section
from tests.bench.rounds import Figure, figure, percentile
from tests.bench.size import Size
from tests.bench.stage import CUSTOMER, RESTAURANT, Entry, Stage, following, stage
from tests.customers import trattoria
from tests.orders import ANNA, NONNA, place
from tests.people import Person

WORKERS = 3
STAFF_CHATS = 100  # so that no chat's own limit is what holds the restaurant bot up
ASKING, EVERY = 20, 0.5  # people with questions, and seconds between two of them
DRAINED_WITHIN = 600.0  # seconds
SHARE, P99 = 0.95, 1.5  # the aims: of the permitted rate, and seconds


@dataclass
class Wire:
    """What was sent: the times of the messages by bot, refusals, and the seconds that answers took."""

    sent: dict[int, list[float]] = field(default_factory=dict)
    refused: int = 0
    asked: dict[str, float] = field(default_factory=dict)
    answers: list[float] = field(default_factory=list)

    def hear(self, entry: Entry) -> None:
        """One request or verb."""
        if entry.get("control") == "send" and str(entry["params"]["text"]) == "/help":
            self.asked.setdefault(str(entry["params"]["user"]), entry["at"])
        elif entry.get("method") == "sendMessage":
            self.refused += entry["status"] == 429
            if entry["status"] == 200:
                self.sent.setdefault(entry["bot"], []).append(entry["at"])
                asked = self.asked.pop(str(entry["params"]["chat_id"]), None)
                if asked is not None:
                    self.answers.append(entry["at"] - asked)


async def measure(size: Size, folder: Path, say: Callable[[str], None]) -> Section:
    """Fill the queue, let three workers drain it, and ask questions meanwhile. Raises `BrokenRun`."""
    wire = Wire()
    async with stage(folder / "ceiling", limits=True) as stand:
        guests = [await stand.person(f"Guest {number}", CUSTOMER) for number in range(ASKING)]
        orders = await _backlog(stand, size.backlog)
        await stand.forget_updates()
        await stand.bots(opened=False)
        say(f"ceiling: {size.backlog} notifications of {orders} orders")
        async with following(stand.telegram, wire.hear):
            asking = asyncio.create_task(_ask(guests, wire))
            await stand.workers(WORKERS, opened=False)
            await _drained(stand)
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking
    messages = sum(map(len, wire.sent.values()))
    if messages < size.backlog:
        raise BrokenRun(f"ceiling: {messages} messages were sent of {size.backlog}")
    if not wire.answers:
        raise BrokenRun("ceiling: nobody got an answer")
    return section(wire)


async def _backlog(stand: Stage, messages: int) -> int:
    """Orders that each owe their restaurant a ticket; half are accepted, and owe their customer two messages."""
    number = messages // 4
    staff = [await stand.person(f"Anna {one}", RESTAURANT) for one in range(STAFF_CHATS)]
    customers = [await stand.person(f"Carla {one}", CUSTOMER) for one in range(number)]
    await asyncio.to_thread(_place, stand, [one.id for one in staff], [one.id for one in customers])
    return 2 * number


def _place(stand: Stage, staff: list[int], customers: list[int]) -> None:
    ledger = stand.ledger
    for number, chat in enumerate(staff):
        ledger.save_restaurant(trattoria(f"r{number}"))
        ledger.set_service(f"r{number}", lambda _, chat=chat: Service(staff_chat=chat))  # type: ignore[misc]
    for number, customer in enumerate(itertools.chain(customers, customers)):
        order_id = f"{number:012}"
        card = NONNA.model_copy(update={"slug": f"r{number % len(staff)}"})
        command = place(order_id, customer=Customer(id=customer, name="Carla"), restaurant=card, seconds=3600)
        ledger.execute(order_id, command, "people-place")
        if number < len(customers):
            ledger.execute(order_id, AcceptOrder(ANNA, 20), "people-accept")


async def _ask(guests: list[Person], wire: Wire) -> None:
    """One question after the other; who still waits for an answer asks nothing more."""
    for guest in itertools.cycle(guests):
        if str(guest.id) not in wire.asked:
            await guest.send("/help")
        await asyncio.sleep(EVERY)


async def _drained(stand: Stage) -> None:
    def owed() -> bool:
        return any(member.startswith("notify:") for member in texts(stand.redis.zrange(keys.DUE, 0, -1)))

    async with asyncio.timeout(DRAINED_WITHIN):
        while await asyncio.to_thread(owed):  # noqa: ASYNC110 - the store has no event to wait for
            await asyncio.sleep(0.2)


def section(wire: Wire) -> Section:
    """One row for each bot, and how the aims stand."""
    rows, shares = [], []
    for bot, times in sorted(wire.sent.items()):
        rate = (len(times) - 1) / (max(times) - min(times))
        shares.append(rate / Limits().bot)
        name = "customer bot" if bot == int(CUSTOMER.partition(":")[0]) else "restaurant bot"
        cells: dict[str, Figure | str] = {"messages": str(len(times)), "messages/s": figure([rate])}
        rows.append(Row(name, cells | {"of permitted": figure([shares[-1]])}))
    p50, p99 = percentile(wire.answers, 0.5), percentile(wire.answers, 0.99)
    rows.append(
        Row(
            "answers to people",
            {"messages": str(len(wire.answers)), "p50 s": figure([p50]), "p99 s": figure([p99])},
            {"seconds": wire.answers},
        )
    )
    aims = [
        f"{min(shares):.1%} of the permitted rate (aim {SHARE:.0%}), {wire.refused} refused with 429 (aim 0)",
        f"an answer takes {p99:.2f} s at p99 meanwhile (aim under {P99:g} s)",
    ]
    return Section("ceiling", "Telegram's ceiling: a backlog of both bots, three workers", rows, aims)
