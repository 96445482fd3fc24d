"""The people: customers who order and staff who answer, and who tap again when nothing happens."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.chaos.feed import Chat, Feed, payloads
from tests.e2e.system import CUSTOMER_TOKEN, RESTAURANT_TOKEN
from tests.people import Person, Telegram

AGAIN = 6.0  # seconds until somebody taps again because nothing has happened
HUNGRY = 90.0  # seconds until a customer begins anew
WAITS = 60.0  # seconds that a customer waits for the next news before ordering elsewhere
NO_SHOW = 25.0  # seconds that staff keep a dish for somebody who does not come

# What customers tap first when they can, by the verbs of flows/callbacks.py.
WISHES = ("1pl:", "1sc:", "1ad:", "1it:", "1ca:")

Message = dict[str, Any]
NUMBER = re.compile(r"#(\d+) ·")
OVER = ("PICKED UP", "DECLINED", "CANCELLED", "MISSED", "NOT COLLECTED")


@dataclass
class Counter:
    """Where customers pick up, across all restaurants: the orders that somebody has come for."""

    orders: set[str] = field(default_factory=set)


class Actor:
    """Somebody with a phone."""

    def __init__(self, feed: Feed, person: Person, random: Random) -> None:
        self.feed = feed
        self.person = person
        self.random = random

    @property
    def chat(self) -> Chat:
        return self.feed.chat(self.person.room)

    async def pause(self, least: float, most: float) -> None:
        await asyncio.sleep(self.random.uniform(least, most))

    async def tap(self, message: Message, data: str) -> None:
        """Tap once. The message may have changed under the finger: that does nothing."""
        place = self.person.place
        verb = {"user": self.person.id, "message_id": message["message_id"], "button": data, **place}
        try:
            await self.person.telegram.act("tap", **verb)
        except AssertionError as refused:  # the sandbox's word for what can't be tapped any more
            if "no button" not in str(refused) and "no such message" not in str(refused):
                raise


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


class Kitchen:
    """The staff of one restaurant, one or two of them with the same chat."""

    def __init__(self, feed: Feed, slug: str, people: list[Person], seed: int, counter: Counter) -> None:
        self.slug = slug
        self.feed = feed
        self._seed = seed
        self._staff = [Actor(feed, person, Random(f"{seed}-{slug}-{index}")) for index, person in enumerate(people)]
        self._counter = counter
        self._tickets: dict[str, asyncio.Task[None]] = {}

    @property
    def room(self) -> str:
        return self._staff[0].person.room

    @property
    def _chat(self) -> Chat:
        return self.feed.chat(self.room)

    async def live(self) -> None:
        """Look after every ticket until cancelled."""
        async with asyncio.TaskGroup() as hands:
            while True:
                for order in self._orders() - self._tickets.keys():
                    self._tickets[order] = hands.create_task(self._serve(order))
                await self.feed.until(lambda: self._orders() - self._tickets.keys(), 5.0)

    def _orders(self) -> set[str]:
        texts = [message for message in self._chat.messages.values() if NUMBER.match(message.get("text", ""))]
        return {data.split(":")[1] for message in texts for data in payloads(message) if data.startswith("1aa:")}

    def open_tickets(self) -> int:
        return sum(not task.done() for task in self._tickets.values())

    async def _serve(self, order: str) -> None:
        """Take one order through to its end, in one of the ways that orders go."""
        ticket = self._ticket(order, None)
        number = NUMBER.match(ticket["text"]) if ticket else None
        if ticket is None or number is None:
            return
        random = Random(f"{self._seed}-{self.slug}-{number[1]}")
        fate = random.choices(("cook", "decline", "ignore", "kitchen problem"), (84, 7, 4, 5))[0]
        loop, kept_since = asyncio.get_running_loop(), None
        await asyncio.sleep(random.uniform(0.3, 3.0))
        while (ticket := self._ticket(order, number[1])) is not None and not any(end in ticket["text"] for end in OVER):
            ready = "READY" in ticket["text"].split("\n")[0]
            if ready and kept_since is None:
                kept_since = loop.time()
            if ready and not await self.feed.until(lambda: order in self._counter.orders, 1.0):
                if kept_since is not None and loop.time() - kept_since < NO_SHOW:
                    continue
                wishes: tuple[str, ...] = ("1nx:", "1nc:")
            else:
                wishes = _wishes(fate, ready)
            await self._tap_one_of(ticket, wishes, random)

    async def _tap_one_of(self, ticket: Message, wishes: tuple[str, ...], random: Random) -> None:
        """Tap the first of the wishes that the ticket offers, or go back from a question nobody has asked."""
        offered = payloads(ticket)
        data = [one for wish in (*wishes, "1ti:") for one in offered if one.startswith(wish)]
        number = ticket["message_id"]
        if data and wishes:
            chosen = [one for one in data if one[:4] == data[0][:4]]
            await asyncio.gather(*(one.tap(ticket, random.choice(chosen)) for one in self._fingers(random)))
        await self.feed.until(lambda: self._chat.messages.get(number) is not ticket, AGAIN)
        await asyncio.sleep(random.uniform(0.2, 1.5))

    def _fingers(self, random: Random) -> list[Actor]:
        """Who taps: mostly one of them, sometimes all at once, sometimes one twice."""
        how = random.random()
        someone = random.choice(self._staff)
        if how < 0.25 and len(self._staff) > 1:
            return self._staff
        return [someone, someone] if how < 0.35 else [someone]

    def _ticket(self, order: str, number: str | None) -> Message | None:
        """The newest message that shows the order."""

        def shows(message: Message) -> bool:
            found = NUMBER.match(message.get("text", ""))
            mine = any(data.split(":")[1] == order for data in payloads(message) if ":" in data)
            return found is not None and (mine or found[1] == number)

        return self._chat.newest(shows)


def _wishes(fate: str, ready: bool) -> tuple[str, ...]:
    match fate:
        case "decline":
            return ("1dx:", "1de:")
        case "ignore":
            return ()
        case "kitchen problem":
            return ("1cx:", "1ct:", "1ax:", "1aa:")
        case _:
            return ("1px:", "1pu:") if ready else ("1ax:", "1aa:", "1re:")


async def staff_of(telegram: Telegram, title: str, start: str, together: bool) -> list[Person]:
    """The people of a staff chat: one in private, or two in a group. They follow the invite."""
    if not together:
        person = await telegram.person(title, bot=RESTAURANT_TOKEN)
        await person.send(start)
        return [person]
    people = await telegram.group(title, f"{title} A", f"{title} B")
    bot = await telegram.act("bot", token=RESTAURANT_TOKEN)
    command, _, payload = start.partition(" ")
    await telegram.act("add_bot", chat=people[0].place["chat"], bot=RESTAURANT_TOKEN, by=people[0].id)
    await people[0].send(f"{command}@{bot['username']} {payload}")
    return people
