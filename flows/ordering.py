"""The customer's conversation: pure steps from a session and a tap to the next session.

`apply`, `start`, `read` and their like say what an update changes; `render` says what the chat shows then. The same
session renders the same screen, so an update that is delivered twice only shows its screen again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, Protocol, assert_never

from flows import callbacks as cb
from flows import cart as carts
from flows.callbacks import CustomerTap
from flows.commands import CancelOrder, PlaceOrder
from flows.events import CancelReason, Person, RestaurantCard, Side
from flows.menu import Item, Restaurant, Service
from flows.messages import menus
from flows.messages.customer import status_screen
from flows.messages.text import NOTICE_LIMIT, plain, refusal
from flows.order import Order, Refused
from flows.screens import Screen
from flows.session import (
    Cart,
    CartView,
    CategoryView,
    Draft,
    HelpView,
    ItemView,
    MenuView,
    NoteView,
    OrdersView,
    OrderView,
    RestaurantsView,
    Session,
    View,
)

NAME_LIMIT = 64  # characters of a customer's name on a ticket


@dataclass(frozen=True)
class Notice:
    """The short answer to a tap: a passing note, or with `alert` a box that has to be closed."""

    text: str
    alert: bool = False


@dataclass(frozen=True)
class Turn:
    """What an update leads to. The command, if any, is committed together with the session."""

    session: Session
    notice: Notice | None = None
    command: tuple[str, PlaceOrder | CancelOrder] | None = None
    repeated: bool = False


class Shop(Protocol):
    """What the conversation may look up."""

    def restaurants(self) -> list[Restaurant]: ...
    def restaurant(self, slug: str) -> Restaurant | None: ...
    def service(self, slug: str) -> Service: ...
    def order(self, order_id: str) -> Order | None: ...
    def orders_of(self, customer_id: int, limit: int = 50) -> list[Order]: ...


@dataclass(frozen=True)
class Moment:
    """Who taps and when, and where new ids, pick-up codes and order numbers come from."""

    now: datetime
    customer: Person
    new_id: Callable[[], str]
    new_code: Callable[[], str]
    number: Callable[[str, date], int]


# Updates that are no taps


def start(session: Session, payload: str, shop: Shop, moment: Moment) -> Turn:
    """/start, with the slug of a restaurant or without one."""
    slug = payload.strip().lower()
    found = shop.restaurant(slug) if slug else None
    if slug and found is None:
        return _say(_at(session, RestaurantsView()), "That restaurant is not here. Choose one of these:")
    if found is None:
        return Turn(_at(session, RestaurantsView()))
    return Turn(_at(session, MenuView(slug=found.slug)))


def command(session: Session, name: Literal["orders", "help"]) -> Turn:
    """The other commands of the bot's menu."""
    return Turn(_at(session, OrdersView() if name == "orders" else HelpView()))


def read(session: Session, text: str | None, shop: Shop) -> Turn:
    """A typed message, or None for a photo, a sticker and the like. Only the note for the kitchen is typed."""
    if not isinstance(session.view, NoteView) or text is None or text.startswith("/"):
        return _say(session, "Please use the buttons below. /help tells more.")
    cart = session.cart(session.view.slug)
    if cart is None:
        return _say(_at(session, MenuView(slug=session.view.slug)), "That cart is gone.")
    note = " ".join(text.split())
    if len(note) > menus.NOTE_LIMIT:
        return _say(
            session, f"Your note has {len(note)} characters; at most {menus.NOTE_LIMIT} fit. Please shorten it."
        )
    session = session.with_cart(cart.model_copy(update={"note": note}))
    return Turn(_at(session, CartView(slug=cart.slug)))


def stale(session: Session, outdated: bool) -> Turn:
    """A tap on a button that is not ours, or not of this version."""
    text = "That button is from an older version; here is the current one." if outdated else "That button does nothing."
    return _say(session, text)


def refused(session: Session, refusal_: Refused) -> Turn:
    """The order's rules forbade what the tap wanted: say why, and show the order as it stands."""
    words = plain(refusal(refusal_.why, refusal_.order), NOTICE_LIMIT)
    if refusal_.order is not None:
        session = _at(session, OrderView(order_id=refusal_.order.id))
    return Turn(session, Notice(words, alert=True))


# Taps


