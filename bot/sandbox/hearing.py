"""What people send, and which bots hear it."""

from __future__ import annotations

from typing import Any

from bot.sandbox.bots import Bot
from bot.sandbox.entities import Entity, units
from bot.sandbox.fields import Json
from bot.sandbox.rooms import Room
from bot.sandbox.state import World
from bot.sandbox.texts import CAPTION_LIMIT, typed
from bot.sandbox.verbs import ControlError


def write(world: World, room: Room, person: Json, text: str, reply: Json | None = None) -> Json:
    """A person's text. Raises `ControlError` for one that shows nothing."""
    text, entities = written(text)
    return say(world, room, person, reply, text=text, entities=entities)


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


def say(world: World, room: Room, person: Json, reply: Json | None = None, **content: Any) -> Json:
    """A person's message, told to the bots that may hear it."""
    message = world.post(room, person, reply, **content)
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
    """Tell the bots of a message: in a group only what is meant for them (their privacy mode, on by default)."""
    kind = "edited_message" if edited else "message"
    for bot in world.bots_in(room):
        if room.kind == "private" or _is_for(bot, message):
            world.update(bot, **{kind: dict(message)})


def _is_for(bot: Bot, message: Json) -> bool:
    text, name = message.get("text") or message.get("caption") or "", bot.user["username"]
    command = text.startswith("/") and text.split()[0].partition("@")[2].lower() in ("", name.lower())
    answered = message.get("reply_to_message", {}).get("from", {}).get("id") == bot.id
    sent_by_it = message.get("via_bot", {}).get("id") == bot.id
    return command or answered or sent_by_it or f"@{name}".lower() in text.lower()
