"""The customer's conversation: pure steps from a session and an update to the next session.

`apply`, `start`, `read` and their like say what an update changes; `render` says what the chat shows then. The same
session renders the same screen, so an update that is delivered twice only shows its screen again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, assert_never

from flows import callbacks as cb
from flows.browsing import browse, configure, no_restaurant
from flows.callbacks import CustomerTap
from flows.checkout import on_cart, with_note
from flows.commands import CancelOrder
from flows.events import CancelReason, Side
from flows.incoming import Kind
from flows.messages import customer
from flows.messages.about import UNKNOWN_BUTTON, UNREAD
from flows.messages.carts import NOTE_LIMIT
from flows.messages.text import plain, tidy
from flows.order import WAITING, Order, Refused, Why
from flows.session import CartView, HelpView, MenuView, NoteView, OrdersView, OrderView, RestaurantsView, Session
from flows.showing import render
from flows.turns import Moment, Notice, Shop, Turn, at, say

__all__ = [
    "Moment", "Notice", "Shop", "Turn", "apply", "command", "hint_of", "name_of", "read", "refused", "render", "stale",
    "start", "unread",
]  # fmt: skip

_USE_BUTTONS = "Please use the buttons. /start shows the restaurants, /help how it works."
_NOTE_AS_TEXT = "I need the note as a plain text message."

NAME_LIMIT = 64  # UTF-16 units of a customer's name on a ticket


def start(session: Session, payload: str, shop: Shop) -> Turn:
    """/start, with the slug of a restaurant or without one."""
    slug = payload.strip().lower()
    if not slug:
        return Turn(at(session, RestaurantsView()))
    if shop.restaurant(slug) is None:
        return say(at(session, RestaurantsView()), "That restaurant is not here. Choose one of these:")
    return Turn(at(session, MenuView(slug=slug)))


def command(session: Session, name: Literal["orders", "help"]) -> Turn:
    """The other commands of the bot's menu."""
    return Turn(at(session, OrdersView() if name == "orders" else HelpView()))


def read(session: Session, text: str, shop: Shop) -> Turn:
    """A typed message. Only the note for the kitchen is typed."""
    session = _beside_status(session)
    match session.view:
        case NoteView():
            pass
        case CartView():
            return say(session, f"For a note to the kitchen tap “Add a note”: up to {NOTE_LIMIT} characters.")
        case _:
            return say(session, _USE_BUTTONS)
    note = "" if text.startswith("/") else tidy(text)
    if not note:
        return say(session, _NOTE_AS_TEXT)
    cart = session.cart(session.view.slug)
    restaurant = shop.restaurant(session.view.slug)
    if restaurant is None:
        return no_restaurant(session)
    if cart is None:
        return say(at(session, MenuView(slug=restaurant.slug)), "That cart is gone.")
    if len(note) > NOTE_LIMIT:
        # Back to the cart: a text of over 4096 characters comes in parts, and the last one may be short enough.
        too_long = f"Your note has {len(note)} characters; at most {NOTE_LIMIT} fit."
        return say(at(session, CartView(slug=restaurant.slug)), f"{too_long} Tap “Add a note” for a shorter one.")
    return with_note(session, cart, note, restaurant, shop.service(restaurant.slug))


def unread(session: Session, kind: Kind, update: str) -> Turn:
    """A picture, a voice, an edited message and the like: one of a kind after the other, only the first is answered.

    It is this update that was answered if it is the session's hint then.
    """
    if session.hint.partition(":")[0] == kind:
        return Turn(session)
    words = UNREAD[kind]
    if kind is not Kind.EDIT:
        words += f" {_NOTE_AS_TEXT if isinstance(session.view, NoteView) else _USE_BUTTONS}"
    turn = say(_beside_status(session), words)
    return replace(turn, session=turn.session.model_copy(update={"hint": hint_of(kind, update)}))


def hint_of(kind: Kind, update: str) -> str:
    """How a session remembers that this update was answered by a hint."""
    return f"{kind}:{update}"


def _beside_status(session: Session) -> Session:
    """What a hint is shown with: an order's status stays one message, which would be shown a second time."""
    return at(session, OrdersView() if isinstance(session.view, OrderView) else session.view)


def stale(session: Session, outdated: bool) -> Turn:
    """A tap on a button that is not ours, or not of this version."""
    return say(
        session,
        "That button is from an older version. Here is where we are." if outdated else UNKNOWN_BUTTON,
    )


def refused(session: Session, refusal: Refused) -> Turn:
    """The order's rules forbade what the tap wanted: say why, and show the order as it stands."""
    if refusal.order is not None:
        session = at(session, OrderView(order_id=refusal.order.id))
    return say(session, customer.refusal(refusal), alert=True)


def apply(session: Session, tap: CustomerTap, shop: Shop, moment: Moment) -> Turn:
    """What a tap changes. Whatever no longer exists gets a short answer and a screen from which to go on."""
    match tap:
        case cb.ShowRestaurants(row):
            return Turn(at(session, RestaurantsView(row=_row_of(session, shop) if row < 0 else row)))
        case cb.ShowOrders(page):
            return Turn(at(session, OrdersView(page=max(page, 0))))
        case cb.ShowMenu() | cb.ShowCategory() | cb.ShowItem() | cb.ShowCart():
            return browse(session, tap, shop)
        case cb.ToggleOption() | cb.ChangeQuantity() | cb.AddToCart():
            return configure(session, tap, shop, moment)
        case cb.ChangeLine() | cb.EmptyCart() | cb.WriteNote() | cb.RemoveNote() | cb.Place():
            return on_cart(session, tap, shop, moment)
        case cb.ShowOrder() | cb.AskCancel() | cb.CancelMine() | cb.KeepOrder():
            return _on_order(session, tap, shop.order(tap.order), moment)
        case _:
            assert_never(tap)


def _row_of(session: Session, shop: Shop) -> int:
    """Where in the list of restaurants the one on screen stands."""
    slug = getattr(session.view, "slug", None)
    return next((row for row, restaurant in enumerate(shop.restaurants()) if restaurant.slug == slug), 0)


def _on_order(
    session: Session,
    tap: cb.ShowOrder | cb.AskCancel | cb.CancelMine | cb.KeepOrder,
    order: Order | None,
    moment: Moment,
) -> Turn:
    if order is None or order.placed.customer.id != moment.customer.id:
        return replace(say(session, "That order is not one of yours.", alert=True), foreign=True)
    page = session.view.page if isinstance(session.view, OrdersView | OrderView) else 0
    match tap:
        case cb.ShowOrder():
            return Turn(at(session, OrderView(order_id=order.id, listed=True, page=page)))
        case cb.KeepOrder():
            return Turn(at(session, OrderView(order_id=order.id, page=page)))
        case cb.AskCancel() if order.status not in WAITING:
            return refused(session, Refused(Why.ALREADY_OVER if order.over else Why.ALREADY_ACCEPTED, order))
        case cb.AskCancel():
            return Turn(at(session, OrderView(order_id=order.id, asking=True, page=page)))
        case cb.CancelMine():
            cancel = CancelOrder(Side.CUSTOMER, moment.customer, CancelReason.CUSTOMER_CHANGED_MIND)
            return Turn(at(session, OrderView(order_id=order.id)), Notice("Order cancelled"), (order.id, cancel))
        case _:
            assert_never(tap)


def name_of(full_name: str) -> str:
    """A customer's name as the ticket shows it: whatever Telegram gives, on one line and cut."""
    return plain(tidy(full_name), NAME_LIMIT) or "Guest"
