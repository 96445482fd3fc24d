"""Somebody with a phone, who taps again when nothing happens."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.chaos.feed import Chat, Feed
from tests.people import Person

AGAIN = 6.0  # seconds until somebody taps again because nothing has happened

Message = dict[str, Any]


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
