"""The staff: they accept, decline, cook, hand out, quarrel about a button, or do not answer at all."""

from __future__ import annotations

import asyncio
import re
from random import Random

from tests.chaos.actor import AGAIN, Actor, Counter, Message
from tests.chaos.feed import Chat, Feed, payloads
from tests.e2e.system import RESTAURANT_TOKEN
from tests.people import Person, Telegram

NO_SHOW = 25.0  # seconds that staff keep a dish for somebody who does not come

NUMBER = re.compile(r"#(\d+) ·")
OVER = ("PICKED UP", "DECLINED", "CANCELLED", "MISSED", "NOT COLLECTED")


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
            return ("1px:", "1pu:") if ready else ("1ax:", "1aa:", "1re:", "1ra:")


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
