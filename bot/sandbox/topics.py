"""The methods of the Bot API about the topics of a forum."""

from __future__ import annotations

from bot.sandbox import forum, rights
from bot.sandbox.calls import Call, Served
from bot.sandbox.errors import bad_request
from bot.sandbox.fields import Json
from bot.sandbox.rooms import GENERAL_TOPIC, Room

served = Served()

_NO_THREAD = bad_request("message thread not found")
_UNCHANGED = bad_request("TOPIC_NOT_MODIFIED")
# The pictures that every group may give its topics. The sandbox draws none.
_ICONS = {
    "5434144690511290129": "📰",
    "5312536423851630001": "💡",
    "5312016608254762256": "⚡️",
    "5377544228505134960": "🎙",
    "5418085807791545980": "🔝",
    "5350481781306958339": "🍽",
}


def topic_of(call: Call, room: Room, replied: Json | None = None) -> int:
    """The topic of a message that a bot sends, 0 for none. Raises `ApiError` where there is none, or it is closed.

    A group without topics passes over the number, a private chat does not (tdlib, Client::check_message_topic).
    """
    number = call.number_or("message_thread_id", 0)
    if room.kind == "private" and number:
        raise _NO_THREAD
    if not room.topics:
        return 0
    if number == GENERAL_TOPIC:
        raise _NO_THREAD
    number = number or (forum.thread_of(replied) if replied else GENERAL_TOPIC)
    if number not in room.topics:
        raise _NO_THREAD
    if forum.is_closed_to(room, number, call.bot.id):
        raise bad_request("TOPIC_CLOSED")
    return number


def _forum(call: Call) -> Room:
    room = call.room
    if not room.topics:
        raise bad_request("the chat is not a forum")
    return room


def _name(call: Call) -> str:
    name = call.text("name").strip()[: forum.NAME_LIMIT]
    if not name:
        raise bad_request("name must be non-empty")
    return name


@served
def create_forum_topic(call: Call) -> Json:
    room = _forum(call)
    if not rights.may(room, call.bot.id, "can_manage_topics"):
        raise bad_request("not enough rights to create a topic")
    colour = call.number_or("icon_color", -1)
    if "icon_color" in call.params and colour not in forum.COLOURS:
        raise bad_request("invalid icon color specified")
    icon = _icon(call) or ""
    made = forum.open_topic(
        call.world, room, call.bot.user, _name(call), colour=None if colour < 0 else colour, icon=icon
    )
    number = int(made["message_id"])
    return {"message_thread_id": number} | forum.shown(room.topics[number])


def _icon(call: Call) -> str | None:
    """The custom emoji of a request, "" for none, or None where it says nothing of it."""
    icon = call.params.get("icon_custom_emoji_id")
    if icon and str(icon) not in _ICONS:
        raise bad_request("DOCUMENT_INVALID")
    return None if icon is None else str(icon)


@served
def edit_forum_topic(call: Call) -> bool:
    room, number = _changeable(call, "edit the topic")
    name, icon = call.text("name").strip()[: forum.NAME_LIMIT], _icon(call)
    if call.text("name") and not name:
        raise bad_request("name must be non-empty")
    topic = room.topics[number]
    if name in ("", topic.name) and icon in (None, topic.icon_custom_emoji_id):
        if name or icon is not None:
            raise _UNCHANGED
        return True
    forum.edit_topic(call.world, room, call.bot.user, number, name=name, icon=icon)
    return True


def _changeable(call: Call, what: str, number: int = 0) -> tuple[Room, int]:
    """The forum and the number of a topic that the bot may change: its own, or with the right to any."""
    room = _forum(call)
    number = number or call.number("message_thread_id")
    if number not in room.topics:
        raise bad_request("TOPIC_ID_INVALID")
    if room.topics[number].creator != call.bot.id and not forum.edits_topics(room, call.bot.id):
        raise bad_request(f"not enough rights to {what}")
    return room, number


def _closing(call: Call, closed: bool, number: int = 0) -> bool:
    room, number = _changeable(call, "close or open the topic", number)
    if room.topics[number].closed == closed:
        raise _UNCHANGED
    forum.close_topic(call.world, room, call.bot.user, number, closed)
    return True


@served
def close_forum_topic(call: Call) -> bool:
    return _closing(call, closed=True)


@served
def reopen_forum_topic(call: Call) -> bool:
    return _closing(call, closed=False)


@served
def delete_forum_topic(call: Call) -> bool:
    """Delete a topic with its messages: the bot's own, or with the right to delete messages any but the general."""
    room, number = _forum(call), call.number("message_thread_id")
    if number not in room.topics or number == GENERAL_TOPIC:
        raise bad_request("TOPIC_ID_INVALID")
    own = room.topics[number].creator == call.bot.id
    if not own and not rights.may(room, call.bot.id, "can_delete_messages"):
        raise bad_request("not enough rights to delete the topic")
    forum.delete_topic(call.world, room, number)
    return True


@served
def unpin_all_forum_topic_messages(call: Call) -> bool:
    return _unpin(call, call.number("message_thread_id"))


def _unpin(call: Call, number: int) -> bool:
    room = _forum(call)
    if number not in room.topics:
        raise bad_request("TOPIC_ID_INVALID")
    if not rights.may(room, call.bot.id, "can_pin_messages"):
        raise bad_request("not enough rights to manage pinned messages in the chat")
    room.pinned = [pinned for pinned in room.pinned if forum.thread_of(room.messages[pinned]) != number]
    call.world.changed("room", room=room)
    return True


@served
def get_forum_topic_icon_stickers(call: Call) -> list[Json]:
    """The icons that topics can have, as stickers without a file."""
    return [_sticker(number, emoji) for number, emoji in _ICONS.items()]


def _sticker(number: str, emoji: str) -> Json:
    name = {"file_id": f"icon{number}", "file_unique_id": f"uicon{number}", "custom_emoji_id": number}
    form = {"type": "custom_emoji", "width": 512, "height": 512, "is_animated": True, "is_video": False}
    return name | form | {"emoji": emoji, "set_name": "Topics", "needs_repainting": False}


# The general topic


@served
def edit_general_forum_topic(call: Call) -> bool:
    room, number = _changeable(call, "edit the topic", GENERAL_TOPIC)
    name = _name(call)
    if name == room.topics[number].name:
        raise _UNCHANGED
    forum.edit_topic(call.world, room, call.bot.user, number, name=name)
    return True


@served
def close_general_forum_topic(call: Call) -> bool:
    return _closing(call, closed=True, number=GENERAL_TOPIC)


@served
def reopen_general_forum_topic(call: Call) -> bool:
    """Open it again, which also shows it where it was hidden."""
    room, number = _changeable(call, "close or open the topic", GENERAL_TOPIC)
    if room.topics[number].hidden:
        forum.hide_general(call.world, room, call.bot.user, hidden=False)
    return _closing(call, closed=False, number=GENERAL_TOPIC)


@served
def hide_general_forum_topic(call: Call) -> bool:
    return _hiding(call, hidden=True)


@served
def unhide_general_forum_topic(call: Call) -> bool:
    return _hiding(call, hidden=False)


def _hiding(call: Call, hidden: bool) -> bool:
    room, number = _changeable(call, "close or open the topic", GENERAL_TOPIC)
    if room.topics[number].hidden == hidden:
        raise _UNCHANGED
    forum.hide_general(call.world, room, call.bot.user, hidden)
    return True


@served
def unpin_all_general_forum_topic_messages(call: Call) -> bool:
    return _unpin(call, GENERAL_TOPIC)
