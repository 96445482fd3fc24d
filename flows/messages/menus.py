"""What a customer reads before there is an order: restaurants, menus, dishes, the cart, and help."""

from __future__ import annotations

from datetime import datetime

from flows import callbacks as cb
from flows.callbacks import encode
from flows.cart import Checked, missing, unit_price
from flows.menu import Category, Item, OptionGroup, Restaurant, Service
from flows.messages.text import esc, plain
from flows.order import Order, Status
from flows.screens import Button, Screen
from flows.session import Choice, Draft

Row = tuple[Button, ...]
PER_PAGE = 6  # orders on one page of /orders

HELP = (
    "<b>How it works</b>\n\n"
    "1. /start: choose a restaurant and put dishes into your cart.\n"
    "2. <i>Place order</i>: the restaurant gets it at once.\n"
    "3. When they accept it you get the time and a pick-up code.\n"
    "4. You pay when you pick up.\n\n"
    "You can cancel until the restaurant has accepted.\n"
    "/orders shows your orders, /start the restaurants."
)

NOTE_LIMIT = 300  # characters of a note for the kitchen


def closed_because(restaurant: Restaurant, service: Service, now: datetime) -> str | None:
    """Why the restaurant takes no orders now, without HTML; None when it does."""
    if service.staff_chat is None:
        return f"{restaurant.name} does not take orders here yet."
    if not restaurant.is_open(now):
        here = now.astimezone(restaurant.zone)
        opening = restaurant.hours.next_opening(here) if restaurant.hours else None
        when = f" It opens {opening:%a %d %b at %H:%M}." if opening else ""
        return f"{restaurant.name} is closed now.{when}"
    if service.is_paused(now):
        until = service.paused_until
        when = f" Try again after {until.astimezone(restaurant.zone):%H:%M}." if until else " Try again later."
        return f"{restaurant.name} takes no new orders just now.{when}"
    return None


def restaurants_screen(found: list[tuple[Restaurant, bool]], hint: str = "") -> Screen:
    """The restaurants, each with whether it takes orders now."""
    if not found:
        return Screen("No restaurant takes orders here yet. Please come back later.")
    rows = tuple(
        (Button(plain(f"{'🟢' if takes else '⚪️'} {one.name}", 60), encode(cb.ShowMenu(one.slug))),)
        for one, takes in found[:90]
    )
    return Screen(_with(hint, "<b>Where would you like to order?</b>"), rows)


def menu_screen(restaurant: Restaurant, cart: Checked | None, closed: str | None) -> Screen:
    """A restaurant's first page: who it is, and its categories."""
    parts = [
        f"<b>{esc(restaurant.name)}</b>",
        f"📍 {esc(restaurant.address)}\n📞 {esc(restaurant.phone)}",
        f"⚠️ {esc(closed)}" if closed else "Choose a category:",
    ]
    rows: list[Row] = [
        (Button(category.name, encode(cb.ShowCategory(restaurant.slug, index, restaurant.fingerprint))),)
        for index, category in enumerate(restaurant.menu)
    ]
    rows += [*_cart_row(restaurant, cart), (Button("‹ Restaurants", encode(cb.ShowRestaurants())),)]
    return Screen("\n\n".join(parts), tuple(rows))


def category_screen(restaurant: Restaurant, category: Category, hidden: frozenset[str], cart: Checked | None) -> Screen:
    """The dishes of a category."""
    dishes = [item for item in category.items if item.id not in hidden]
    rows: list[Row] = [
        (Button(f"{plain(item.name, 40)} · {item.price}", encode(cb.ShowItem(restaurant.slug, item.id))),)
        for item in dishes
    ]
    rows += [*_cart_row(restaurant, cart), (Button("‹ Menu", encode(cb.ShowMenu(restaurant.slug))),)]
    text = f"<b>{esc(restaurant.name)}</b> · {esc(category.name)}"
    return Screen(text if dishes else f"{text}\n\nNothing available here today.", tuple(rows))


def item_screen(restaurant: Restaurant, item: Item, draft: Draft, category: int) -> Screen:
    """A dish with its options and how many."""
    parts = [f"<b>{esc(item.name)}</b> · {item.price}"]
    if item.description:
        parts.append(esc(item.description))
    if item.allergens:
        parts.append(f"Allergens: {esc(', '.join(item.allergens))}")
    for group in item.options:
        parts.append(f"<b>{esc(group.name)}</b>: {_rule(group)}")
    rows: list[Row] = []
    for index, group in enumerate(item.options):
        rows += _option_rows(restaurant, item, index, group, draft.choices)
    less, more = (encode(cb.ChangeQuantity(restaurant.slug, item.id, by)) for by in (-1, 1))
    here = encode(cb.ShowItem(restaurant.slug, item.id))
    rows.append((Button("−", less), Button(f"{draft.quantity} ×", here), Button("+", more)))
    rows.append((_add_button(restaurant, item, draft),))
    back = encode(cb.ShowCategory(restaurant.slug, category, restaurant.fingerprint))
    rows.append((Button("‹ Back", back),))
    return Screen("\n\n".join(parts), tuple(rows))


def _rule(group: OptionGroup) -> str:
    if group.least == group.most:
        return f"choose {group.most}"
    return f"choose up to {group.most}" if group.least == 0 else f"choose {group.least} to {group.most}"


