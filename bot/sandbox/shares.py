"""The methods of the Bot API about places, live ones among them, persons and dice."""

from __future__ import annotations

from random import Random

from bot.sandbox.calls import Call, Served
from bot.sandbox.errors import bad_request
from bot.sandbox.fields import Json
from bot.sandbox.keyboards import markup_of
from bot.sandbox.messages import edit, own_message, send

served = Served()

DICE = {"🎲": 6, "🎯": 6, "🎳": 6, "🏀": 5, "⚽": 5, "🎰": 64}  # the highest values; Bot API, Dice
LIVE_PERIODS = range(60, 86401)  # seconds; Bot API, sendLocation
_OF_LIVE_ONES = ("live_period", "heading", "proximity_alert_radius")
FOR_EVER = 0x7FFFFFFF  # seconds, of a live location that has no end

_random = Random()  # noqa: S311 - throws dice, keeps no secret


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
    given: Json = {name: call.number_or(name, 0) for name in _OF_LIVE_ONES}
    period = given["live_period"]
    if period and period not in LIVE_PERIODS and period != FOR_EVER:
        raise bad_request("Wrong live location period specified")
    accuracy = call.params.get("horizontal_accuracy")
    exact = {} if accuracy is None else {"horizontal_accuracy": float(accuracy)}
    return exact | ({name: value for name, value in given.items() if value} if period else {})


# Places that move


@served
def edit_message_live_location(call: Call) -> Json | bool:
    """Move a live place. It keeps how long it lives unless the request says otherwise."""
    message = _moving(call)
    period = call.number_or("live_period", message["location"]["live_period"])
    place = _place(call) | _live(Call(call.world, call.bot, call.params | {"live_period": period}))
    return edit(call, message, location=place, reply_markup=markup_of(call, inline=True))


@served
def stop_message_live_location(call: Call) -> Json | bool:
    message = _moving(call)
    place = {name: value for name, value in message["location"].items() if name not in _OF_LIVE_ONES}
    return edit(call, message, location=place, reply_markup=markup_of(call, inline=True))


def _moving(call: Call) -> Json:
    """The message with a place that still lives. Raises `ApiError` for any other."""
    message = own_message(call)
    period = message.get("location", {}).get("live_period")
    if period is None:
        raise bad_request("message can't be edited")
    if period != FOR_EVER and call.world.now() >= message["date"] + period:
        raise bad_request("message can't be edited")
    return message


def _said(call: Call, name: str) -> str:
    text = call.text(name)
    if not text.strip():
        raise bad_request(f"{name.replace('_', ' ')} must be non-empty")
    return text
