"""What a customer reads while choosing: the restaurants, a menu, its categories and dishes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flows import callbacks as cb
from flows.callbacks import encode
from flows.cart import Checked, missing, unit_price
from flows.menu import Item, Option, OptionGroup, Restaurant, Service
from flows.messages.about import restaurants_row
from flows.messages.text import at_clock, esc, plain, whose_time
from flows.option_names import ambiguous, named
from flows.paging import page_of
from flows.screens import Button, Row, Screen
from flows.session import Choice, Draft

NAME = 40  # UTF-16 units of a name on a button, of which a phone shows about as many
GROUP = 16  # of that for an option's group, so that the option can be read as well


@dataclass(frozen=True)
class Closed:
    """Why a restaurant takes no orders now: in a word for lists, and in a sentence (without HTML)."""

    word: str
    sentence: str


def closed_because(restaurant: Restaurant, service: Service, now: datetime) -> Closed | None:
    """Why the restaurant takes no orders now; None when it does."""
    name = restaurant.name
    if service.staff_chat is None:
        return Closed("takes no orders yet", f"{name} takes no orders here yet.")
    if not restaurant.is_open(now):
        how = "Try again" if service.is_paused(now) else "It opens"
        return Closed("closed", f"{name} is closed now.{_from(restaurant, service, now, how)}")
    if service.is_paused(now):
        when = _from(restaurant, service, now, "Try again") or " Try again later."
        return Closed("paused", f"{name} takes no new orders at the moment.{when}")
    return None


def _from(restaurant: Restaurant, service: Service, now: datetime, how: str) -> str:
    """ " It opens tomorrow at 11:00 (Rome time)."; empty where nobody knows when it takes orders."""
    then = restaurant.takes_orders_from(service, now)
    if then is None:
        return ""
    return f" {how} {at_clock(then, now, restaurant.zone)}{whose_time(restaurant.timezone)}."


@dataclass(frozen=True)
class Listing:
    """A restaurant in the list: why it takes no orders, and whether the customer has a cart there."""

    restaurant: Restaurant
    closed: Closed | None
    cart: bool


def restaurants_screen(listings: list[Listing], row: int) -> Screen:
    """The restaurants, each with whether it takes orders now; of many, the page with that one on it."""
    if not listings:
        return Screen("No restaurant takes orders here yet. Please come back later.")
    rows = [(_listed(one),) for one in listings]
    page = page_of(rows, row, ())
    turn = page.pager(lambda first: encode(cb.ShowRestaurants(first)))
    return Screen("<b>Where would you like to order?</b>", (*page.of(rows), *turn))


def _listed(one: Listing) -> Button:
    mark = "⚪️" if one.closed else "🟢"
    state = f" · {one.closed.word}" if one.closed else ""
    cart = " 🛒" if one.cart else ""
    return Button(f"{mark} {plain(one.restaurant.name, NAME)}{state}{cart}", encode(cb.ShowMenu(one.restaurant.slug)))


def menu_screen(restaurant: Restaurant, cart: Checked, closed: Closed | None) -> Screen:
    """A restaurant's first page: who it is, and its categories."""
    parts = [
        f"<b>{esc(restaurant.name)}</b>",
        where(restaurant.address, restaurant.phone),
        f"⚠️ {esc(closed.sentence)}" if closed else "What would you like?",
    ]
    menu = restaurant.fingerprint
    rows: list[Row] = [
        (Button(plain(category.name, NAME), encode(cb.ShowCategory(restaurant.slug, index, menu))),)
        for index, category in enumerate(restaurant.menu)
    ]
    return Screen("\n\n".join(parts), (*rows, *_cart_row(restaurant, cart), restaurants_row("‹ Restaurants")))


def where(address: str, phone: str) -> str:
    """Where to go and whom to call, in HTML."""
    return f"📍 {esc(address)}\n📞 {esc(phone)}"


