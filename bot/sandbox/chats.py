"""The methods of the Bot API about a chat as a whole: what it is, what is pinned, and reactions."""

from __future__ import annotations

from bot.sandbox import errors, reactions, rights
from bot.sandbox.appearance import photo_of
from bot.sandbox.calls import Call, Served
from bot.sandbox.errors import bad_request
from bot.sandbox.fields import Json
from bot.sandbox.memberships import bot_leaves
from bot.sandbox.rooms import Room, without_keys
from bot.sandbox.services import announce
from bot.sandbox.topics import topic_of

served = Served()

_ACTIONS = {"typing", "choose_sticker", "find_location"}
_ACTIONS |= {f"{verb}_{what}" for verb in ("record", "upload") for what in ("video", "voice", "video_note")}
_ACTIONS |= {"upload_photo", "upload_document"}


@served
def send_chat_action(call: Call) -> bool:
    if call.text("action") not in _ACTIONS:
        raise bad_request("wrong parameter action in request")
    topic_of(call, call.room)
    call.world.changed("typing", room=call.room)
    return True


@served
def get_chat(call: Call) -> Json:
    more = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": _NO_GIFTS}
    room = call.room
    pinned = {"pinned_message": room.messages[room.pinned[-1]]} if room.pinned else {}
    return call.world.chat(room) | more | pinned | _of_group(call, room) | photo_of(call, room)


def _of_group(call: Call, room: Room) -> Json:
    """What a group or channel tells besides: to its administrators the link by which people come in, too."""
    about: Json = {"description": room.description} if room.description else {}
    own = (link for link, invite in room.invites.items() if invite.primary and invite.creator == call.bot.id)
    link = next(own, None)
    about |= {"invite_link": link} if link else {}
    return about | ({"permissions": rights.everybodys(room)} if room.kind in ("group", "supergroup") else {})


_NO_GIFTS = dict.fromkeys(
    ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"), False
)


@served
def get_user_profile_photos(call: Call) -> Json:
    """None: people have no pictures here."""
    if call.number("user_id") not in call.world.users:
        raise bad_request("user not found")
    return {"total_count": 0, "photos": []}


@served
def leave_chat(call: Call) -> bool:
    room = call.room
    if room.kind == "private":
        raise errors.NO_CHAT
    bot_leaves(call.world, room, call.bot, call.bot.user, "left")
    return True


# What is pinned


@served
def pin_chat_message(call: Call) -> bool:
    room, number = _pinning(call), call.number("message_id")
    if number not in room.messages:
        raise bad_request("message to pin not found")
    room.pinned = [pinned for pinned in room.pinned if pinned != number] + [number]
    pinned = without_keys(room.messages[number])
    announce(call.world, room, call.bot.user, {"pinned_message": pinned}, pinned.get("message_thread_id", 0))
    return True


def _pinning(call: Call) -> Room:
    """The chat. Raises `ApiError` where the bot may not pin: in a basic group it has to be an administrator."""
    room, right = call.room, "can_edit_messages" if call.room.kind == "channel" else "can_pin_messages"
    if not rights.appointed(room, call.bot.id, right):
        raise bad_request("not enough rights to manage pinned messages in the chat")
    return room


@served
def unpin_chat_message(call: Call) -> bool:
    """Unpin a message, or the newest one that is pinned."""
    room = _pinning(call)
    number = call.number_or("message_id", room.pinned[-1] if room.pinned else 0)
    if number not in room.pinned:
        raise bad_request("message to unpin not found")
    room.pinned.remove(number)
    call.world.changed("room", room=room)
    return True


@served
def unpin_all_chat_messages(call: Call) -> bool:
    room = _pinning(call)
    room.pinned.clear()
    call.world.changed("room", room=room)
    return True


# Reactions


@served
def set_message_reaction(call: Call) -> bool:
    """The bot's reaction to a message, in place of the one before; none takes it away."""
    room, number = call.room, call.number("message_id")
    if number not in room.messages:
        raise bad_request("message to react not found")
    reaction = call.params.get("reaction") or []
    if not isinstance(reaction, list) or len(reaction) > 1 or not all(map(_is_reaction, reaction)):
        raise bad_request("REACTION_INVALID")
    room.reactions.setdefault(number, {})[call.bot.id] = reaction
    call.world.reacted(room, number)
    return True


def _is_reaction(reaction: object) -> bool:
    if not isinstance(reaction, dict):
        return False
    if reaction.get("type") == "emoji":
        return reactions.is_known(str(reaction.get("emoji")))
    number = reaction.get("custom_emoji_id")
    return reaction.get("type") == "custom_emoji" and isinstance(number, str) and bool(number)
