"""What people write, and which bots hear it."""

from __future__ import annotations

from bot.sandbox.bots import Bot
from bot.sandbox.fields import Json
from bot.sandbox.rooms import Room
from bot.sandbox.state import World
from bot.sandbox.texts import typed
from bot.sandbox.verbs import ControlError


def write(world: World, room: Room, person: Json, text: str, reply: Json | None = None) -> Json:
    """A person's message. Raises `ControlError` for a text that shows nothing."""
    text, entities = typed(text)
    if not text:
        raise ControlError("there is no text to send")
    message = world.post(room, person, text=text, entities=entities or None, reply_to=reply)
    for bot in world.bots_in(room):
        # In a group a bot sees only what is meant for it (its privacy mode, on by default).
        if room.kind == "private" or _is_for(bot, message):
            world.update(bot, message=dict(message))
    return message


def _is_for(bot: Bot, message: Json) -> bool:
    text, name = message["text"], bot.user["username"]
    command = text.startswith("/") and text.split()[0].partition("@")[2].lower() in ("", name.lower())
    answered = message.get("reply_to_message", {}).get("from", {}).get("id") == bot.id
    return command or answered or f"@{name}".lower() in text.lower()
