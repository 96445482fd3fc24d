"""The methods of the Bot API about places, persons, dice, and messages that are forwarded or copied."""

from __future__ import annotations

from random import Random

from bot.sandbox.calls import Call, Served
from bot.sandbox.errors import bad_request
from bot.sandbox.fields import Json
from bot.sandbox.messages import send
from bot.sandbox.rooms import Room
from bot.sandbox.texts import caption_of

served = Served()

MOST_AT_ONCE = 100  # messages in one request; Bot API, forwardMessages
DICE = {"🎲": 6, "🎯": 6, "🎳": 6, "🏀": 5, "⚽": 5, "🎰": 64}  # the highest values; Bot API, Dice
LIVE_PERIODS = range(60, 86401)  # seconds; Bot API, sendLocation
FOR_EVER = 0x7FFFFFFF  # seconds, of a live location that has no end

_random = Random()  # noqa: S311 - throws dice, keeps no secret
_ABOUT = {"message_id", "date", "chat", "from", "edit_date", "reply_to_message", "quote"}
_ABOUT |= {"has_protected_content", "reply_markup", "sender_chat", "message_thread_id", "is_topic_message"}
_ABOUT |= {"media_group_id"}
_SERVICE = {"new_chat_members", "left_chat_member", "pinned_message", "migrate_to_chat_id", "migrate_from_chat_id"}
_SERVICE |= {"successful_payment", "users_shared", "chat_shared", "web_app_data", "forum_topic_created"}
_SERVICE |= {"forum_topic_edited", "forum_topic_closed", "forum_topic_reopened", "general_forum_topic_hidden"}
_SERVICE |= {"general_forum_topic_unhidden"}


@served
def send_location(call: Call) -> Json:
    return send(call, **location_of(call))


@served
def send_venue(call: Call) -> Json:
    return send(call, **venue_of(call))


@served
def send_contact(call: Call) -> Json:
    return send(call, **contact_of(call))


def location_of(call: Call) -> Json:
    """The fields of a message with a place. Raises `ApiError` for one that is none."""
    return {"location": _place(call) | _live(call)}


def venue_of(call: Call) -> Json:
    """The fields of a message with a place that has a name."""
    venue = {"location": _place(call), "title": _said(call, "title"), "address": _said(call, "address")}
    for name in ("foursquare_id", "foursquare_type", "google_place_id", "google_place_type"):
        if call.text(name):
            venue[name] = call.text(name)
    return {"venue": venue, "location": venue["location"]}


def contact_of(call: Call) -> Json:
    """The fields of a message with a person's number."""
    contact = {"phone_number": _said(call, "phone_number"), "first_name": _said(call, "first_name")}
    more = {name: call.text(name) for name in ("last_name", "vcard") if call.text(name)}
    return {"contact": contact | more}


@served
def send_dice(call: Call) -> Json:
    emoji = call.text("emoji") or "🎲"
    if emoji.removesuffix("\ufe0f") not in DICE:
        raise bad_request("wrong dice emoji specified")
    emoji = emoji.removesuffix("\ufe0f")
    return send(call, dice={"emoji": emoji, "value": _random.randint(1, DICE[emoji])})


def _place(call: Call) -> Json:
    try:
        latitude, longitude = float(call.params["latitude"]), float(call.params["longitude"])
    except (KeyError, TypeError, ValueError):
        raise bad_request("latitude or longitude is not specified") from None
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise bad_request("wrong latitude or longitude specified")
    return {"latitude": latitude, "longitude": longitude}


def _live(call: Call) -> Json:
    """What a location has that moves, and how exactly it is known."""
    given: Json = {name: call.number_or(name, 0) for name in ("live_period", "heading", "proximity_alert_radius")}
    period = given["live_period"]
    if period and period not in LIVE_PERIODS and period != FOR_EVER:
        raise bad_request("Wrong live location period specified")
    accuracy = call.params.get("horizontal_accuracy")
    exact = {} if accuracy is None else {"horizontal_accuracy": float(accuracy)}
    return exact | ({name: value for name, value in given.items() if value} if period else {})


def _said(call: Call, name: str) -> str:
    text = call.text(name)
    if not text.strip():
        raise bad_request(f"{name.replace('_', ' ')} must be non-empty")
    return text


# Messages that come again


@served
def forward_message(call: Call) -> Json:
    return _forward(call, _original(call, "forward"))


@served
def forward_messages(call: Call) -> list[Json]:
    return [_number(_forward(call, original)) for original in _originals(call)]


@served
def copy_message(call: Call) -> Json:
    content = _content(_original(call, "copy"))
    content["forward_origin"] = None
    if "caption" in call.params and "text" not in content:
        content["caption"], content["caption_entities"] = caption_of(call)
    return _number(send(call, **content))


@served
def copy_messages(call: Call) -> list[Json]:
    contents = [_content(original) | {"forward_origin": None} for original in _originals(call)]
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
    return not message.get("has_protected_content") and not message.keys() & _SERVICE


def _forward(call: Call, original: Json) -> Json:
    return send(call, **forwarded(original), reply_markup=None)


def forwarded(original: Json) -> Json:
    """The fields of a message that forwards another one, whose origin it keeps where that was forwarded itself."""
    origin: Json = {"type": "user", "sender_user": original.get("from"), "date": original["date"]}
    if "sender_chat" in original:  # a post of a channel
        about = {"chat": original["sender_chat"], "message_id": original["message_id"]}
        origin = {"type": "channel", **about, "date": original["date"]}
    return {"forward_origin": origin} | _content(original)


def _content(message: Json) -> Json:
    return {name: value for name, value in message.items() if name not in _ABOUT}


def _number(message: Json) -> Json:
    """A MessageId."""
    return {"message_id": message["message_id"]}
