"""What the customer bot says about itself: its commands, descriptions and help."""

from __future__ import annotations

from flows import callbacks as cb
from flows.callbacks import encode
from flows.incoming import Kind
from flows.screens import Button, Screen

COMMANDS = (
    ("start", "Choose a restaurant"),
    ("orders", "Your orders"),
    ("help", "How it works"),
)

SHORT_DESCRIPTION = "Order food from restaurants nearby and pick it up. You pay at the counter."

DESCRIPTION = (
    "Choose dishes from a restaurant's menu and place your order here. The restaurant answers within minutes with the "
    "time your food is ready. You pay when you pick it up.\n\nTap Start to see the restaurants."
)

UNKNOWN_BUTTON = "That button does nothing."
ONLY_PRIVATE = "I take orders in a private chat only."
OPEN_PRIVATE = "Order in a private chat"

# Said to what the bot can't read, before what to do instead.
UNREAD = {
    Kind.EDIT: "I read each message once, so your change does not count. Please send it again as a new message.",
    Kind.MEDIA: "I can't look at pictures or files.",
    Kind.VOICE: "I can't listen to voice messages.",
    Kind.STICKER: "Nice one!",
    Kind.PLACE: "I don't need to know where you are: you pick your food up at the restaurant.",
    Kind.CONTACT: "I don't need a phone number.",
    Kind.OTHER: "I can't read that.",
}

# Said when handling failed each time: its effect may stand and only the reply be missing.
APOLOGY = (
    "Sorry, something went wrong. Your last tap or message may have counted all the same: /orders shows what we "
    "received. /start to go on."
)

# Said when it is not known whether a tap took effect; an alert, so at most 200 characters.
TRY_AGAIN = "Our order book is out of reach. Please try again in a minute. /orders shows what we received."

HELP = (
    "<b>How it works</b>\n\n"
    "1. Choose a restaurant and put dishes into your cart.\n"
    "2. <i>Place order</i>: the restaurant gets it at once.\n"
    "3. When they accept, you get the time and a pick-up code.\n"
    "4. You pay when you pick up.\n\n"
    "You can cancel until the restaurant has accepted.\n\n"
    "/start shows the restaurants, /orders your orders."
)


def help_screen() -> Screen:
    """How ordering works."""
    return Screen(HELP, (restaurants_row("Restaurants"),))


def restaurants_row(label: str) -> tuple[Button, ...]:
    """The way (back) to the list of restaurants."""
    return (Button(label, encode(cb.ShowRestaurants())),)
