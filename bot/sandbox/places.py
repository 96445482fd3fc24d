"""Places that people share: one that stays, one with a name, and their own while they move."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.sandbox.directory import Directory
from bot.sandbox.fields import Json
from bot.sandbox.hearing import change, say
from bot.sandbox.rooms import Room
from bot.sandbox.state import World
from bot.sandbox.verbs import Act, ControlError, Say, Verb, Verbs

FOR_EVER = 0x7FFFFFFF  # seconds, of a live place that has no end (Bot API, sendLocation)
_LIVE = {"live_period", "heading", "proximity_alert_radius"}


class _Place(Verb):
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    horizontal_accuracy: float | None = Field(default=None, ge=0, le=1500)  # metres


class _Heading(_Place):
    heading: int | None = Field(default=None, ge=1, le=360)  # degrees
    proximity_alert_radius: int | None = Field(default=None, ge=1, le=100_000)  # metres


_Period = Annotated[int, Field(ge=60, le=FOR_EVER)]


class SendLocation(_Heading, Say):
    """A person shares a place; with `live_period` (seconds, 2147483647 for ever) the own one, which may move."""

    live_period: _Period | None = None


class MoveLocation(_Heading, Act):
    """A person who shares a live place is elsewhere: the bots hear of an edited message."""

    message_id: int


class StopLocation(Act):
    """A person stops sharing a live place."""

    message_id: int


class SendVenue(_Place, Say):
    """A person shares a place with its name and address."""

    title: str = Field(min_length=1)
    address: str = Field(min_length=1)


class Places:
    """Carries out the verbs about places."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._find = Directory(world)
        self.verbs: Verbs = {
            "send_location": (SendLocation, self._send),
            "move_location": (MoveLocation, self._move),
            "stop_location": (StopLocation, self._stop),
            "send_venue": (SendVenue, self._send_venue),
        }

    def _send(self, verb: SendLocation) -> Json:
        place = self._find.saying(verb)
        location = verb.model_dump(include=_LIVE | set(_Place.model_fields), exclude_none=True)
        if verb.live_period is None:
            location = {name: value for name, value in location.items() if name not in _LIVE}
        return say(self._world, place, location=location)

    def _move(self, verb: MoveLocation) -> Json:
        room, message = self._live(verb)
        there = verb.model_dump(include=set(_Heading.model_fields), exclude_none=True)
        period = message["location"]["live_period"]
        return change(self._world, room, message, location=there | {"live_period": period})

    def _stop(self, verb: StopLocation) -> Json:
        room, message = self._live(verb)
        place = {name: value for name, value in message["location"].items() if name not in _LIVE}
        return change(self._world, room, message, location=place)

    def _send_venue(self, verb: SendVenue) -> Json:
        place = self._find.saying(verb)
        location = verb.model_dump(include=set(_Place.model_fields), exclude_none=True)
        venue = {"location": location, "title": verb.title, "address": verb.address}
        return say(self._world, place, venue=venue, location=location)

    def _live(self, verb: MoveLocation | StopLocation) -> tuple[Room, Json]:
        """The message of a live place that still moves. Raises `ControlError` for any other."""
        room, person = self._find.acting(verb)
        message = self._find.own(room, person, verb.message_id)
        period = message.get("location", {}).get("live_period")
        if period is None:
            raise ControlError("that message shares no live place, or no longer does")
        if period != FOR_EVER and self._world.now() >= message["date"] + period:
            raise ControlError("the time of that live place is over")
        return room, message
