"""The message that another one replies to, and the part of it that is quoted."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from bot.sandbox.calls import Call
from bot.sandbox.entities import STYLES, Entity, end_of, units
from bot.sandbox.errors import NO_CHAT, bad_request
from bot.sandbox.fields import Given, Json, Text, complaint
from bot.sandbox.rooms import Room
from bot.sandbox.state import World
from bot.sandbox.texts import parsed

QUOTE_LIMIT = 1024  # UTF-16 units; Bot API, ReplyParameters
_QUOTED = (*STYLES, "custom_emoji", "date_time")  # Bot API: what a quote has to share with the text

_Number = Annotated[int, BeforeValidator(lambda value: int(value) if str(value).isdecimal() else value)]


class _Reply(Given):
    message_id: _Number
    chat_id: Text | None = None
    allow_sending_without_reply: bool = False
    quote: Text | None = None
    quote_parse_mode: Text | None = None
    quote_entities: list[Any] | None = None
    quote_position: int | None = Field(default=None, ge=0)


def replied_of(call: Call, room: Room) -> Json:
    """The `reply_to_message` and the `quote` of a message to that room, if it has them.

    Raises `ApiError` when the message is not there and has to be, and when it does not have what is quoted.
    """
    reply = _reply(call)
    if reply is None:
        return {}
    if reply.chat_id not in (None, str(room.id)):
        raise NO_CHAT  # the sandbox has no replies from one chat to another
    replied = room.messages.get(reply.message_id)
    if replied is None:
        if reply.allow_sending_without_reply:
            return {}
        raise bad_request("message to be replied not found")
    return {"reply_to": replied, "quote": _quote(call.world, reply, replied)}


def _reply(call: Call) -> _Reply | None:
    """What is asked for, in the words of today or those of Bot API before 7.0."""
    given = call.params.get("reply_parameters")
    if given is None and call.params.get("reply_to_message_id"):
        number = call.number_or("reply_to_message_id", 0)
        lenient = call.flag("allow_sending_without_reply")
        return _Reply(message_id=number, allow_sending_without_reply=lenient) if number > 0 else None
    if not isinstance(given, dict | None):
        raise bad_request("Object expected as reply parameters")
    try:
        return _Reply.model_validate(given) if given else None
    except ValidationError as error:
        raise bad_request(complaint(error)) from None


def _quote(world: World, reply: _Reply, replied: Json) -> Json | None:
    text, entities = parsed(world, reply.model_dump(), "quote", "quote_entities", "quote_parse_mode")
    if not text:
        return None
    entities = [one for one in entities if one["type"] in _QUOTED]
    position = _found(text, entities, replied, reply.quote_position or 0)
    if units(text) > QUOTE_LIMIT or position is None:
        raise bad_request("QUOTE_TEXT_INVALID")
    return {"text": text, "position": position, "is_manual": True} | ({"entities": entities} if entities else {})


def _found(quote: str, entities: list[Entity], replied: Json, near: int) -> int | None:
    """Where in a message the quote is, nearest to a place, in UTF-16 units."""
    text = str(replied.get("text") or replied.get("caption") or "")
    given = replied.get("entities") or replied.get("caption_entities") or ()
    marks = [one for one in given if one["type"] in _QUOTED]
    places, at = [], text.find(quote)
    while at >= 0:
        begin = units(text[:at])
        if _within(marks, begin, units(quote)) == entities:
            places.append(begin)
        at = text.find(quote, at + 1)
    return min(places, key=lambda place: abs(place - near), default=None)


def _within(marks: list[Entity], begin: int, length: int) -> list[Entity]:
    """The marks of a part of a text, counted from its begin."""
    part = []
    for one in marks:
        start, end = max(one["offset"], begin), min(end_of(one), begin + length)
        if start < end:
            part.append(one | {"offset": start - begin, "length": end - start})
    return part
