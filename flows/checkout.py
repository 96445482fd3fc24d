"""The cart: changing it, the note for the kitchen, and *Place order*.

Whatever shows the cart first brings it up to date with the menu and says what that changed, so that nobody places an
order for a price or a dish they have not seen.
"""

from __future__ import annotations

from typing import assert_never

from flows import callbacks as cb
from flows import cart as carts
from flows.commands import PlaceOrder
from flows.events import RestaurantCard
from flows.menu import Restaurant, Service
from flows.messages import menus
from flows.session import Cart, CartView, MenuView, NoteView, OrderView, RestaurantsView, Session
from flows.turns import Moment, Notice, Shop, Turn, at, say

CartTap = cb.ChangeLine | cb.EmptyCart | cb.WriteNote | cb.RemoveNote | cb.Place

_LOOK_AGAIN = "Please look again before you place the order."


def open_cart(session: Session, restaurant: Restaurant, service: Service, row: int = 0) -> Turn:
    """Show the cart as the menu makes it now, on the page that has that line on it."""
    cart = session.cart(restaurant.slug)
    if cart is None:
        return Turn(at(session, CartView(slug=restaurant.slug)))
    checked = carts.check(cart, restaurant, service.hidden)
    session = at(session.with_cart(checked.cart), CartView(slug=restaurant.slug, changes=checked.changes, row=row))
    return say(session, " ".join(checked.changes), alert=True) if checked.changes else Turn(session)


def on_cart(session: Session, tap: CartTap, shop: Shop, moment: Moment) -> Turn:
    """A tap on a button of the cart."""
    cart = session.cart_by_id(tap.cart)
    if cart is None:
        return _cart_is_gone(session, tap.cart, shop, moment)
    restaurant = shop.restaurant(cart.slug)
    if restaurant is None:
        gone = at(session.without_cart(cart.id), RestaurantsView())
        return say(gone, "That restaurant is no longer here.", alert=True)
    service = shop.service(cart.slug)
    match tap:
        case cb.Place():
            return _place(session, tap.seen, restaurant, service, moment)
        case cb.ChangeLine():
            return _change_line(session, tap, restaurant, service)
        case cb.EmptyCart():
            return say(at(session.without_cart(cart.id), MenuView(slug=cart.slug)), "The cart is empty now.")
        case cb.WriteNote():
            return Turn(at(session, NoteView(slug=cart.slug, row=_row_of(session, cart.slug))))
        case cb.RemoveNote():
            return with_note(session, cart, "", restaurant, service)
        case _:
            assert_never(tap)


def with_note(session: Session, cart: Cart, note: str, restaurant: Restaurant, service: Service) -> Turn:
    """The cart with that note for the kitchen."""
    row = _row_of(session, cart.slug)
    return open_cart(session.with_cart(cart.model_copy(update={"note": note})), restaurant, service, row)


def _row_of(session: Session, slug: str) -> int:
    """A line of the cart that is on screen, or was before the note was asked for."""
    view = session.view
    return view.row if isinstance(view, CartView | NoteView) and view.slug == slug else 0


def _change_line(session: Session, tap: cb.ChangeLine, restaurant: Restaurant, service: Service) -> Turn:
    """One more or one less of a line of the cart as it was shown, which was already by the menu."""
    opened = open_cart(session, restaurant, service, tap.line)
    cart = opened.session.cart_by_id(tap.cart)
    lines = list(cart.lines) if cart else []
    if cart is None or not 0 <= tap.line < len(lines) or lines[tap.line].item_id != tap.item:
        return opened if opened.notice else say(opened.session, "The cart has changed; here it is.")
    line = lines[tap.line]
    quantity = line.quantity + (1 if tap.by > 0 else -1)
    if quantity > carts.MAX_QUANTITY:
        return say(opened.session, f"At most {carts.MAX_QUANTITY} of one dish.")
    lines[tap.line : tap.line + 1] = [line.model_copy(update={"quantity": quantity})] if quantity else []
    changed = cart.model_copy(update={"lines": tuple(lines)})
    return Turn(opened.session.with_cart(changed), opened.notice)


def _place(session: Session, seen: str, restaurant: Restaurant, service: Service, moment: Moment) -> Turn:
    opened = open_cart(session, restaurant, service, _row_of(session, restaurant.slug))
    cart = opened.session.cart(restaurant.slug)
    if opened.notice is not None:
        return say(opened.session, f"{_LOOK_AGAIN} {opened.notice.text}", alert=True)
    if cart is None or not cart.lines:
        return say(opened.session, "Your cart is empty: put a dish in first.", alert=True)
    if cart.fingerprint != seen:
        return say(opened.session, f"The cart has changed since this was shown. {_LOOK_AGAIN}", alert=True)
    closed = menus.closed_because(restaurant, service, moment.now)
    if closed is not None:
        return say(opened.session, f"{closed.sentence} Your cart is kept.", alert=True)
    order = _order(carts.check(cart, restaurant, service.hidden), restaurant, moment)
    # The message with the cart becomes the order's status message, so there is no live menu message now.
    session = opened.session.without_cart(cart.id).model_copy(update={"message_id": None, "draft": None})
    return Turn(at(session, OrderView(order_id=cart.id)), Notice("Order received"), (cart.id, order))


def _order(checked: carts.Checked, restaurant: Restaurant, moment: Moment) -> PlaceOrder:
    return PlaceOrder(
        order_id=checked.cart.id,
        number=moment.number(restaurant.slug, moment.now.astimezone(restaurant.zone).date()),
        code=moment.new_code(),
        restaurant=RestaurantCard(
            slug=restaurant.slug,
            name=restaurant.name,
            address=restaurant.address,
            phone=restaurant.phone,
            timezone=restaurant.timezone,
        ),
        customer=moment.customer,
        lines=checked.lines,
        note=checked.cart.note,
        total=checked.total,
        accept_within=restaurant.accept_within,
    )


def _cart_is_gone(session: Session, cart_id: str, shop: Shop, moment: Moment) -> Turn:
    """A button of a cart that is no more. If it was ordered, the customer wants to see its order (a double tap)."""
    order = shop.order(cart_id)
    if order is not None and order.placed.customer.id == moment.customer.id:
        return Turn(at(session, OrderView(order_id=order.id)))
    return say(at(session, RestaurantsView()), "That cart is gone. Choose a restaurant:")
