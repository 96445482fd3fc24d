"""The methods of the Bot API about what a chat shows of itself: its title, description and picture."""

from __future__ import annotations

from bot.sandbox import rights
from bot.sandbox.attachments import Kind, attached, described
from bot.sandbox.calls import Call, Served
from bot.sandbox.errors import bad_request
from bot.sandbox.fields import Json
from bot.sandbox.rooms import Room
from bot.sandbox.services import announce

served = Served()

TITLE_LIMIT, DESCRIPTION_LIMIT = 128, 255  # characters; Bot API, setChatTitle and setChatDescription
_PHOTO: Kind = "photo"


def _changing(call: Call, what: str) -> Room:
    """The group or channel. Raises `ApiError` where the bot may not change that of it."""
    room = call.room
    if room.kind == "private":
        raise bad_request(f"can't change private chat {what}")
    if not rights.appointed(room, call.bot.id, "can_change_info"):
        verb = "set" if what == "description" else "change"
        raise bad_request(f"not enough rights to {verb} chat {what}")
    return room


@served
def set_chat_title(call: Call) -> bool:
    room, title = _changing(call, "title"), call.text("title").strip()[:TITLE_LIMIT]
    if not title:
        raise bad_request("title must be non-empty")
    if title != room.title:
        room.title = title
        announce(call.world, room, call.bot.user, {"new_chat_title": title})
    return True


@served
def set_chat_description(call: Call) -> bool:
    """Say what a chat is about, of which only a look at it tells."""
    room, text = _changing(call, "description"), call.text("description").strip()[:DESCRIPTION_LIMIT]
    if text == room.description:
        raise bad_request("chat description is not modified")
    room.description = text
    call.world.changed("room", room=room)
    return True


@served
def set_chat_photo(call: Call) -> bool:
    given = call.params.get("photo")
    if not isinstance(given, tuple) or not given[1]:
        raise bad_request("photo must be uploaded as an InputFile" if given else "there is no photo in the request")
    room = _changing(call, "photo")
    room.photo = call.world.file(*given)
    announce(call.world, room, call.bot.user, {"new_chat_photo": _sizes(call, room.photo)})
    return True


@served
def delete_chat_photo(call: Call) -> bool:
    room = _changing(call, "photo")
    if not room.photo:
        raise bad_request("CHAT_NOT_MODIFIED")
    room.photo = ""
    announce(call.world, room, call.bot.user, {"delete_chat_photo": True})
    return True


def _sizes(call: Call, file_id: str) -> list[Json]:
    sizes: list[Json] = attached(call.world, _PHOTO, file_id)["photo"]
    return sizes


def photo_of(call: Call, room: Room) -> Json:
    """The picture of a chat, if it has one, as getChat tells of it."""
    if not room.photo:
        return {}
    small, big = (described(call.world, size["file_id"]) for size in _sizes(call, room.photo))
    photo = {"small_file_id": small["file_id"], "small_file_unique_id": small["file_unique_id"]}
    return {"photo": photo | {"big_file_id": big["file_id"], "big_file_unique_id": big["file_unique_id"]}}
