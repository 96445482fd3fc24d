"""The methods of the Bot API about a chat as a whole: what it is, who is in it, what is pinned, reactions, the menu."""

from __future__ import annotations

from bot.sandbox import errors
from bot.sandbox.calls import Call, Served
from bot.sandbox.errors import bad_request
from bot.sandbox.state import Json

served = Served()

_ACTIONS = {"typing", "choose_sticker", "find_location"}
_ACTIONS |= {f"{verb}_{what}" for verb in ("record", "upload") for what in ("video", "voice", "video_note")}
_ACTIONS |= {"upload_photo", "upload_document"}


@served
def send_chat_action(call: Call) -> bool:
    if call.text("action") not in _ACTIONS:
        raise bad_request("wrong parameter action in request")
    call.world.changed("typing", room=call.room)
    return True


@served
def get_chat(call: Call) -> Json:
    more = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": _NO_GIFTS}
    room = call.room
    pinned = {"pinned_message": room.messages[room.pinned[-1]]} if room.pinned else {}
    return call.world.chat(room) | more | pinned


_NO_GIFTS = dict.fromkeys(
    ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"), False
)


@served
def get_chat_member(call: Call) -> Json:
    user_id = call.number("user_id")
    room = call.room
    if user_id not in room.members | room.bots:
        raise bad_request("PARTICIPANT_ID_INVALID" if user_id in call.world.users else "user not found")
    return {"status": "member", "user": call.world.users[user_id]}


@served
def leave_chat(call: Call) -> bool:
    room = call.room
    if room.kind == "private":
        raise errors.NO_CHAT
    call.world.leave(room, call.bot, call.bot.user, "left")
    return True


# What is pinned


@served
def pin_chat_message(call: Call) -> bool:
    room, number = call.room, call.number("message_id")
    if number not in room.messages:
        raise bad_request("message to pin not found")
    room.pinned = [pinned for pinned in room.pinned if pinned != number] + [number]
    call.world.post(room, call.bot.user, pinned_message=dict(room.messages[number]))
    return True


@served
def unpin_chat_message(call: Call) -> bool:
    """Unpin a message, or the newest one that is pinned."""
    room = call.room
    number = call.number_or("message_id", room.pinned[-1] if room.pinned else 0)
    if number not in room.pinned:
        raise bad_request("message to unpin not found")
    room.pinned.remove(number)
    call.world.changed("room", room=room)
    return True


@served
def unpin_all_chat_messages(call: Call) -> bool:
    call.room.pinned.clear()
    call.world.changed("room", room=call.room)
    return True


# Reactions and the menu


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
    call.world.changed("reaction", room=room, message={"message_id": number})
    return True


def _is_reaction(reaction: object) -> bool:
    if not isinstance(reaction, dict):
        return False
    field = {"emoji": "emoji", "custom_emoji": "custom_emoji_id"}.get(str(reaction.get("type")), "")
    return bool(reaction.get(field)) and isinstance(reaction[field], str)


@served
def set_chat_menu_button(call: Call) -> bool:
    button = call.params.get("menu_button") or {"type": "default"}
    if not isinstance(button, dict) or button.get("type") not in ("commands", "default", "web_app"):
        raise bad_request("can't parse menu button")
    call.bot.menus[call.text("chat_id")] = button
    call.world.changed("bot", bot=call.bot.id)
    return True


@served
def get_chat_menu_button(call: Call) -> Json:
    """The button that was set for that chat or, without one, for all chats: at first the list of commands."""
    chat = call.text("chat_id")
    return call.bot.menus.get(chat, {"type": "default" if chat else "commands"})