def _option_rows(
    restaurant: Restaurant, item: Item, index: int, group: OptionGroup, chosen: tuple[Choice, ...]
) -> list[Row]:
    off, on = ("⚪️", "🔘") if group.most == 1 else ("☐", "☑")
    rows: list[Row] = []
    for number, option in enumerate(group.options):
        mark = on if Choice(group=group.name, option=option.name) in chosen else off
        price = f" +{option.price}" if option.price.minor else ""
        tap = cb.ToggleOption(restaurant.slug, item.id, index, number, restaurant.fingerprint)
        rows.append((Button(f"{mark} {plain(option.name, 40)}{price}", encode(tap)),))
    return rows


def _add_button(restaurant: Restaurant, item: Item, draft: Draft) -> Button:
    lacking = missing(item, draft.choices)
    payload = encode(cb.AddToCart(restaurant.slug, item.id))
    if lacking:
        return Button(f"Choose {plain(lacking, 40)} first", payload)
    unit = unit_price(item, draft.choices)
    price = f" · {unit * draft.quantity}" if unit else ""
    return Button(f"Add to cart{price}", payload, style="success")


def _cart_row(restaurant: Restaurant, cart: Checked | None) -> list[Row]:
    if cart is None or not cart.cart.lines:
        return []
    count = sum(line.quantity for line in cart.lines)
    return [(Button(f"🛒 Cart ({count}) · {cart.total}", encode(cb.ShowCart(restaurant.slug)), style="primary"),)]


def cart_screen(restaurant: Restaurant, checked: Checked, closed: str | None) -> Screen:
    """The cart, with everything there is to know before *Place order*."""
    cart = checked.cart
    menu = (Button("‹ Menu", encode(cb.ShowMenu(restaurant.slug))),)
    changes = "\n".join(f"⚠️ {esc(change)}" for change in checked.changes[:10])
    if not cart.lines:
        return Screen(_with(changes, f"Your cart at <b>{esc(restaurant.name)}</b> is empty."), (menu,))
    parts = [f"🛒 <b>Your cart at {esc(restaurant.name)}</b>"]
    if changes:
        parts.append(changes)
    lines = []
    for line in checked.lines:
        options = f"\n     {esc(plain(', '.join(line.options), 120))}" if line.options else ""
        lines.append(f"{line.quantity} × {esc(line.name)} · {line.total}{options}")
    parts.append("\n".join(lines))
    if cart.note:
        parts.append(f"📝 {esc(cart.note)}")
    parts.append(f"Total <b>{checked.total}</b>, pay at pick-up")
    parts.append(f"📍 {esc(restaurant.address)}\n📞 {esc(restaurant.phone)}")
    if closed:
        parts.append(f"⚠️ {esc(closed)}")
    rows: list[Row] = []
    for index, line in enumerate(checked.lines):
        less, more = (encode(cb.ChangeLine(cart.id, index, line.item_id, by)) for by in (-1, 1))
        dish = encode(cb.ShowItem(restaurant.slug, line.item_id))
        rows.append((Button("−", less), Button(plain(f"{line.quantity} × {line.name}", 40), dish), Button("+", more)))
    note = [Button("📝 Change note" if cart.note else "📝 Add a note", encode(cb.WriteNote(cart.id)))]
    if cart.note:
        note.append(Button("Remove note", encode(cb.RemoveNote(cart.id))))
    rows += [
        tuple(note),
        (Button(f"✅ Place order · {checked.total}", encode(cb.Place(cart.id)), style="success"),),
        (*menu, Button("Empty cart", encode(cb.EmptyCart(cart.id)))),
    ]
    return Screen("\n\n".join(parts), tuple(rows))


def note_screen(restaurant: Restaurant, note: str) -> Screen:
    """The next text is the note."""
    now = f"\n\nNow it says: {esc(note)}" if note else ""
    text = f"📝 <b>Send me your note for the kitchen</b> as a message (up to {NOTE_LIMIT} characters).{now}"
    return Screen(text, ((Button("‹ Back to the cart", encode(cb.ShowCart(restaurant.slug))),),))


_WORDS = {
    Status.PLACED: "waiting",
    Status.NOTIFIED: "waiting",
    Status.ACCEPTED: "accepted",
    Status.READY: "ready",
    Status.FULFILLED: "picked up",
    Status.DECLINED: "declined",
    Status.CANCELLED: "cancelled",
    Status.EXPIRED: "expired",
    Status.NOT_COLLECTED: "not collected",
}


def orders_screen(orders: list[Order], page: int) -> Screen:
    """A page of the customer's orders, newest first."""
    if not orders:
        return Screen("You have no orders yet. /start shows the restaurants.")
    last = (len(orders) - 1) // PER_PAGE
    page = min(max(page, 0), last)
    rows: list[Row] = []
    for order in orders[page * PER_PAGE : (page + 1) * PER_PAGE]:
        placed = order.placed
        text = f"#{placed.number} · {plain(placed.restaurant.name, 24)} · {placed.total} · {_WORDS[order.status]}"
        rows.append((Button(text, encode(cb.ShowOrder(order.id))),))
    turn = []
    if page > 0:
        turn.append(Button("‹ Newer", encode(cb.ShowOrders(page - 1))))
    if page < last:
        turn.append(Button("Older ›", encode(cb.ShowOrders(page + 1))))
    if turn:
        rows.append(tuple(turn))
    return Screen("<b>Your orders</b>", tuple(rows))


def _with(hint: str, text: str) -> str:
    return f"{hint}\n\n{text}" if hint else text
