"""A local Telegram with Carla and the staff of Nonna in it, and what a worker process consists of."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from bot.sandbox.server import Sandbox
from flows.commands import AnyCommand
from flows.events import Person as Customer
from flows.ledger import Ledger
from flows.menu import Service
from flows.order import Order
from flows.store import Together
from tests.orders import place
from tests.people import Person, Telegram
from workers.delivery import Courier
from workers.telegram import Sender

CUSTOMER_TOKEN, RESTAURANT_TOKEN = "7001:customer-token", "7002:restaurant-token"
ORDER = "0rder0000001"


@dataclass
class Stage:
    """Everything a delivery needs, and the people who should hear of it."""

    ledger: Ledger
    sender: Sender
    courier: Courier
    sandbox: Sandbox
    telegram: Telegram
    carla: Person
    anna: Person
    later: timedelta = timedelta()  # how far the ledger's clock is ahead

    def order(self, *commands: AnyCommand) -> Order:
        """Place Carla's order, and then these commands on it."""
        order = self.ledger.execute(ORDER, place(ORDER, customer=Customer(id=self.carla.id, name="Carla")), "test-0")
        for number, command in enumerate(commands, 1):
            order = self.ledger.execute(ORDER, command, f"test-{number}")
        return order

    async def tickets(self) -> list[str]:
        """What the tickets that Anna sees say of Carla's order, in a word."""
        texts = [message.get("text", "") for message in await self.anna.messages()]
        return [match[1] for text in texts if (match := re.match(r"#17 · [^A-Z]*(NEW ORDER|[A-Z]+)", text))]

    def kinds(self) -> list[str]:
        return [event.kind for event in self.ledger.history(ORDER)]


@pytest.fixture
async def stage(redis: Redis, impatient: None) -> AsyncIterator[Stage]:
    ledger = Ledger(redis, lambda: datetime.now(UTC) + scene.later)
    async with Sandbox().serve() as sandbox:
        telegram = Telegram(sandbox.url)
        sender = Sender(sandbox.url, CUSTOMER_TOKEN, RESTAURANT_TOKEN, Together(redis))
        carla = await telegram.person("Carla", bot=CUSTOMER_TOKEN)
        anna = await telegram.person("Anna", bot=RESTAURANT_TOKEN)
        await carla.send("/start")
        await anna.send("/start")
        ledger.set_service("nonna", lambda _: Service(staff_chat=anna.id))
        scene = Stage(ledger, sender, Courier(ledger, Together(redis), sender), sandbox, telegram, carla, anna)
        yield scene
        await sender.close()
        await telegram.close()
