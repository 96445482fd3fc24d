"""The customers: they browse, order, cancel, tap twice, never come, or block the bot."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from random import Random

from tests.chaos.actor import AGAIN, Actor, Counter, Message
from tests.chaos.feed import Feed, payloads
from tests.e2e.system import CUSTOMER_TOKEN
from tests.people import Person

HUNGRY = 90.0  # seconds until a customer begins anew
WAITS = 20.0  # seconds that a customer waits for news before ordering once more

# What customers tap first when they can, by the verbs of flows/callbacks.py.
WISHES = ("1pl:", "1sc:", "1ad:", "1it:", "1ca:")
NUMBER = re.compile(r"#(\d+) ·")


class Customer(Actor):
    """Orders again and again, until told to stop or gone for good."""

    def __init__(self, feed: Feed, person: Person, random: Random, slugs: list[str], counter: Counter) -> None:
        super().__init__(feed, person, random)
        self._slugs = slugs
        self._counter = counter

    async def live(self, closing: asyncio.Event) -> bool:
        """Order until `closing`. Returns whether this customer may be asked again, having not blocked the bot."""
        while not closing.is_set():
            await self.pause(0.2, 3.0)
            order = await self._order(self.random.choice(self._slugs), closing)
            if order and not await self._await(order):
                return False
        return True

    async def _order(self, slug: str, closing: asyncio.Event) -> str | None:
        """Browse, fill the cart and place the order. Returns its id, None when that led nowhere."""
        await self.person.send(f"/start {slug}")
        began, carts = asyncio.get_running_loop().time(), set[str]()
        while asyncio.get_running_loop().time() < began + HUNGRY and not closing.is_set():
            if placed := next((cart for cart in carts if cart in self.feed.received), None):
                return placed
            message = self.chat.newest(lambda one: any(_wish(one, slug)))
            if message is None:
                await self.feed.until(lambda: self.chat.newest(lambda one: any(_wish(one, slug))), AGAIN)
                if self.chat.newest(lambda one: any(_wish(one, slug))) is None:
                    await self.person.send(f"/start {slug}")
                continue
            await self._tap_wish(message, slug, carts)
        return next((cart for cart in carts if cart in self.feed.received), None)

    async def _tap_wish(self, message: Message, slug: str, carts: set[str]) -> None:
        await self.pause(0.1, 0.6)
        data = self.random.choice(next(found for wish in WISHES if (found := _with(message, wish, slug))))
        twice = False
        if data.startswith("1pl:"):
            carts.add(data.split(":")[1])
            twice = self.random.random() < 0.2
        await asyncio.gather(*(self.tap(message, data) for _ in range(1 + twice)))
        number = message["message_id"]
        await self.feed.until(lambda: self.chat.messages.get(number) is not message, AGAIN)

    async def _await(self, order: str) -> bool:
        """See the order through. Returns False for somebody who blocks the bot."""
        fate = self.random.random()
        if fate < 0.02:
            await self.pause(0.0, 4.0)
            await self.person.telegram.act("block", user=self.person.id, bot=CUSTOMER_TOKEN)
            return False
        if fate < 0.09:
            await self._cancel(order)
            return True
        if fate < 0.14:  # never comes for it
            return True
        status = self.chat.newest(lambda one: any(order in data for data in payloads(one)))
        number = NUMBER.search(status["text"]) if status else None
        if number is not None:
            sign = f"order #{number[1]} "
            ready = await self.feed.until(lambda: self._hears(sign, "is ready", "expired", "can't take"), WAITS)
            if ready:
                await self.pause(0.2, 2.0)
        self._counter.orders.add(order)
        return True

    def _hears(self, sign: str, *news: str) -> bool:
        return any(self.chat.says(sign, one) for one in news)

    async def _cancel(self, order: str) -> None:
        """Ask to cancel and confirm, as long as the buttons are there."""
        for _ in range(20):
            message = self.chat.newest(lambda one: any(order in data for data in payloads(one)))
            verbs = payloads(message) if message else []
            data = next((one for verb in ("1cm:", "1ac:") for one in verbs if one == verb + order), None)
            if message is None or data is None:
                return
            await self.pause(0.1, 0.5)
            await self.tap(message, data)
            number, before = message["message_id"], message
            await self.feed.until(lambda: self.chat.messages.get(number) is not before, AGAIN)  # noqa: B023


def _with(message: Message, verb: str, slug: str) -> list[str]:
    """The payloads of a verb; those that name a restaurant have to name this one."""
    found = [data for data in payloads(message) if data.startswith(verb)]
    return found if verb == "1pl:" else [data for data in found if data.split(":")[1] == slug]


def _wish(message: Message, slug: str) -> Iterable[bool]:
    return (bool(_with(message, verb, slug)) for verb in WISHES)
