"""The methods of the Bot API about messages: one function each. A new method is one more with `@served`."""

from __future__ import annotations

import re
from typing import Any

from bot.sandbox import errors, inline_ids, rights
from bot.sandbox.bots import Bot
from bot.sandbox.calls import Call, Served
from bot.sandbox.entities import Entity, cut
from bot.sandbox.errors import bad_request
from bot.sandbox.fields import Json
from bot.sandbox.keyboards import markup_of
from bot.sandbox.replies import replied_of
from bot.sandbox.rooms import QUERY_LIFE, Room, without_keys
from bot.sandbox.services import deliver
from bot.sandbox.state import World
from bot.sandbox.texts import text_of
from bot.sandbox.topics import topic_of

served = Served()

ANSWER_LIMIT = 200  # characters of a callback answer
DELETABLE = 48 * 3600  # seconds that a bot without special rights can delete a message for (Bot API, deleteMessage)
LONGEST_CACHE = 30 * 24 * 3600  # seconds that a client keeps a callback answer (tdlib)
# Where a callback answer may lead without a game: to a bot (Bot API, answerCallbackQuery).
_OWN_LINK = re.compile(r"(?:https?://)?(?:t|telegram)\.me/[A-Za-z]\w{2,31}\?start=[A-Za-z0-9_-]{0,64}", re.ASCII)


@served
def send_message(call: Call) -> Json:
    text, entities = text_of(call)
    return send(call, text=text, entities=entities, link_preview_options=preview(call, text, entities))


def preview(call: Call, text: str, entities: list[Entity] | None) -> Json | None:
    """What of the link preview was asked for, with the first link of the text unless another one is named."""
    given = call.params.get("link_preview_options") or {}
    if not isinstance(given, dict):
        raise bad_request("can't parse link preview options")
    if given.get("is_disabled"):
        return {"is_disabled": True}
    links = (one.get("url") or cut(text, one) for one in entities or () if one["type"] in ("url", "text_link"))
    first = next(links, None)
    return ({"url": first} if first else {}) | given or None


def send(call: Call, **content: Any) -> Json:
    """Post a message of the bot. Raises `ApiError` where it can't write, or for a wrong keyboard or reply."""
    room = call.room
    check_sending(call, room, content)
    replied = replied_of(call, room)
    if "reply_markup" not in content:
        content["reply_markup"] = markup_of(call, inline=room.kind == "channel")
    sent = call.world.post(
        room,
        call.bot.user,
        thread=topic_of(call, room, replied.get("reply_to")),
        **content,
        **replied,
        has_protected_content=call.flag("protect_content") or None,
    )
    tell_others(call.world, room, sent, call.bot)
    return without_keys(sent)


def check_sending(call: Call, room: Room, content: Json) -> None:
    """Raises `ApiError` where the bot may not write at all, or not such a message."""
    if room.kind == "channel" and not rights.may(room, call.bot.id, "can_post_messages"):
        raise bad_request("need administrator rights in the channel chat")
    what = None if room.kind == "channel" else rights.forbidden_content(room, call.bot.id, content)
    if what:
        raise bad_request(f"not enough rights to send {what} to the chat")


def tell_others(world: World, room: Room, message: Json, author: Bot, edited: bool = False) -> None:
    """Tell the other bots in a channel of a post. In groups bots do not hear each other."""
    if room.kind == "channel":
        deliver(world, room, message, (bot for bot in world.bots_in(room) if bot is not author), edited)


@served
def edit_message_text(call: Call) -> Json | bool:
    message = own_message(call)
    if "text" not in message:
        raise bad_request("there is no text in the message to edit")
    text, entities = text_of(call)
    link, keyboard = preview(call, text, entities), markup_of(call, inline=True)
    return edit(call, message, text=text, entities=entities, link_preview_options=link, reply_markup=keyboard)


@served
def edit_message_reply_markup(call: Call) -> Json | bool:
    return edit(call, own_message(call), reply_markup=markup_of(call, inline=True))


def own_message(call: Call) -> Json:
    """The message to edit. Raises `ApiError` when it is not there or the bot may not edit it."""
    if call.text("inline_message_id"):
        return _sent_via(call)[1]
    message = call.room.messages.get(call.number("message_id"))
    if message is None:
        raise errors.NO_MESSAGE_TO_EDIT
    if not _may_edit(call, message):
        raise errors.CANT_EDIT
    return message


def _sent_via(call: Call) -> tuple[Room, Json]:
    """The message that was sent via the bot, and where. Raises `ApiError` when there is none."""
    place = inline_ids.found(call.world, call.text("inline_message_id"), call.bot.id)
    if place is None:
        raise bad_request("MESSAGE_ID_INVALID")
    return place


def _may_edit(call: Call, message: Json) -> bool:
    """A bot edits what it has sent; in a channel, with the right to, whatever was posted."""
    if call.room.author(message) == call.bot.id:
        return True
    return call.room.kind == "channel" and rights.may(call.room, call.bot.id, "can_edit_messages")


def edit(call: Call, message: Json, **content: Any) -> Json | bool:
    """Change a message; None takes a field away. Raises `ApiError` when nothing would change."""
    if all(message.get(name) == value for name, value in content.items()):
        raise errors.NOT_MODIFIED
    for name, value in content.items():
        if value is None:
            message.pop(name, None)
        else:
            message[name] = value
    if call.text("inline_message_id"):
        call.world.edited(_sent_via(call)[0], message)
        return True
    call.world.edited(call.room, message)
    tell_others(call.world, call.room, message, call.bot, edited=True)
    return without_keys(message)


@served
def delete_message(call: Call) -> bool:
    number = call.number("message_id")
    message = call.room.messages.get(number)
    if message is None:
        raise errors.NO_MESSAGE_TO_DELETE
    if not _may_delete(call, message):
        raise errors.CANT_DELETE
    call.world.delete(call.room, number)
    return True


@served
def delete_messages(call: Call) -> bool:
    """Delete those of the messages that are there and may be deleted."""
    room, numbers = call.room, call.params.get("message_ids")
    if not isinstance(numbers, list) or not numbers:
        raise bad_request("message identifiers are not specified")
    for number in numbers:
        message = room.messages.get(number) if isinstance(number, int) else None
        if message is not None and _may_delete(call, message):
            call.world.delete(room, number)
    return True


def _may_delete(call: Call, message: Json) -> bool:
    """A bot may delete what it wrote itself, and what others wrote where it has the right to."""
    room = call.room
    if room.kind != "private" and rights.may(room, call.bot.id, "can_delete_messages"):
        return True
    own = room.author(message) == call.bot.id or room.kind == "private"
    return own and call.world.now() - message["date"] < DELETABLE


@served
def answer_callback_query(call: Call) -> bool:
    query = call.world.queries.get(call.text("callback_query_id"))
    if query is None or query.bot != call.bot.id or call.world.now() - query.at > QUERY_LIFE:
        raise errors.OLD_QUERY
    text, url = call.text("text"), call.text("url")
    if len(text) > ANSWER_LIMIT:
        raise bad_request("MESSAGE_TOO_LONG")
    if url and not _OWN_LINK.fullmatch(url):
        raise bad_request("URL_INVALID")
    seconds = min(max(call.number_or("cache_time", 0), 0), LONGEST_CACHE)
    query.answer = {"text": text, "show_alert": call.flag("show_alert")}
    query.answer |= ({"url": url} if url else {}) | ({"cache_time": seconds} if seconds else {})
    call.world.changed("answer", query=call.text("callback_query_id"), answer=query.answer)
    return True
