"""Forums: groups whose messages stand in topics. The general topic is always there, and its messages name none."""

from __future__ import annotations

from random import Random

from bot.sandbox import rights
from bot.sandbox.fields import Json
from bot.sandbox.rooms import GENERAL_TOPIC, Room, Topic
from bot.sandbox.services import announce
from bot.sandbox.state import World

COLOURS = (0x6FB9F0, 0xFFD67E, 0xCB86DB, 0x8EEE98, 0xFF93B2, 0xFB6F5F)  # Bot API, createForumTopic
NAME_LIMIT = 128  # characters; Bot API, createForumTopic

_random = Random()  # noqa: S311 - picks colours, keeps no secret


def make_forum(world: World, room: Room) -> None:
    """Let a group have topics, at first the general one with all that was said so far."""
    room.topics.setdefault(GENERAL_TOPIC, Topic("General", COLOURS[0], creator=room.owner or 0))
    world.changed("room", room=room)


def unmake_forum(world: World, room: Room) -> None:
    """Let a group be without topics. Its messages stay."""
    room.topics.clear()
    world.changed("room", room=room)


def open_topic(world: World, room: Room, by: Json, name: str, *, colour: int | None = None, icon: str = "") -> Json:
    """A new topic. Returns its first message, which says so and whose number is the topic's."""
    number = room.next_message
    topic = Topic(name, _random.choice(COLOURS) if colour is None else colour, icon, creator=by["id"])
    room.topics[number] = topic
    return announce(world, room, by, {"forum_topic_created": shown(topic)}, number)


def shown(topic: Topic) -> Json:
    """What people see of a topic."""
    icon = {"icon_custom_emoji_id": topic.icon_custom_emoji_id} if topic.icon_custom_emoji_id else {}
    return {"name": topic.name, "icon_color": topic.icon_color} | icon


def edit_topic(world: World, room: Room, by: Json, number: int, *, name: str = "", icon: str | None = None) -> None:
    """Give a topic another name or icon; "" takes the icon away."""
    topic, changed = room.topics[number], {}
    if name:
        topic.name = changed["name"] = name
    if icon is not None:
        topic.icon_custom_emoji_id = changed["icon_custom_emoji_id"] = icon
    announce(world, room, by, {"forum_topic_edited": changed}, number)


def close_topic(world: World, room: Room, by: Json, number: int, closed: bool = True) -> None:
    """Close a topic, in which then only administrators and its maker can write, or open it again."""
    room.topics[number].closed = closed
    announce(world, room, by, {"forum_topic_closed" if closed else "forum_topic_reopened": {}}, number)


def hide_general(world: World, room: Room, by: Json, hidden: bool = True) -> None:
    """Hide the general topic, which closes it, or show it again."""
    topic = room.topics[GENERAL_TOPIC]
    topic.hidden = hidden
    topic.closed = hidden or topic.closed
    announce(world, room, by, {"general_forum_topic_hidden" if hidden else "general_forum_topic_unhidden": {}})


def delete_topic(world: World, room: Room, number: int) -> None:
    """Delete a topic with its messages."""
    del room.topics[number]
    for message in [message for message in room.messages.values() if thread_of(message) == number]:
        world.delete(room, message["message_id"])
    world.changed("room", room=room)


def thread_of(message: Json) -> int:
    """The topic of a message in a forum."""
    return int(message.get("message_thread_id", GENERAL_TOPIC))


def is_closed_to(room: Room, number: int, member: int) -> bool:
    """Whether somebody can't write in a topic because it is closed."""
    topic = room.topics[number]
    return topic.closed and topic.creator != member and not edits_topics(room, member)


def edits_topics(room: Room, member: int) -> bool:
    """Whether somebody may change the topics of others."""
    return rights.is_administrator(room, member) and rights.may(room, member, "can_manage_topics")
