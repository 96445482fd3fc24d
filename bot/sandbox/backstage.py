"""What goes on behind the bots, told by the product that is tried here: notes, gauges, and what can be asked of it.

The sandbox knows nothing of the product. It keeps what it is told for the page to show, and passes on what people ask.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from bot.sandbox.fields import Json
from bot.sandbox.journal import Journal
from bot.sandbox.state import World
from bot.sandbox.verbs import ControlError, Verb, Verbs


class Note(Verb):
    """Something happened, as one event of an order; notes of one `thread` belong together.

    `at` is in seconds since 1970; `details` is shown on request.
    """

    thread: str = Field(max_length=200)
    title: str = Field(min_length=1, max_length=200)
    at: float
    details: dict[str, Any] = Field(default={})
    link: str | None = Field(default=None, max_length=2000, pattern=r"^https?://")


class Gauges(Verb):
    """How much there is of what, now: `{"queued": 3}`. Replaces what was told before."""

    values: dict[str, int] = Field(max_length=20)


class Action(Verb):
    """Something that people can ask of the product; a `toggle` is `on` or off."""

    name: str = Field(pattern=r"^[a-z_]{1,40}$")
    label: str = Field(min_length=1, max_length=60)
    about: str = Field(default="", max_length=200)
    toggle: bool = False
    on: bool = False


class Offer(Verb):
    """What people can ask of the product. Replaces what was offered before."""

    actions: list[Action] = Field(max_length=20)


class Ask(Verb):
    """A person asks for an action by its name. The product sees it among the changes."""

    name: str


class Backstage:
    """What the product has told."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.notes = Journal(world.now)
        self.gauges: dict[str, int] = {}
        self.actions: list[Json] = []
        self.verbs: Verbs = {
            "note": (Note, self._note),
            "gauges": (Gauges, self._gauges),
            "offer": (Offer, self._offer),
            "ask": (Ask, self._ask),
        }

    def _note(self, verb: Note) -> Json:
        note = self.notes.add(**verb.model_dump())
        self._world.changed("note", note=note)
        return note

    def _gauges(self, verb: Gauges) -> Json:
        self.gauges = verb.values
        self._world.changed("gauges", values=self.gauges)
        return {"values": self.gauges}

    def _offer(self, verb: Offer) -> Json:
        self.actions = [action.model_dump() for action in verb.actions]
        self._world.changed("offers", actions=self.actions)
        return {"actions": self.actions}

    def _ask(self, verb: Ask) -> Json:
        if verb.name not in (action["name"] for action in self.actions):
            raise ControlError(f"{verb.name!r} is not on offer")
        self._world.changed("ask", name=verb.name)
        return {"asked": verb.name}