def apply(session: Session, tap: CustomerTap, shop: Shop, moment: Moment) -> Turn:
    """What a tap changes. Whatever no longer exists gets a short answer and a screen from which to go on."""
    match tap:
        case cb.ShowRestaurants():
            return Turn(_at(session, RestaurantsView()))
        case cb.ShowOrders(page):
            return Turn(_at(session, OrdersView(page=max(page, 0))))
        case cb.ShowOrder(order_id) | cb.AskCancel(order_id) | cb.CancelMine(order_id) | cb.KeepOrder(order_id):
            return _on_order(session, tap, shop.order(order_id), moment)
        case cb.ShowMenu(slug) | cb.ShowCategory(slug) | cb.ShowItem(slug) | cb.ShowCart(slug):
            return _browse(session, tap, shop.restaurant(slug), shop)
        case cb.ToggleOption(slug) | cb.ChangeQuantity(slug) | cb.AddToCart(slug):
            return _configure(session, tap, shop.restaurant(slug), shop, moment)
        case cb.Place(cart_id):
            return _place(session, cart_id, shop, moment)
        case cb.ChangeLine(cart_id) | cb.EmptyCart(cart_id) | cb.WriteNote(cart_id) | cb.RemoveNote(cart_id):
            cart = session.cart_by_id(cart_id)
            return _cart_is_gone(session, cart_id, shop, moment) if cart is None else _edit(session, tap, cart)
        case _:
            assert_never(tap)


def _browse(
    session: Session,
    tap: cb.ShowMenu | cb.ShowCategory | cb.ShowItem | cb.ShowCart,
    restaurant: Restaurant | None,
    shop: Shop,
) -> Turn:
    if restaurant is None:
        return _say(_at(session, RestaurantsView()), "That restaurant is no longer here.")
    slug = restaurant.slug
    match tap:
        case cb.ShowMenu():
            return Turn(_at(session, MenuView(slug=slug)))
        case cb.ShowCart():
            return Turn(_at(session, CartView(slug=slug)))
        case cb.ShowCategory(_, index, menu):
            if menu != restaurant.fingerprint or not 0 <= index < len(restaurant.menu):
                return _menu_changed(session, slug)
            return Turn(_at(session, CategoryView(slug=slug, category=index)))
        case cb.ShowItem(_, item_id):
            item = _available(restaurant, item_id, shop)
            if item is None:
                return _say(_at(session, MenuView(slug=slug)), "That dish is not available any more.", alert=True)
            draft = _draft(session, slug, item)
            return Turn(_at(session.model_copy(update={"draft": draft}), ItemView(slug=slug, item_id=item_id)))
        case _:
            assert_never(tap)


def _configure(
    session: Session,
    tap: cb.ToggleOption | cb.ChangeQuantity | cb.AddToCart,
    restaurant: Restaurant | None,
    shop: Shop,
    moment: Moment,
) -> Turn:
    if restaurant is None:
        return _say(_at(session, RestaurantsView()), "That restaurant is no longer here.")
    item = _available(restaurant, tap.item, shop)
    if item is None:
        return _say(_at(session, MenuView(slug=restaurant.slug)), "That dish is not available any more.", alert=True)
    draft = _draft(session, restaurant.slug, item)
    session = _at(session.model_copy(update={"draft": draft}), ItemView(slug=restaurant.slug, item_id=item.id))
    match tap:
        case cb.ToggleOption(_, _, group, option, menu):
            if menu != restaurant.fingerprint:
                return _say(session, "The menu has changed; here is the current one.")
            try:
                toggled = carts.toggle(item, draft, group, option)
            except IndexError:
                return _say(session, "The menu has changed; here is the current one.")
            if isinstance(toggled, str):
                return _say(session, toggled)
            return Turn(session.model_copy(update={"draft": toggled}))
        case cb.ChangeQuantity(_, _, by):
            quantity = min(max(draft.quantity + (1 if by > 0 else -1), 1), carts.MAX_QUANTITY)
            return Turn(session.model_copy(update={"draft": draft.model_copy(update={"quantity": quantity})}))
        case cb.AddToCart():
            return _add(session, restaurant, item, draft, moment)
        case _:
            assert_never(tap)


