"""Who comes into a chat and who goes, what its members are there, and how the bots hear of it (ChatMemberUpdated).

Telegram tells a bot what it is itself, and of others only where it is an administrator and has asked for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from bot.sandbox import rights
from bot.sandbox.bots import Bot
from bot.sandbox.fields import Json
from bot.sandbox.rooms import Room
from bot.sandbox.services import announce
from bot.sandbox.state import World


def member_of(world: World, room: Room, number: int) -> Json:
    """What somebody is in a chat, as its ChatMember."""
    status = room.status_of(number)
    member: Json = {"user": dict(world.users[number]), "status": status}
    match status:
        case "creator":
            return member | {"is_anonymous": False}
        case "administrator":
            return member | {"can_be_edited": False} | room.administrators[number]
        case "restricted":
            left = rights.permitted(room, number)
            return member | left | {"is_member": number in room.members, "until_date": room.until.get(number, 0)}
        case "kicked":
            return member | {"until_date": room.until.get(number, 0)}
    return member


def becomes(world: World, room: Room, number: int, by: Json, alter: Callable[[], object], **more: object) -> None:
    """Let somebody be something else in a chat from now on, and tell the bots that may know, with `more` of it."""
    before = member_of(world, room, number)
    alter()
    after = member_of(world, room, number)
    if before == after:
        return
    change = {"chat": world.chat(room), "from": dict(by), "date": int(world.now())}
    change |= {"old_chat_member": before, "new_chat_member": after, **more}
    for bot in world.bots.values():
        if bot.id == number:
            world.update(bot, my_chat_member=change)
        elif rights.is_administrator(room, bot.id):
            world.update(bot, chat_member=change)
    world.changed("room", room=room)


# Coming and going


def bot_joins(world: World, room: Room, bot: Bot, by: Json) -> Json:
    """A bot comes into a group, or as an administrator, which it has to be there, into a channel.

    Returns the group's service message.
    """

    def joins() -> None:
        room.bots.add(bot.id)
        room.former_bots.pop(bot.id, None)
        if room.kind == "channel":
            room.administrators[bot.id] = rights.granted(room, rights.names(room))

    becomes(world, room, bot.id, by, joins)
    return _said(world, room, by, {"new_chat_members": [bot.user]})


def bot_leaves(world: World, room: Room, bot: Bot, by: Json, how: Literal["left", "kicked"]) -> Json:
    """A bot goes out of a chat, by itself or by somebody's will. Returns the group's service message."""

    def leaves() -> None:
        room.bots.discard(bot.id)
        room.former_bots[bot.id] = how
        room.administrators.pop(bot.id, None)

    becomes(world, room, bot.id, by, leaves)
    return _said(world, room, by, {"left_chat_member": bot.user})


def person_joins(world: World, room: Room, person: Json, by: Json, by_link: Json | None = None) -> Json:
    """A person comes into a chat, or is brought or let in by another. Returns the service message."""

    def joins() -> None:
        room.members.add(person["id"])
        room.requests.pop(person["id"], None)
        _pardon(room, person["id"])

    link: Json = {} if by_link is None else {"invite_link": by_link}
    if by_link is not None and by_link["creates_join_request"]:
        link["via_join_request"] = True
    becomes(world, room, person["id"], by, joins, **link)
    return _said(world, room, person if by_link else by, {"new_chat_members": [dict(person)]})


def person_leaves(world: World, room: Room, person: Json, by: Json) -> Json:
    """A person goes out of a chat, or is removed by another. Returns the service message."""
    becomes(world, room, person["id"], by, lambda: _goes(room, person["id"], person is not by))
    return _said(world, room, by, {"left_chat_member": dict(person)})


def _goes(room: Room, number: int, removed: bool) -> None:
    room.members.discard(number)
    room.administrators.pop(number, None)
    room.restricted.pop(number, None)
    if room.owner == number:
        room.owner = None
    if removed:
        room.removed.add(number)


def _pardon(room: Room, number: int) -> None:
    room.removed.discard(number)
    room.until.pop(number, None)
    if room.former_bots.get(number) == "kicked":
        room.former_bots[number] = "left"


def _said(world: World, room: Room, by: Json, service: Json) -> Json:
    """The service message of a coming or going; a channel has none."""
    return {} if room.kind == "channel" else announce(world, room, by, service)


# What administrators do with members


def promote(world: World, room: Room, number: int, given: Json, by: Json) -> None:
    """Make somebody an administrator with those rights, or with none of them an ordinary member."""

    def promoted() -> None:
        if any(given.values()):
            room.administrators[number] = given
            room.restricted.pop(number, None)
            (room.bots if number in world.bots else room.members).add(number)
        else:
            room.administrators.pop(number, None)

    becomes(world, room, number, by, promoted)


def restrict(world: World, room: Room, number: int, permissions: Json, by: Json, *, until: int) -> None:
    """Keep a member from what the permissions do not name; all of them end that."""

    def restricted() -> None:
        room.until.pop(number, None)
        room.restricted.pop(number, None)
        if not all(permissions.values()):
            room.restricted[number] = permissions
            room.administrators.pop(number, None)
            if until:
                room.until[number] = until

    becomes(world, room, number, by, restricted)


def ban(world: World, room: Room, number: int, by: Json, *, until: int) -> None:
    """Put somebody out who can't come back before that time, or with 0 never."""
    if number in world.bots:
        if number in room.bots:
            bot_leaves(world, room, world.bots[number], by, "kicked")
        return
    was_there = number in room.members

    def banned() -> None:
        _goes(room, number, removed=True)
        room.until.pop(number, None)
        if until:
            room.until[number] = until

    becomes(world, room, number, by, banned)
    if was_there:
        _said(world, room, by, {"left_chat_member": dict(world.users[number])})


def unban(world: World, room: Room, number: int, by: Json) -> None:
    """Let somebody come back who was put out; a member is put out by it, as with Telegram."""
    if number in room.members | room.bots:
        ban(world, room, number, by, until=0)
    becomes(world, room, number, by, lambda: _pardon(room, number))


# A private chat


def bot_changed(world: World, room: Room, bot: Bot, by: Json, *, before: str, after: str) -> None:
    """Tell a bot that the person of a private chat has blocked it, or no longer does."""
    change = {"chat": world.chat(room), "from": dict(by), "date": int(world.now())}
    change |= {"old_chat_member": _plain(bot, before), "new_chat_member": _plain(bot, after)}
    world.update(bot, my_chat_member=change)


def _plain(bot: Bot, status: str) -> Json:
    return {"user": bot.user, "status": status} | ({"until_date": 0} if status == "kicked" else {})
