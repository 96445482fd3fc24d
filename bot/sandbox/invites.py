"""The methods of the Bot API about the links by which people come into a chat, and about their requests to."""

from __future__ import annotations

import secrets

from bot.sandbox import memberships, rights
from bot.sandbox.calls import Call, Served
from bot.sandbox.errors import bad_request
from bot.sandbox.fields import Json
from bot.sandbox.rooms import Invite, Room
from bot.sandbox.state import World

served = Served()

NAME_LIMIT = 32  # characters; Bot API, createChatInviteLink
MEMBERS = range(1, 100_000)  # whom a link may let in; Bot API, createChatInviteLink


def _inviting(call: Call) -> Room:
    """The group or channel. Raises `ApiError` where the bot makes no links."""
    room = call.room
    if room.kind == "private":
        raise bad_request("can't invite members to a private chat")
    if not rights.is_administrator(room, call.bot.id) or not rights.may(room, call.bot.id, "can_invite_users"):
        raise bad_request("not enough rights to manage chat invite link")
    return room


def _terms(call: Call) -> Json:
    """What a link is called and whom it lets in. Raises `ApiError` for what will not do."""
    limit, asks = call.number_or("member_limit", 0), call.flag("creates_join_request")
    if limit and asks:
        raise bad_request("member limit can't be specified for links requiring administrator approval")
    if limit and limit not in MEMBERS:
        raise bad_request("USAGE_LIMIT_INVALID")
    expires = call.number_or("expire_date", 0)
    if expires and expires <= call.world.now():
        raise bad_request("EXPIRE_DATE_INVALID")
    return {"name": call.text("name")[:NAME_LIMIT], "expires": expires, "limit": limit, "asks": asks}


def _made(call: Call, room: Room, primary: bool = False, **terms: object) -> str:
    link = f"https://t.me/+{secrets.token_urlsafe(12)}"
    room.invites[link] = Invite(creator=call.bot.id, primary=primary, **terms)  # type: ignore[arg-type]
    return link


@served
def export_chat_invite_link(call: Call) -> str:
    """The bot's main link to a chat, made anew; the one before lets nobody in any more."""
    room = _inviting(call)
    for invite in room.invites.values():
        if invite.primary and invite.creator == call.bot.id:
            invite.primary, invite.revoked = False, True
    return _made(call, room, primary=True)


@served
def create_chat_invite_link(call: Call) -> Json:
    room = _inviting(call)
    return shown(call.world, room, _made(call, room, **_terms(call)))


@served
def edit_chat_invite_link(call: Call) -> Json:
    room, link = _own(call)
    for name, value in _terms(call).items():
        setattr(room.invites[link], name, value)
    return shown(call.world, room, link)


@served
def revoke_chat_invite_link(call: Call) -> Json:
    """A link that lets nobody in any more. The main one is followed by another."""
    room, link = _own(call, primary=True)
    invite = room.invites[link]
    invite.revoked = True
    if invite.primary:
        invite.primary = False
        _made(call, room, primary=True)
    return shown(call.world, room, link)


def _own(call: Call, primary: bool = False) -> tuple[Room, str]:
    """A link that the bot has made and that holds. Raises `ApiError` for any other."""
    room, link = _inviting(call), call.text("invite_link")
    invite = room.invites.get(link)
    if not link:
        raise bad_request("invite link must be non-empty")
    if invite is None or invite.creator != call.bot.id or invite.revoked:
        raise bad_request("INVITE_HASH_EXPIRED")
    if invite.primary and not primary:
        raise bad_request("CHAT_INVITE_PERMANENT")
    return room, link


def shown(world: World, room: Room, link: str) -> Json:
    """A ChatInviteLink."""
    invite = room.invites[link]
    waiting = sum(asked == link for asked in room.requests.values())
    more: Json = {"name": invite.name, "expire_date": invite.expires, "member_limit": invite.limit}
    more["pending_join_request_count"] = waiting
    flags = {"creates_join_request": invite.asks, "is_primary": invite.primary, "is_revoked": invite.revoked}
    known = {name: value for name, value in more.items() if value}
    return {"invite_link": link, "creator": dict(world.users[invite.creator]), **flags, **known}


# People who come by a link


def room_of(world: World, link: str) -> Room | None:
    """The chat into which a link leads now, if it does."""
    for room in world.rooms.values():
        invite = room.invites.get(link)
        if invite is not None and not invite.revoked:
            full = invite.limit and invite.used >= invite.limit
            over = invite.expires and invite.expires <= world.now()
            return None if full or over else room
    return None


def follow(world: World, room: Room, link: str, person: Json) -> bool:
    """A person follows a link: comes in, which is True, or asks to be let in, of which the administrators hear."""
    if not room.invites[link].asks:
        room.invites[link].used += 1
        memberships.person_joins(world, room, person, person, by_link=shown(world, room, link))
        return True
    room.requests[person["id"]] = link
    request = {"chat": world.chat(room), "from": dict(person), "user_chat_id": person["id"]}
    request |= {"date": int(world.now()), "invite_link": shown(world, room, link)}
    for bot in world.bots_in(room):
        if rights.is_administrator(room, bot.id) and rights.may(room, bot.id, "can_invite_users"):
            world.update(bot, chat_join_request=request)
    return False


@served
def approve_chat_join_request(call: Call) -> bool:
    room, person = _asking(call)
    link = room.requests.pop(person["id"])
    room.invites[link].used += 1
    memberships.person_joins(call.world, room, person, call.bot.user, by_link=shown(call.world, room, link))
    return True


@served
def decline_chat_join_request(call: Call) -> bool:
    room, person = _asking(call)
    del room.requests[person["id"]]
    return True


def _asking(call: Call) -> tuple[Room, Json]:
    """A person who has asked to be let in. Raises `ApiError` for anybody else."""
    room, number = call.room, call.number("user_id")
    if not rights.is_administrator(room, call.bot.id) or not rights.may(room, call.bot.id, "can_invite_users"):
        raise bad_request("not enough rights to manage chat join requests")
    if number in room.members:
        raise bad_request("USER_ALREADY_PARTICIPANT")
    if number not in room.requests:
        raise bad_request("HIDE_REQUESTER_MISSING")
    return room, call.world.users[number]