def category_screen(restaurant: Restaurant, index: int, hidden: frozenset[str], cart: Checked, row: int) -> Screen:
    """The dishes of a category, without those that staff have hidden; of many, the page with that dish on it."""
    category, menu = restaurant.menu[index], restaurant.fingerprint
    dishes = {at: item for at, item in enumerate(category.items) if item.id not in hidden}
    rows: list[Row] = [
        (Button(f"{plain(item.name, NAME)} · {item.price}", encode(cb.ShowItem(restaurant.slug, item.id))),)
        for item in dishes.values()
    ]
    places = list(dishes)  # a dish keeps its place in the category when another one is hidden
    beside = [*_cart_row(restaurant, cart), (Button("‹ Menu", encode(cb.ShowMenu(restaurant.slug))),)]
    page = page_of(rows, sum(place < row for place in places), beside)
    turn = page.pager(lambda first: encode(cb.ShowCategory(restaurant.slug, index, menu, places[first])))
    text = f"<b>{esc(restaurant.name)}</b> · {esc(category.name)}"
    if not dishes:
        text += "\n\nNothing is available here at the moment."
    return Screen(text, (*page.of(rows), *turn, *beside))


def _cart_row(restaurant: Restaurant, cart: Checked) -> list[Row]:
    count = sum(line.quantity for line in cart.lines)
    if not count:
        return []
    return [(Button(f"🛒 Cart ({count}) · {cart.total}", encode(cb.ShowCart(restaurant.slug)), style="primary"),)]


def item_screen(restaurant: Restaurant, item: Item, draft: Draft, place: tuple[int, int], row: int) -> Screen:
    """A dish with its options and how many; of many options, the page with that one on it.

    `place` is where it stands: its category's index, and its own in that.
    """
    parts = [f"<b>{esc(item.name)}</b> · {item.price}"]
    if item.description:
        parts.append(esc(item.description))
    if item.allergens:
        parts.append(f"Allergens: {esc(plain(', '.join(item.allergens), 500))}")
    if item.options:
        parts.append("\n".join(f"<b>{esc(group.name)}</b>: {_rule(group)}" for group in item.options))
    menu, named_groups = restaurant.fingerprint, {group for group, _ in ambiguous(item)}
    rows: list[Row] = []
    for index, group in enumerate(item.options):
        heading = group.name if group.name in named_groups else ""
        for number, option in enumerate(group.options):
            tap = cb.ToggleOption(restaurant.slug, item.id, index, number, menu)
            chosen = Choice(group=group.name, option=option.name) in draft.choices
            rows.append((Button(_option(heading, option, chosen), encode(tap)),))
    less, more = (encode(cb.ChangeQuantity(restaurant.slug, item.id, by)) for by in (-1, 1))
    here = encode(cb.ShowItem(restaurant.slug, item.id, row))
    category, dish = place
    beside = [
        (Button("−", less), Button(f"{draft.quantity} ×", here), Button("+", more)),
        (_add_button(restaurant, item, draft),),
        (Button("‹ Back", encode(cb.ShowCategory(restaurant.slug, category, menu, dish))),),
    ]
    page = page_of(rows, row, beside)
    turn = page.pager(lambda first: encode(cb.ShowItem(restaurant.slug, item.id, first)))
    return Screen("\n\n".join(parts), (*page.of(rows), *turn, *beside))


def _rule(group: OptionGroup) -> str:
    most = min(group.most, len(group.options))
    if group.least == most:
        return f"choose {most}"
    return f"choose up to {most}" if group.least == 0 else f"choose {group.least} to {most}"


def _option(group: str, option: Option, chosen: bool) -> str:
    price = f" +{option.price}" if option.price.minor else ""
    return f"{'☑' if chosen else '○'} {plain(named(plain(group, GROUP), option.name), NAME)}{price}"


def _add_button(restaurant: Restaurant, item: Item, draft: Draft) -> Button:
    payload = encode(cb.AddToCart(restaurant.slug, item.id))
    lacking = missing(item, draft.choices)
    if lacking:
        return Button(f"Choose {plain(lacking, NAME)} first", payload)
    unit = unit_price(item, draft.choices)
    price = f" · {unit * draft.quantity}" if unit else ""
    return Button(f"Add to cart{price}", payload, style="success")
