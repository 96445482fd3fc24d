"""Who comes into a chat and who goes, and how the bots hear of it (Bot API, ChatMemberUpdated).

Telegram tells of people's comings and goings only the bots that are administrators; here no bot is one, and those that
ask for `chat_member` get it.
"""

from __future__ import annotations

from typing import Literal

from bot.sandbox.bots import Bot
from bot.sandbox.fields import Json
from bot.sandbox.rooms import Room
from bot.sandbox.state import World

_MORE: dict[str, Json] = {"creator": {"is_anonymous": False}, "kicked": {"until_date": 0}}


def bot_joins(world: World, room: Room, bot: Bot, by: Json) -> None:
    """A bot comes into a group."""
    room.bots.add(bot.id)
    room.former_bots.pop(bot.id, None)
    bot_changed(world, room, bot, by, before="left", after="member")


def bot_leaves(world: World, room: Room, bot: Bot, by: Json, how: Literal["left", "kicked"]) -> Json:
    """A bot goes out of a group, by itself or by somebody's will. Returns the group's service message."""
    room.bots.discard(bot.id)
    room.former_bots[bot.id] = how
    bot_changed(world, room, bot, by, before="member", after=how)
    return world.post(room, by, left_chat_member=bot.user)


def bot_changed(world: World, room: Room, bot: Bot, by: Json, *, before: str, after: str) -> None:
    """Tell a bot what it is in a chat from now on."""
    world.update(bot, my_chat_member=_change(world, room, by, _members(bot.user, before, after)))


def person_joins(world: World, room: Room, person: Json, by: Json) -> Json:
    """A person comes into a group, or is brought in by another. Returns the service message."""
    before = room.status_of(person["id"])
    room.members.add(person["id"])
    room.removed.discard(person["id"])
    members = _members(dict(person), before, room.status_of(person["id"]))
    return _tell(world, room, by, {"new_chat_members": [dict(person)]}, members)


def person_leaves(world: World, room: Room, person: Json, by: Json) -> Json:
    """A person goes out of a group, or is removed by another. Returns the service message."""
    before = room.status_of(person["id"])
    room.members.discard(person["id"])
    if room.owner == person["id"]:
        room.owner = None
    if person is not by:
        room.removed.add(person["id"])
    members = _members(dict(person), before, room.status_of(person["id"]))
    return _tell(world, room, by, {"left_chat_member": dict(person)}, members)


def member(user: Json, status: str) -> Json:
    """A ChatMember."""
    return {"user": user, "status": status} | _MORE.get(status, {})


def _tell(world: World, room: Room, by: Json, service: Json, members: Json) -> Json:
    message = world.post(room, by, **service)
    for bot in world.bots_in(room):
        world.update(bot, chat_member=_change(world, room, by, members))
        world.update(bot, message=dict(message))
    world.changed("room", room=room)
    return message


def _change(world: World, room: Room, by: Json, members: Json) -> Json:
    return {"chat": world.chat(room), "from": dict(by), "date": int(world.now())} | members


def _members(user: Json, before: str, after: str) -> Json:
    return {"old_chat_member": member(user, before), "new_chat_member": member(user, after)}
