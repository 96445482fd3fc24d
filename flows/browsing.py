"""Looking through a menu and configuring a dish, up to *Add to cart*."""

from __future__ import annotations

from typing import assert_never

from flows import callbacks as cb
from flows import cart as carts
from flows.checkout import open_cart
from flows.menu import Item, Restaurant, Service
from flows.session import Cart, CategoryView, Draft, ItemView, MenuView, RestaurantsView, Session
from flows.turns import Moment, Shop, Turn, at, say

Browsing = cb.ShowMenu | cb.ShowCategory | cb.ShowItem | cb.ShowCart
Configuring = cb.ToggleOption | cb.ChangeQuantity | cb.AddToCart

_MENU_CHANGED = "The menu has changed; here is the current one."


def browse(session: Session, tap: Browsing, shop: Shop) -> Turn:
    """Show a menu, a category, a dish or the cart."""
    restaurant = shop.restaurant(tap.slug)
    if restaurant is None:
        return no_restaurant(session)
    service = shop.service(restaurant.slug)
    match tap:
        case cb.ShowMenu(slug):
            return Turn(at(session, MenuView(slug=slug)))
        case cb.ShowCart(_, row):
            return open_cart(session, restaurant, service, row)
        case cb.ShowCategory(slug, index, menu, row):
            if menu != restaurant.fingerprint or not 0 <= index < len(restaurant.menu):
                return say(at(session, MenuView(slug=slug)), _MENU_CHANGED)
            return Turn(at(session, CategoryView(slug=slug, category=index, row=row)))
        case cb.ShowItem(_, item_id, row):
            item = available(restaurant, service, item_id)
            if item is None:
                return _not_available(session, restaurant)
            return Turn(_on_item(session, restaurant, item, row))
        case _:
            assert_never(tap)


def configure(session: Session, tap: Configuring, shop: Shop, moment: Moment) -> Turn:
    """Choose options and how many of a dish, and put it into the cart."""
    restaurant = shop.restaurant(tap.slug)
    if restaurant is None:
        return no_restaurant(session)
    item = available(restaurant, shop.service(restaurant.slug), tap.item)
    if item is None:
        return _not_available(session, restaurant)
    session = _on_item(session, restaurant, item, _row_of(session, tap, item))
    draft = draft_of(session, restaurant, item)
    match tap:
        case cb.ToggleOption():
            return _toggle(session, tap, restaurant, item, draft)
        case cb.ChangeQuantity(_, _, by):
            quantity = draft.quantity + (1 if by > 0 else -1)
            if not 1 <= quantity <= carts.MAX_QUANTITY:
                return say(session, f"From 1 to {carts.MAX_QUANTITY} of one dish.")
            return Turn(_with_draft(session, draft.model_copy(update={"quantity": quantity})))
        case cb.AddToCart():
            return _add(session, restaurant, item, draft, moment)
        case _:
            assert_never(tap)


def _toggle(session: Session, tap: cb.ToggleOption, restaurant: Restaurant, item: Item, draft: Draft) -> Turn:
    if tap.menu != restaurant.fingerprint:
        return say(session, _MENU_CHANGED)
    try:
        toggled = carts.toggle(item, draft, tap.group, tap.option)
    except IndexError:
        return say(session, _MENU_CHANGED)
    return say(session, toggled) if isinstance(toggled, str) else Turn(_with_draft(session, toggled))


def _add(session: Session, restaurant: Restaurant, item: Item, draft: Draft, moment: Moment) -> Turn:
    lacking = carts.missing(item, draft.choices)
    if lacking is not None:
        return say(session, f"Choose {lacking} first.")
    unit = carts.unit_price(item, draft.choices)
    if unit is None:
        return say(_with_draft(session, fresh_draft(restaurant, item)), f"{_MENU_CHANGED} Please choose again.")
    cart = session.cart(restaurant.slug)
    if cart is None:
        cart = Cart(id=moment.new_id(), slug=restaurant.slug)
        if len(session.carts) >= carts.MAX_CARTS:
            session = session.without_cart(session.carts[0].id)  # the one left alone for longest
    filled = carts.add(cart, item, draft, unit)
    if isinstance(filled, str):
        return say(session, filled, alert=True)
    session = session.with_cart(filled).model_copy(update={"draft": None})
    category, row = place_of(restaurant, item)
    back = CategoryView(slug=restaurant.slug, category=category, row=row)
    return say(at(session, back), f"Added {draft.quantity} × {item.name}")


def available(restaurant: Restaurant, service: Service, item_id: str) -> Item | None:
    """The dish, unless it has left the menu or staff have hidden it."""
    return None if item_id in service.hidden else restaurant.item(item_id)


def draft_of(session: Session, restaurant: Restaurant, item: Item) -> Draft:
    """The dish as configured so far; anew when another one was configured or its choices have left the menu."""
    draft = session.draft
    if draft is None or (draft.slug, draft.item_id) != (restaurant.slug, item.id):
        return fresh_draft(restaurant, item)
    return draft if carts.on_menu(item, draft.choices) else fresh_draft(restaurant, item)


def fresh_draft(restaurant: Restaurant, item: Item) -> Draft:
    return Draft(slug=restaurant.slug, item_id=item.id, choices=carts.default_choices(item))


def place_of(restaurant: Restaurant, item: Item) -> tuple[int, int]:
    """The index of the category in which the dish stands, and the dish's in that."""
    return next(
        (index, category.items.index(item)) for index, category in enumerate(restaurant.menu) if item in category.items
    )


def no_restaurant(session: Session) -> Turn:
    return say(at(session, RestaurantsView()), "That restaurant is no longer here. Choose one of these:", alert=True)


def _not_available(session: Session, restaurant: Restaurant) -> Turn:
    return say(at(session, MenuView(slug=restaurant.slug)), "That dish is not available any more.", alert=True)


def _row_of(session: Session, tap: Configuring, item: Item) -> int:
    """The option that the page has to have on it after a tap: the tapped one, or one that was on screen."""
    if isinstance(tap, cb.ToggleOption):
        return sum(len(group.options) for group in item.options[: max(tap.group, 0)]) + tap.option
    view = session.view
    return view.row if isinstance(view, ItemView) and (view.slug, view.item_id) == (tap.slug, tap.item) else 0


def _on_item(session: Session, restaurant: Restaurant, item: Item, row: int) -> Session:
    session = at(session, ItemView(slug=restaurant.slug, item_id=item.id, row=row))
    return _with_draft(session, draft_of(session, restaurant, item))


def _with_draft(session: Session, draft: Draft) -> Session:
    return session.model_copy(update={"draft": draft})
