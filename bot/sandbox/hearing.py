"""What people send, and which bots hear it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.sandbox import forum, rights
from bot.sandbox.bots import Bot
from bot.sandbox.entities import Entity, units
from bot.sandbox.fields import Json
from bot.sandbox.rooms import GENERAL_TOPIC, Room
from bot.sandbox.services import deliver
from bot.sandbox.state import World
from bot.sandbox.texts import CAPTION_LIMIT, typed
from bot.sandbox.verbs import ControlError


@dataclass(frozen=True)
class Place:
    """Where a person says something: in which chat, and there in which topic and to which message."""

    room: Room
    person: Json
    reply: Json | None = None
    topic: int = 0


def write(world: World, at: Place, text: str) -> Json:
    """A person's text. Raises `ControlError` for one that shows nothing."""
    text, entities = written(text)
    return say(world, at, text=text, entities=entities)


def written(text: str) -> tuple[str, list[Entity] | None]:
    """A text as it is sent, with its entities. Raises `ControlError` for one that shows nothing."""
    text, entities = typed(text)
    if not text:
        raise ControlError("there is no text to send")
    return text, entities or None


def captioned(caption: str | None) -> Json:
    """The fields of a message for what is written below a file. Raises `ControlError` where it is too long."""
    text, entities = typed(caption or "")
    if units(text) > CAPTION_LIMIT:
        raise ControlError(f"caption is longer than {CAPTION_LIMIT} characters")
    return {"caption": text or None, "caption_entities": entities or None}


def say(world: World, at: Place, **content: Any) -> Json:
    """A person's message, told to the bots that may hear it. Raises `ControlError` where the person may not send it."""
    room, number = at.room, at.person["id"]
    room.lapse(world.now())
    if what := rights.forbidden_content(room, number, content):
        raise ControlError(f"{at.person['first_name']} may not send {what} there")
    if room.topics and forum.is_closed_to(room, at.topic or GENERAL_TOPIC, number):
        raise ControlError("that topic is closed")
    room.started = True
    message = world.post(room, at.person, at.reply, at.topic, **content)
    tell(world, room, message)
    return message


def change(world: World, room: Room, message: Json, **content: Any) -> Json:
    """Let a person's message hold something else; None takes a field away. The bots hear of it."""
    for name, value in content.items():
        message.pop(name, None)
        if value is not None:
            message[name] = value
    world.edited(room, message)
    tell(world, room, message, edited=True)
    return message


def tell(world: World, room: Room, message: Json, edited: bool = False) -> None:
    """Tell the bots of a person's message: in a group those that it is meant for, and administrators (privacy mode)."""
    bots = list(world.bots_in(room))
    if room.kind in ("group", "supergroup"):
        meant = _meant_for(room, message, bots)
        bots = [bot for bot in bots if bot.id in meant or rights.is_administrator(room, bot.id)]
    deliver(world, room, message, bots, edited)


def tell_reaction(world: World, room: Room, number: int, change: Json) -> None:
    """Tell the bots of a person's reaction: in a group only administrators, in a channel how many there are of each."""
    about = {"chat": world.chat(room), "message_id": number, "date": int(world.now())}
    update = {"message_reaction": about | change}
    if room.kind == "channel":
        emoji = Counter(one["emoji"] for one in room.given_reactions(number) if one["type"] == "emoji")
        counts = [{"type": {"type": "emoji", "emoji": one}, "total_count": many} for one, many in emoji.items()]
        update = {"message_reaction_count": about | {"reactions": counts}}
    for bot in world.bots_in(room):
        if room.kind == "private" or rights.is_administrator(room, bot.id):
            world.update(bot, **update)


def _meant_for(room: Room, message: Json, bots: list[Bot]) -> set[int]:
    """Which of the bots a message in a group addresses (Bots FAQ, "What messages will my bot get?").

    Whatever a message answers goes before what it says itself: a bot's own, or one that was meant for a bot.
    """
    by_name = {bot.user["username"].lower(): bot.id for bot in bots}
    for one in reversed(list(_thread(room, message))):
        if meant := {one.get("from", {}).get("id")} & room.bots or _named(room, one, by_name):
            return meant
    return set()


def _thread(room: Room, message: Json) -> Iterator[Json]:
    """A message, the one that it answers, and so on."""
    answered: Json | None = message
    while answered:
        yield answered
        answered = room.messages.get(answered.get("reply_to_message", {}).get("message_id", 0))


def _named(room: Room, message: Json, by_name: dict[str, int]) -> set[int]:
    """The bots that a message itself is for: a command that names none is for the last one that has spoken there."""
    via = message.get("via_bot", {}).get("id")
    if via in by_name.values():
        return {via}
    text = str(message.get("text") or message.get("caption") or "").lower()
    if text.startswith("/"):
        _, addressed, name = text.split()[0].partition("@")
        return {by_name[name]} if name in by_name else set() if addressed else _last_to_speak(room, message)
    return {number for name, number in by_name.items() if re.search(rf"(?<!\w)@{name}(?!\w)", text)}


def _last_to_speak(room: Room, message: Json) -> set[int]:
    """The bot that wrote last in a group before a message; all of them where none had."""
    before = (one for one in reversed(room.messages.values()) if one["message_id"] < message["message_id"])
    last = next((author for one in before if (author := room.author(one)) in room.bots), None)
    return set(room.bots) if last is None else {last}