def _add(session: Session, restaurant: Restaurant, item: Item, draft: Draft, moment: Moment) -> Turn:
    lacking = carts.missing(item, draft.choices)
    if lacking is not None:
        return _say(session, f"Choose {lacking} first.")
    unit = carts.unit_price(item, draft.choices)
    if unit is None:
        fresh = Draft(slug=restaurant.slug, item_id=item.id, choices=carts.default_choices(item))
        return _say(session.model_copy(update={"draft": fresh}), "The menu has changed; please choose again.")
    cart = session.cart(restaurant.slug)
    if cart is None:
        if len(session.carts) >= carts.MAX_CARTS:
            session = session.without_cart(session.carts[0].id)
        cart = Cart(id=moment.new_id(), slug=restaurant.slug)
    filled = carts.add(cart, draft, unit)
    if isinstance(filled, str):
        return _say(session, filled, alert=True)
    session = session.with_cart(filled).model_copy(update={"draft": None})
    back = CategoryView(slug=restaurant.slug, category=_category_of(restaurant, item.id))
    return _say(_at(session, back), f"Added {draft.quantity} × {item.name}")


def _edit(session: Session, tap: cb.ChangeLine | cb.EmptyCart | cb.WriteNote | cb.RemoveNote, cart: Cart) -> Turn:
    here = _at(session, CartView(slug=cart.slug))
    match tap:
        case cb.ChangeLine(_, index, item_id, by):
            lines = list(cart.lines)
            if not 0 <= index < len(lines) or lines[index].item_id != item_id:
                return _say(here, "The cart has changed; here it is.")
            quantity = lines[index].quantity + (1 if by > 0 else -1)
            if quantity > carts.MAX_QUANTITY:
                return _say(here, f"At most {carts.MAX_QUANTITY} of one dish.")
            if quantity == 0:
                del lines[index]
            else:
                lines[index] = lines[index].model_copy(update={"quantity": quantity})
            return Turn(here.with_cart(cart.model_copy(update={"lines": tuple(lines)})))
        case cb.EmptyCart():
            return _say(_at(session.without_cart(cart.id), MenuView(slug=cart.slug)), "The cart is empty now.")
        case cb.WriteNote():
            return Turn(_at(session, NoteView(slug=cart.slug)))
        case cb.RemoveNote():
            return Turn(here.with_cart(cart.model_copy(update={"note": ""})))
        case _:
            assert_never(tap)


def _place(session: Session, cart_id: str, shop: Shop, moment: Moment) -> Turn:
    cart = session.cart_by_id(cart_id)
    if cart is None:
        return _cart_is_gone(session, cart_id, shop, moment)
    restaurant = shop.restaurant(cart.slug)
    if restaurant is None:
        gone = _at(session.without_cart(cart.id), RestaurantsView())
        return _say(gone, "That restaurant is no longer here.", alert=True)
    service = shop.service(cart.slug)
    checked = carts.check(cart, restaurant, service.hidden)
    session = _at(session.with_cart(checked.cart), CartView(slug=cart.slug))
    if checked.changes:
        return _say(session, " ".join(checked.changes) + " Please look again before you place the order.", alert=True)
    if not checked.lines:
        return _say(session, "Your cart is empty: put a dish in first.", alert=True)
    closed = menus.closed_because(restaurant, service, moment.now)
    if closed is not None:
        return _say(session, f"{closed} Your cart is kept.", alert=True)
    order = _order(checked, restaurant, moment)
    session = session.without_cart(cart.id).model_copy(update={"message_id": None, "draft": None})
    return Turn(_at(session, OrderView(order_id=cart.id)), Notice("Order received"), (cart.id, order))


def _order(checked: carts.Checked, restaurant: Restaurant, moment: Moment) -> PlaceOrder:
    name = plain(" ".join(moment.customer.name.split()), NAME_LIMIT) or "Guest"
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
        customer=Person(id=moment.customer.id, name=name),
        lines=checked.lines,
        note=checked.cart.note,
        total=checked.total,
        accept_within=restaurant.accept_within,
    )


def _cart_is_gone(session: Session, cart_id: str, shop: Shop, moment: Moment) -> Turn:
    """An old button of a cart. If it was ordered, its order is what the person wants to see (a double tap)."""
    order = shop.order(cart_id)
    if order is not None and order.placed.customer.id == moment.customer.id:
        return Turn(_at(session, OrderView(order_id=order.id)))
    return _say(_at(session, RestaurantsView()), "That cart is gone. Choose a restaurant:")


