"""The methods of the Bot API about the members of a chat: who they are, what they may, and who has to go."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from bot.sandbox import memberships, rights
from bot.sandbox.calls import Call, Served
from bot.sandbox.errors import bad_request
from bot.sandbox.fields import Given, Json, complaint
from bot.sandbox.rooms import Room

served = Served()

TITLE_LIMIT = 16  # characters of an administrator's title
# Seconds: a ban or restriction that ends sooner or later than this from now never ends (Bot API, banChatMember).
SHORTEST, LONGEST = 30, 366 * 24 * 3600
_NOT_RESTRICTING = bad_request("not enough rights to restrict/unrestrict chat member")
_NO_MEMBER = bad_request("member not found")


@served
def get_chat_member(call: Call) -> Json:
    return memberships.member_of(call.world, call.room, _somebody(call))


@served
def get_chat_administrators(call: Call) -> list[Json]:
    """The owner and the administrators; of bots, unless the request wants all, only the one that asks."""
    room, world = call.room, call.world
    if room.kind == "private":
        raise bad_request("there are no administrators in the private chat")
    numbers = ([] if room.owner is None else [room.owner]) + sorted(room.administrators)
    hidden = set() if call.flag("return_bots") else world.bots.keys() - {call.bot.id}
    shown = (number for number in numbers if number not in hidden)
    return [memberships.member_of(world, room, number) for number in shown]


@served
def get_chat_member_count(call: Call) -> int:
    room = call.room
    return 2 if room.kind == "private" else len(room.members | room.bots)


served["getchatmemberscount"] = get_chat_member_count  # as it was called before Bot API 5.3


def _somebody(call: Call) -> int:
    """The number of a user that the sandbox has. Raises `ApiError` for any other."""
    number = call.number("user_id")
    if number not in call.world.users:
        raise _NO_MEMBER
    return number


def _large(call: Call) -> Room:
    """A supergroup or channel."""
    room = call.room
    if room.kind not in ("supergroup", "channel"):
        raise bad_request("method is available for supergroup and channel chats only")
    return room


def _editable(call: Call, room: Room, right: str, refusal: Exception) -> int:
    """Whom the bot may change. Raises `ApiError` where it lacks the right, or for the owner."""
    if not rights.may(room, call.bot.id, right):
        raise refusal
    number = _somebody(call)
    if number == room.owner:
        raise bad_request("can't remove chat owner")
    return number


# Administrators


@served
def promote_chat_member(call: Call) -> bool:
    """Give somebody the rights that the request names, or with none of them take all away."""
    room = _large(call)
    number = _editable(call, room, "can_promote_members", bad_request("not enough rights"))
    wanted = {name for name in (*rights.names(room), "is_anonymous") if call.flag(name)}
    if wanted and number == call.bot.id:
        raise bad_request("can't promote self")
    if wanted and room.kind == "channel" and "can_restrict_members" not in call.params:
        wanted.add("can_restrict_members")
    if wanted and room.status_of(number) not in ("member", "administrator", "restricted"):
        raise bad_request("USER_NOT_MUTUAL_CONTACT")
    if any(not rights.may(room, call.bot.id, name) for name in wanted - {"is_anonymous"}):
        raise bad_request("RIGHT_FORBIDDEN")
    memberships.promote(call.world, room, number, rights.granted(room, wanted), call.bot.user)
    return True


@served
def set_chat_administrator_custom_title(call: Call) -> bool:
    room, number, title = call.room, _somebody(call), call.text("custom_title")
    if room.kind not in ("group", "supergroup"):
        raise bad_request("method is available only for groups and supergroups")
    if number == room.owner:
        raise bad_request("only the owner can edit their custom title")
    if number not in room.administrators:
        raise bad_request("user is not an administrator")
    if not rights.may(room, call.bot.id, "can_promote_members"):
        raise bad_request("not enough rights to change custom title of the user")
    if len(title) > TITLE_LIMIT:
        raise bad_request("CUSTOM_TITLE_INVALID")
    room.administrators[number] = room.administrators[number] | {"custom_title": title}
    return True


# Those who have to go, and those who may do less


@served
def ban_chat_member(call: Call) -> bool:
    room = call.room
    if room.kind == "private":
        raise bad_request("can't ban members in private chats")
    number = _editable(call, room, "can_restrict_members", _NOT_RESTRICTING)
    if number == call.bot.id:
        raise bad_request("can't restrict self")
    if number in room.administrators:
        raise bad_request("user is an administrator of the chat")
    memberships.ban(call.world, room, number, call.bot.user, until=_until(call))
    return True


served["kickchatmember"] = ban_chat_member  # as it was called before Bot API 5.3


@served
def unban_chat_member(call: Call) -> bool:
    room = _large(call)
    number = _editable(call, room, "can_restrict_members", _NOT_RESTRICTING)
    if number in room.administrators:
        raise bad_request("user is an administrator of the chat")
    if room.status_of(number) == "kicked" or not call.flag("only_if_banned"):
        memberships.unban(call.world, room, number, call.bot.user)
    return True


@served
def restrict_chat_member(call: Call) -> bool:
    room, permissions = call.room, _permissions(call)
    if room.kind != "supergroup":
        raise bad_request("method is available only for supergroups")
    number = _editable(call, room, "can_restrict_members", _NOT_RESTRICTING)
    if number == call.bot.id:
        raise bad_request("can't restrict self")
    if number in room.administrators:
        raise bad_request("user is an administrator of the chat")
    memberships.restrict(call.world, room, number, permissions, call.bot.user, until=_until(call))
    return True


@served
def set_chat_permissions(call: Call) -> bool:
    """What all members may do from now on."""
    room, permissions = call.room, _permissions(call)
    if room.kind not in ("group", "supergroup"):
        raise bad_request(f"can't change {room.kind} chat permissions")
    if not rights.may(room, call.bot.id, "can_restrict_members"):
        raise bad_request("not enough rights to change chat permissions")
    room.permissions = permissions
    call.world.changed("room", room=room)
    return True


@served
def ban_chat_sender_chat(call: Call) -> bool:
    """Keep a channel from speaking in a group: here none does, so that it is enough to check the request."""
    _sender_chat(call)
    return True


@served
def unban_chat_sender_chat(call: Call) -> bool:
    _sender_chat(call)
    return True


def _sender_chat(call: Call) -> Room:
    room, number = _large(call), call.number("sender_chat_id")
    if not rights.may(room, call.bot.id, "can_restrict_members"):
        raise _NOT_RESTRICTING
    channel = call.world.rooms.get(str(number))
    if channel is None or channel.kind != "channel":
        raise bad_request("PARTICIPANT_ID_INVALID")
    return channel


def _until(call: Call) -> int:
    """When it ends, in seconds since 1970; 0 for never."""
    given, now = call.number_or("until_date", 0), int(call.world.now())
    return given if now + SHORTEST <= given <= now + LONGEST else 0


# What is allowed where a newer permission is not named: as much as by an older one.
_LIKE = {
    "can_manage_topics": "can_pin_messages",
    "can_edit_tag": "can_pin_messages",
    "can_react_to_messages": "can_send_messages",
}


class _Permissions(Given):
    can_send_messages: bool | None = None
    can_send_media_messages: bool | None = None
    can_send_audios: bool | None = None
    can_send_documents: bool | None = None
    can_send_photos: bool | None = None
    can_send_videos: bool | None = None
    can_send_video_notes: bool | None = None
    can_send_voice_notes: bool | None = None
    can_send_polls: bool | None = None
    can_send_other_messages: bool | None = None
    can_add_web_page_previews: bool | None = None
    can_react_to_messages: bool | None = None
    can_edit_tag: bool | None = None
    can_change_info: bool | None = None
    can_invite_users: bool | None = None
    can_pin_messages: bool | None = None
    can_manage_topics: bool | None = None


def _permissions(call: Call) -> dict[str, bool]:
    """The permissions of a request (tdlib, Client::get_chat_permissions)."""
    try:
        given = _Permissions.model_validate(_object(call.params.get("permissions"))).model_dump(exclude_none=True)
    except ValidationError as error:
        raise bad_request(f"can't parse chat permissions: {complaint(error)}") from None
    allowed = {name: bool(given.get(name)) for name in rights.PERMISSIONS}
    independent = call.flag("use_independent_chat_permissions")
    if not given.keys() & set(rights.MEDIA_PERMISSIONS):  # as it was before Bot API 6.5
        media = bool(given.get("can_send_media_messages"))
        allowed |= dict.fromkeys(rights.MEDIA_PERMISSIONS, media)
        allowed["can_send_messages"] |= media and not independent
    for name, like in _LIKE.items():
        allowed[name] = allowed[name if name in given else like]
    if not independent:
        if allowed["can_send_other_messages"] or allowed["can_add_web_page_previews"]:
            allowed |= dict.fromkeys(("can_send_messages", *rights.MEDIA_PERMISSIONS), True)
        allowed["can_send_messages"] |= allowed["can_send_polls"]
    return allowed


def _object(given: Any) -> Any:
    if not isinstance(given, dict):
        raise bad_request("object expected as permissions")
    return given
