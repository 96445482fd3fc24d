"""What a staff chat reads about itself and its restaurant: joining, pausing, hiding dishes, help."""

from __future__ import annotations

from datetime import datetime

from flows import callbacks as cb
from flows.callbacks import encode
from flows.menu import Restaurant, Service
from flows.messages.staff import PAUSES, pairs
from flows.messages.text import at_clock, esc, plain
from flows.paging import page_of
from flows.screens import Button, Screen

COMMANDS = (
    ("orders", "Open orders"),
    ("items", "Hide a dish, or show it again"),
    ("pause", "Take no new orders"),
    ("resume", "Take orders again"),
    ("help", "How it works"),
)

STRANGER = (
    "This is the restaurant's side of Comanda, and this chat is no restaurant's staff chat. To receive orders here, "
    "open the invite link that the owner gets from <code>comanda restaurant invite SLUG</code>."
)
BAD_INVITE = (
    "This invite has been used, has expired, was withdrawn or was never one. Ask the owner for a new one: "
    "<code>comanda restaurant invite SLUG</code>"
)
HINT = "Please use the buttons on the tickets, or a command. /help tells more."
UNREAD = "I read commands and taps only."
APOLOGY = "Sorry, something went wrong with the last tap or message. Please look at the ticket and try again."

# Answers to taps, without HTML
TRY_AGAIN = "The order book is out of reach, so this may not be noted. Please look again in a minute."
NOT_YOURS = "That order can't be answered here: this is not the staff chat of its restaurant (any more)."
NO_STAFF_CHAT = "This is not a staff chat any more."
UNKNOWN_BUTTON = "That button does nothing."
OLD_BUTTON = "That button is from an older version. Use the buttons of the newest message."

_HELP = (
    "Each order is one ticket: <i>Accept</i> with the minutes until it is ready, or <i>Decline</i>. "
    "Then <i>Ready</i> and <i>Picked up</i>: compare the customer's code with the ticket's.\n\n"
    "/orders the open orders\n/items hide a dish that has run out\n/pause take no new orders\n/resume take orders again"
)
_PAUSES = {30: "30 min", **PAUSES}

MINUTES = frozenset(_PAUSES)
"""The lengths of a pause that our buttons offer; 0 has no end."""


def joined(restaurant: Restaurant) -> Screen:
    """The greeting of a chat that has just joined."""
    name = esc(restaurant.name)
    return Screen(f"✅ This is now the staff chat of <b>{name}</b>. Its orders arrive here.\n\n{_HELP}")


def already_here(restaurant: Restaurant) -> Screen:
    """What this chat is, and how it works."""
    return Screen(f"This is the staff chat of <b>{esc(restaurant.name)}</b>.\n\n{_HELP}")


def serves_another(restaurant: Restaurant) -> Screen:
    """A chat with a restaurant has used another one's invite."""
    return Screen(
        f"This chat already is the staff chat of <b>{esc(restaurant.name)}</b>. "
        "Use another chat for the second restaurant: the invite still works."
    )


def replaced(restaurant: Restaurant) -> Screen:
    """The last words to a former staff chat."""
    return Screen(f"Another chat is now the staff chat of <b>{esc(restaurant.name)}</b>. No more orders arrive here.")


def pause_screen(restaurant: Restaurant, service: Service, now: datetime) -> Screen:
    """Whether orders are taken, and the buttons to change it."""
    name, then = f"<b>{esc(restaurant.name)}</b>", restaurant.takes_orders_from(service, now)
    opens = "" if then is None else f"You open {at_clock(then, now, restaurant.zone)}."
    if service.is_paused(now):
        until = service.paused_until
        end = f"until {at_clock(until, now, restaurant.zone).removeprefix('at ')}" if until else "until you resume"
        text = f"⏸ {name} takes no new orders {end}."
        text += f" You are closed then. {opens}" if opens and then != until else ""
        return Screen(text, ((Button("▶️ Take orders again", encode(cb.Resume()), style="success"),),))
    text = f"▶️ {name} takes orders. Pause for how long?"
    if not restaurant.is_open(now):
        text = f"▶️ {name} takes orders when you are open. {opens or 'You are closed now.'}\nPause for how long?"
    return Screen(text, pairs([Button(words, encode(cb.Pause(minutes))) for minutes, words in _PAUSES.items()]))


def items_screen(restaurant: Restaurant, service: Service, category: int, row: int = 0) -> Screen:
    """The dishes of one category, each to hide or to show again; of many, the page with that dish on it.

    The other categories stand below.
    """
    category = category if 0 <= category < len(restaurant.menu) else 0
    rows = [
        (
            Button(
                f"{'🚫' if item.id in service.hidden else '🟢'} {plain(item.name, 50)}",
                encode(cb.SetItem(item.id, int(item.id not in service.hidden), category)),
            ),
        )
        for item in restaurant.menu[category].items
    ]
    others = [
        Button(f"{plain(other.name, 30)} ›", encode(cb.ShowItems(index)))
        for index, other in enumerate(restaurant.menu)
        if index != category
    ]
    page = page_of(rows, row, pairs(others))
    turn = page.pager(lambda first: encode(cb.ShowItems(category, first)))
    text = f"<b>{esc(restaurant.menu[category].name)}</b>\nTap a dish to hide it (🚫) or to show it again (🟢)."
    return Screen(text, (*page.of(rows), *turn, *pairs(others)))
