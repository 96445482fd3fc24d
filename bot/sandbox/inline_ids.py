"""How messages that were sent via a bot are named to it: it may be in none of their chats."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error

from bot.sandbox.fields import Json
from bot.sandbox.rooms import Room
from bot.sandbox.state import World


def id_of(room: Room, message: Json) -> str:
    """The `inline_message_id` of a message."""
    return urlsafe_b64encode(f"{room.key}|{message['message_id']}".encode()).decode()


def found(world: World, inline_message_id: str, bot: int) -> tuple[Room, Json] | None:
    """The message of that id and where it is, if it was sent via that bot."""
    try:
        key, _, number = urlsafe_b64decode(inline_message_id.encode()).decode().partition("|")
        message = world.rooms[key].messages[int(number)]
    except (Error, KeyError, ValueError):
        return None
    return (world.rooms[key], message) if message.get("via_bot", {}).get("id") == bot else None
