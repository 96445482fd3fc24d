"""Service messages: what happens to a chat, said in the chat itself."""

from __future__ import annotations

from collections.abc import Iterable

from bot.sandbox.bots import Bot
from bot.sandbox.fields import Json
from bot.sandbox.rooms import Room
from bot.sandbox.state import World

# The fields by which a message is one: it can't be forwarded or copied.
KINDS = frozenset(
    {
        *("new_chat_members", "left_chat_member", "pinned_message", "migrate_to_chat_id", "migrate_from_chat_id"),
        *("successful_payment", "web_app_data", "users_shared", "chat_shared"),
        *("new_chat_title", "new_chat_photo", "delete_chat_photo"),
        *("forum_topic_created", "forum_topic_edited", "forum_topic_closed", "forum_topic_reopened"),
        *("general_forum_topic_hidden", "general_forum_topic_unhidden"),
    }
)


def announce(world: World, room: Room, by: Json, service: Json, thread: int = 0) -> Json:
    """Say in a chat what somebody has done to it. Every bot there hears it, and the one that has done it, too."""
    message = world.post(room, by, thread=thread, **service)
    deliver(world, room, message, world.bots_in(room))
    return message


def deliver(world: World, room: Room, message: Json, bots: Iterable[Bot], edited: bool = False) -> None:
    """Put a message, which in a channel is a post, into the queues of bots."""
    kind = "channel_post" if room.kind == "channel" else "message"
    for bot in bots:
        world.update(bot, **{f"edited_{kind}" if edited else kind: dict(message)})
