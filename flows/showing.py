"""What the customer's chat shows: from a session to a screen."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from flows import cart as carts
from flows.browsing import available, draft_of, place_of
from flows.menu import Restaurant
from flows.messages import menus
from flows.messages.about import help_screen
from flows.messages.carts import cart_screen, note_screen
from flows.messages.customer import orders_screen, status_screen
from flows.screens import Screen
from flows.session import (
    Cart,
    CartView,
    CategoryView,
    HelpView,
    ItemView,
    MenuView,
    NoteView,
    OrdersView,
    OrderView,
    RestaurantsView,
    Session,
)
from flows.turns import Shop


def render(session: Session, shop: Shop, customer_id: int, now: datetime) -> Screen:
    """The screen of a session. Of a view whose subject is gone, the nearest one from which to go on."""
    view = session.view
    match view:
        case RestaurantsView(row=row):
            return _restaurants(session, shop, now, row)
        case HelpView():
            return help_screen()
        case OrdersView(page=page):
            return orders_screen(shop.orders_of(customer_id), page)
        case OrderView(order_id=order_id):
            order = shop.order(order_id)
            if order is None or order.placed.customer.id != customer_id:
                return _restaurants(session, shop, now)
            return status_screen(order, asking=view.asking, listed=view.page if view.listed else None)
        case MenuView() | CategoryView() | ItemView() | CartView() | NoteView():
            restaurant = shop.restaurant(view.slug)
            if restaurant is None:
                return _restaurants(session, shop, now)
            return _in_restaurant(session, view, restaurant, shop, now)
        case _:
            assert_never(view)


def _restaurants(session: Session, shop: Shop, now: datetime, row: int = 0) -> Screen:
    carts_at = {cart.slug for cart in session.carts if cart.lines}
    listings = [
        menus.Listing(one, menus.closed_because(one, shop.service(one.slug), now), one.slug in carts_at)
        for one in shop.restaurants()
    ]
    return menus.restaurants_screen(listings, row)


def _in_restaurant(
    session: Session,
    view: MenuView | CategoryView | ItemView | CartView | NoteView,
    restaurant: Restaurant,
    shop: Shop,
    now: datetime,
) -> Screen:
    service = shop.service(restaurant.slug)
    cart = session.cart(restaurant.slug) or Cart(id="none", slug=restaurant.slug)
    checked = carts.check(cart, restaurant, service.hidden)
    closed = menus.closed_because(restaurant, service, now)
    match view:
        case CategoryView(category=index, row=row) if index < len(restaurant.menu):
            return menus.category_screen(restaurant, index, service.hidden, checked, row)
        case ItemView(item_id=item_id, row=row) if (item := available(restaurant, service, item_id)) is not None:
            draft = draft_of(session, restaurant, item)
            return menus.item_screen(restaurant, item, draft, place_of(restaurant, item), row)
        case CartView(changes=changes, row=row):
            return cart_screen(restaurant, checked, (*changes, *checked.changes), closed, row)
        case NoteView(row=row):
            return note_screen(restaurant, cart.note, row)
        case _:
            return menus.menu_screen(restaurant, checked, closed)
