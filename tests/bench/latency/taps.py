"""Customers who tap *Place order*, and how long it takes until the ticket is on its way to the restaurant."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from typing import Any

from flows import callbacks as cb
from flows import keys
from flows.session import Cart, CartLine, CartView, Choice, Session
from tests.bench.errors import BrokenRun
from tests.bench.pipeline.place import TOKENS
from tests.bench.stage import Entry, Stage
from tests.orders import eur
from tests.people import Person

LOST = 30.0  # seconds after which a ticket counts as lost
AT_ONCE = 16  # customers who tap at the same time, to find the top load


def cart_of(payload: str) -> str:
    """The cart whose *Place order* was tapped."""
    return payload.split(":")[1]


class Taps:
    """Taps of many customers, and what the wire has shown of each: when its update left, and when its ticket came."""

    def __init__(self, stage: Stage, customers: list[Person], messages: list[int]) -> None:
        """`messages` are those with the buttons, one in the chat of each customer."""
        self._stage = stage
        self._turns = itertools.cycle(zip(customers, messages, strict=True))
        self._ids = itertools.count(random.randrange(10**9))
        self._left: dict[str, float] = {}
        self._arrived: dict[str, asyncio.Future[float]] = {}

    def hear(self, entry: Entry) -> None:
        """What goes over the wire."""
        if entry.get("method") == "getUpdates":
            for update in entry["answer"].get("result", []):
                if query := update.get("callback_query"):
                    self._left.setdefault(cart_of(query["data"]), entry["at"])
        elif entry.get("method") == "sendMessage" and entry["bot"] == int(TOKENS[1].partition(":")[0]):
            buttons = str(entry["params"].get("reply_markup"))
            for cart, arrived in self._arrived.items():
                if cart in buttons and not arrived.done():
                    arrived.set_result(entry["at"])

    async def one(self) -> float:
        """Tap once. Returns the seconds until its ticket. Raises `BrokenRun`."""
        customer, message = next(self._turns)
        cart = Cart(
            id=f"{next(self._ids):012}",
            slug="nonna",
            lines=(
                CartLine(
                    item_id="margherita",
                    name="Margherita",
                    choices=(Choice(group="Size", option="Normal"),),
                    quantity=1,
                    unit=eur(850),
                ),
            ),
        )
        session = Session(carts=(cart,), view=CartView(slug="nonna"), message_id=message)
        await asyncio.to_thread(self._stage.redis.set, keys.session(customer.id), session.model_dump_json())
        arrived = self._arrived[cart.id] = asyncio.get_running_loop().create_future()
        payload = cb.encode(cb.Place(cart=cart.id, seen=cart.fingerprint))
        await self._stage.telegram.act("tap", user=customer.id, message_id=message, data=payload, **customer.place)
        try:
            at = await asyncio.wait_for(arrived, LOST)
        except TimeoutError:
            raise BrokenRun(f"the ticket of order {cart.id} did not arrive within {LOST:.0f} s") from None
        del self._arrived[cart.id]
        lasted: float = at - self._left.pop(cart.id)
        return lasted

    async def one_by_one(self, number: int) -> list[float]:
        """Each tap when the one before is over and done with."""
        found = []
        for _ in range(number):
            found.append(await self.one())
            await asyncio.sleep(0.03)  # the bookkeeping behind the ticket
        return found

    async def top_load(self, number: int) -> float:
        """Orders a second with `AT_ONCE` customers who do nothing but tap."""
        began = time.monotonic()

        async def tap(times: int) -> None:
            for _ in range(times):
                await self.one()

        each = max(1, number // AT_ONCE)
        await asyncio.gather(*(tap(each) for _ in range(AT_ONCE)))
        return each * AT_ONCE / (time.monotonic() - began)

    async def at_rate(self, rate: float, number: int) -> list[float]:
        """Taps at random moments, so many a second."""
        chance = random.Random(1)
        tasks: list[asyncio.Task[float]] = []
        due = time.monotonic()
        for _ in range(number):
            due += chance.expovariate(rate)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            tasks.append(asyncio.create_task(self.one()))
        found: list[Any] = await asyncio.gather(*tasks)
        return found