def _on_order(
    session: Session,
    tap: cb.ShowOrder | cb.AskCancel | cb.CancelMine | cb.KeepOrder,
    order: Order | None,
    moment: Moment,
) -> Turn:
    if order is None or order.placed.customer.id != moment.customer.id:
        return _say(session, "That order is not one of yours.", alert=True)
    match tap:
        case cb.ShowOrder():
            return Turn(_at(session, OrderView(order_id=order.id, listed=True)))
        case cb.KeepOrder():
            return Turn(_at(session, OrderView(order_id=order.id)))
        case cb.AskCancel():
            return Turn(_at(session, OrderView(order_id=order.id, asking=True)))
        case cb.CancelMine():
            cancel = CancelOrder(Side.CUSTOMER, moment.customer, CancelReason.CUSTOMER_CHANGED_MIND)
            return Turn(_at(session, OrderView(order_id=order.id)), Notice("Order cancelled"), (order.id, cancel))
        case _:
            assert_never(tap)


# What the chat shows


def render(session: Session, shop: Shop, customer_id: int, now: datetime) -> Screen:
    """The screen of a session. Pure but for what it looks up; of a view whose subject is gone, the restaurants."""
    view = session.view
    match view:
        case RestaurantsView():
            return _restaurants(shop, now)
        case HelpView():
            return Screen(menus.HELP)
        case OrdersView(page=page):
            return menus.orders_screen(shop.orders_of(customer_id), page)
        case OrderView(order_id=order_id, asking=asking, listed=listed):
            order = shop.order(order_id)
            return _restaurants(shop, now) if order is None else status_screen(order, asking=asking, listed=listed)
        case (
            MenuView(slug=slug)
            | CategoryView(slug=slug)
            | ItemView(slug=slug)
            | CartView(slug=slug)
            | NoteView(slug=slug)
        ):
            restaurant = shop.restaurant(slug)
            if restaurant is None:
                return _restaurants(shop, now)
            return _in_restaurant(session, view, restaurant, shop.service(slug), now)
        case _:
            assert_never(view)


def _restaurants(shop: Shop, now: datetime) -> Screen:
    found = shop.restaurants()
    return menus.restaurants_screen(
        [(one, menus.closed_because(one, shop.service(one.slug), now) is None) for one in found]
    )


def _in_restaurant(
    session: Session,
    view: MenuView | CategoryView | ItemView | CartView | NoteView,
    restaurant: Restaurant,
    service: Service,
    now: datetime,
) -> Screen:
    cart = session.cart(restaurant.slug)
    checked = None if cart is None else carts.check(cart, restaurant, service.hidden)
    closed = menus.closed_because(restaurant, service, now)
    match view:
        case CategoryView(category=index) if index < len(restaurant.menu):
            return menus.category_screen(restaurant, restaurant.menu[index], service.hidden, checked)
        case ItemView(item_id=item_id):
            item = restaurant.item(item_id)
            if item is not None and item_id not in service.hidden:
                draft = _draft(session, restaurant.slug, item)
                return menus.item_screen(restaurant, item, draft, _category_of(restaurant, item_id))
        case CartView():
            empty = Cart(id="none", slug=restaurant.slug)
            return menus.cart_screen(restaurant, checked or carts.check(empty, restaurant, service.hidden), closed)
        case NoteView() if cart is not None:
            return menus.note_screen(restaurant, cart.note)
        case _:
            pass
    return menus.menu_screen(restaurant, checked, closed)


# Small helpers


def _at(session: Session, view: View) -> Session:
    return session.model_copy(update={"view": view})


def _say(session: Session, text: str, alert: bool = False) -> Turn:
    return Turn(session, Notice(plain(text, NOTICE_LIMIT), alert))


def _menu_changed(session: Session, slug: str) -> Turn:
    return _say(_at(session, MenuView(slug=slug)), "The menu has changed; here is the current one.")


def _available(restaurant: Restaurant, item_id: str, shop: Shop) -> Item | None:
    hidden = item_id in shop.service(restaurant.slug).hidden
    return None if hidden else restaurant.item(item_id)


def _draft(session: Session, slug: str, item: Item) -> Draft:
    draft = session.draft
    if draft is not None and (draft.slug, draft.item_id) == (slug, item.id):
        return draft
    return Draft(slug=slug, item_id=item.id, choices=carts.default_choices(item))


def _category_of(restaurant: Restaurant, item_id: str) -> int:
    found = (at for at, category in enumerate(restaurant.menu) if any(item.id == item_id for item in category.items))
    return next(found, 0)
