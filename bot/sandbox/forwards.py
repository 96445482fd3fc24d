"""The methods of the Bot API about messages that come again: forwarded, or copied."""

from __future__ import annotations

from collections import defaultdict
from uuid import uuid4

from bot.sandbox.calls import Call, Served
from bot.sandbox.errors import bad_request
from bot.sandbox.fields import Json
from bot.sandbox.messages import send
from bot.sandbox.rooms import Room
from bot.sandbox.services import KINDS
from bot.sandbox.texts import caption_of

served = Served()

MOST_AT_ONCE = 100  # messages in one request; Bot API, forwardMessages
_ABOUT = {"message_id", "date", "chat", "from", "sender_chat", "edit_date", "reply_to_message", "quote"}
_ABOUT |= {"has_protected_content", "reply_markup", "message_thread_id", "is_topic_message", "media_group_id"}


@served
def forward_message(call: Call) -> Json:
    return send(call, **forwarded(_original(call, "forward")), reply_markup=None)


@served
def forward_messages(call: Call) -> list[Json]:
    messages = _originals(call)
    contents = [forwarded(message) | album for message, album in zip(messages, _albums(messages), strict=True)]
    return [_number(send(call, **content, reply_markup=None)) for content in contents]


@served
def copy_message(call: Call) -> Json:
    content = _copied(_original(call, "copy"))
    if "caption" in call.params and "text" not in content:
        content["caption"], content["caption_entities"] = caption_of(call)
    return _number(send(call, **content))


@served
def copy_messages(call: Call) -> list[Json]:
    messages = _originals(call)
    contents = [_copied(message) | album for message, album in zip(messages, _albums(messages), strict=True)]
    if call.flag("remove_caption"):
        contents = [content | {"caption": None, "caption_entities": None} for content in contents]
    return [_number(send(call, **content)) for content in contents]


def _source(call: Call) -> Room:
    if not call.params.get("from_chat_id"):
        raise bad_request('Parameter "from_chat_id" is required')
    return call.world.for_bot(call.bot, call.params["from_chat_id"])


def _original(call: Call, to: str) -> Json:
    message = _source(call).messages.get(call.number("message_id"))
    if message is None:
        raise bad_request(f"message to {to} not found")
    if not may_go(message):
        raise bad_request("message can't be forwarded" if to == "forward" else "message can't be copied")
    return message


def _originals(call: Call) -> list[Json]:
    """The messages of a request; those that are not there or can't be forwarded are passed over."""
    room, numbers = _source(call), call.params.get("message_ids")
    if not isinstance(numbers, list) or not numbers:
        raise bad_request("Message identifiers are not specified")
    if len(numbers) > MOST_AT_ONCE:
        raise bad_request("Too many message identifiers specified")
    there = [room.messages[number] for number in numbers if isinstance(number, int) and number in room.messages]
    if not there:
        raise bad_request("there are no messages to forward")
    return [message for message in there if may_go(message)]


def may_go(message: Json) -> bool:
    """Whether a message may be forwarded or copied."""
    return not message.get("has_protected_content") and not message.keys() & KINDS


def forwarded(original: Json) -> Json:
    """The fields of a message that forwards another one, whose origin it keeps where that was forwarded itself."""
    return {"forward_origin": _origin(original)} | _content(original)


def _origin(original: Json) -> Json:
    if "from" in original:
        return {"type": "user", "sender_user": original["from"], "date": original["date"]}
    place = {"chat": original["sender_chat"], "message_id": original["message_id"]}
    return {"type": "channel", **place, "date": original["date"]}


def _content(message: Json) -> Json:
    return {name: value for name, value in message.items() if name not in _ABOUT}


def _copied(message: Json) -> Json:
    return _content(message) | {"forward_origin": None}


def _albums(messages: list[Json]) -> list[Json]:
    """The new albums of messages that come again together."""
    names: dict[str, str] = defaultdict(lambda: str(uuid4().int % 10**17))
    return [{"media_group_id": names[one["media_group_id"]]} if "media_group_id" in one else {} for one in messages]


def _number(message: Json) -> Json:
    """A MessageId."""
    return {"message_id": message["message_id"]}
