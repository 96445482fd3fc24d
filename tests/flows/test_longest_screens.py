"""Every screen at its longest filling is one that Telegram takes, and what does not fit on it is on its other pages."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any, get_args

import pytest

from flows import callbacks as cb
from flows import cart as carts
from flows import messages, serving
from flows.callbacks import decode, encode
from flows.commands import (
    AcceptOrder,
    AnyCommand,
    CancelOrder,
    DeclineOrder,
    MarkNotCollected,
    MarkPickedUp,
    MarkReady,
    PlaceOrder,
    RecordUnreachable,
    Wake,
)
from flows.events import About, CancelReason, DeclineReason, Person, Side
from flows.hours import Hours
from flows.menu import Category, Item, Option, OptionGroup, Restaurant, Service
from flows.messages import about, customer, menus, staff, staff_chat
from flows.messages import carts as cart_messages
from flows.messages.staff import Mode
from flows.money import Money
from flows.order import Order
from flows.paging import page_of
from flows.screens import Button, Screen
from flows.session import Cart, Draft
from tests.customers import Customer, MemoryShop, trattoria
from tests.orders import ANNA, NOON, after
from tests.telegram_limits import NOTICE, assert_telegram_takes

# One UTF-16 unit and three bytes, two and four, and one that turns the line around it.
LETTERS = ("ჯ", "🍕", "ש")
OPEN = timedelta(hours=16, minutes=17)  # from NOON on, until the restaurant below is open
PRICE = Money(minor=10**15, currency="IRR")
SLUG = "b" + "-" * 22 + "o"


@cache
def biggest(letter: str, slug: str = SLUG) -> Restaurant:
    """The largest restaurant that the models allow, with every name made of that letter."""
    longest = letter * 60
    options = tuple(Option(name=f"{number:02}{letter * 58}", price=PRICE) for number in range(20))
    groups = tuple(OptionGroup(name=f"{group}{letter * 59}", least=0, most=20, options=options) for group in range(4))
    dish = Item(
        id="0" * 24,
        name=longest,
        price=PRICE,
        description=letter * 500,
        allergens=(longest,) * 40,
        options=groups,
    )
    others = tuple(
        dish.model_copy(update={"id": f"{number:024}", "name": f"{number:02}{letter * 58}", "options": ()})
        for number in range(1, 50)
    )
    return Restaurant(
        slug=slug,
        name=longest,
        address=letter * 200,
        phone=letter * 40,
        currency="IRR",
        timezone="Asia/Kathmandu",
        hours=Hours(sun=("10:00-10:05",)),
        menu=(Category(name=longest, items=(dish, *others)), *[Category(name=longest, items=others[:1])] * 29),
    )


def fullest_cart(restaurant: Restaurant, note: str) -> Cart:
    """30 lines of 99, each the same dish with all of its options but another one."""
    item = restaurant.menu[0].items[0]
    every = [
        (group, option) for group in range(len(item.options)) for option in range(len(item.options[group].options))
    ]
    cart: Cart | str = Cart(id="0" * 12, slug=restaurant.slug, note=note)
    for line in range(carts.MAX_LINES):
        draft = Draft(slug=restaurant.slug, item_id=item.id, quantity=99)
        for at, (group, option) in enumerate(every):
            if at != line:
                toggled = carts.toggle(item, draft, group, option)
                assert isinstance(toggled, Draft)
                draft = toggled
        unit = carts.unit_price(item, draft.choices)
        assert unit is not None
        assert isinstance(cart, Cart)
        cart = carts.add(cart, item, draft, unit)
    assert isinstance(cart, Cart)
    return cart


def of_other_dishes(cart: Cart, restaurant: Restaurant) -> Cart:
    """The same cart with as many different dishes, none with options."""
    dishes = restaurant.menu[0].items[1 : carts.MAX_LINES + 1]
    lines = tuple(
        line.model_copy(update={"item_id": dish.id, "name": dish.name, "choices": (), "unit": PRICE})
        for line, dish in zip(cart.lines, dishes, strict=True)
    )
    return cart.model_copy(update={"lines": lines})


def person(letter: str) -> Person:
    return Person(id=10**10, name=serving.name_of(letter * 64))


@cache
def biggest_order(letter: str, different: bool = False) -> PlaceOrder:
    """What the fullest cart makes; all `different` dishes, or one with all its options."""
    shop = MemoryShop(stored={SLUG: biggest(letter)})
    carla = Customer(shop, person(letter), NOON).waits(OPEN)
    restaurant = shop.stored[SLUG]
    cart = fullest_cart(restaurant, letter * 300)
    cart = of_other_dishes(cart, restaurant) if different else cart
    carla.session = carla.session.with_cart(cart)
    carla.sends(encode(cb.ShowCart(SLUG))).taps("Place order")
    assert carla.notice == "Order received"
    assert carla.last.command is not None
    placed = carla.last.command[1]
    assert isinstance(placed, PlaceOrder)
    return replace(placed, number=10**6)


def stories(letter: str) -> Iterator[Order]:
    """The largest order at each of its turns."""
    who = person(letter)
    accept, ready = AcceptOrder(who, 45), MarkReady(who)
    blocked = RecordUnreachable(Side.CUSTOMER, About.ACCEPTED, "blocked")
    tales: list[tuple[AnyCommand | timedelta, ...]] = [
        (),
        (accept,),
        (accept, blocked),
        (accept, ready),
        (accept, blocked, ready, MarkPickedUp(who)),
        (accept, ready, MarkNotCollected(who)),
        (timedelta(days=1), Wake()),
        (CancelOrder(Side.CUSTOMER, who, CancelReason.CUSTOMER_CHANGED_MIND),),
        (RecordUnreachable(Side.RESTAURANT, About.PLACED, "gone"),),
        *((DeclineOrder(who, reason),) for reason in DeclineReason),
        *((accept, CancelOrder(Side.RESTAURANT, who, reason)) for reason in CancelReason),
    ]
    for different in (False, True):
        for tale in tales:
            yield after(*tale, of=biggest_order(letter, different))


def everywhere(show: Callable[..., Screen], *given: Any) -> Iterator[Screen]:
    """The screen with each entry of its list in turn on the page."""
    yield from (show(*given, row=row) for row in range(-1, 201, 3))


# What shows each screen at its longest, by the function that makes it. Only staff's screens have nothing above them.


def _restaurants(letter: str) -> Iterator[Screen]:
    closed = menus.closed_because(biggest(letter), Service(), NOON)
    listings = [menus.Listing(biggest(letter, f"{number:024}"), closed, cart=True) for number in range(200)]
    yield from everywhere(menus.restaurants_screen, listings)
    yield menus.restaurants_screen([], 0)


def _carts(letter: str) -> Iterator[Screen]:
    restaurant = biggest(letter)
    checked = carts.check(fullest_cart(restaurant, letter * 300), restaurant, frozenset())
    changes = (f"{letter * 60} is {PRICE} now (was {PRICE}).",) * carts.MAX_LINES
    closed = menus.closed_because(restaurant, Service(staff_chat=1), NOON)
    for said in ((), changes):
        yield from everywhere(cart_messages.cart_screen, restaurant, checked, said, closed)
    nothing = carts.check(Cart(id="0" * 12, slug=SLUG), restaurant, frozenset())
    yield cart_messages.cart_screen(restaurant, nothing, changes, closed, 0)


def _categories(letter: str) -> Iterator[Screen]:
    restaurant = biggest(letter)
    full = carts.check(fullest_cart(restaurant, ""), restaurant, frozenset())
    for hidden in (frozenset[str](), frozenset({"0" * 24}), frozenset(item.id for item in restaurant.items())):
        yield from everywhere(menus.category_screen, restaurant, 0, hidden, full)


def _dishes(letter: str) -> Iterator[Screen]:
    restaurant = biggest(letter)
    asking = OptionGroup(name=letter * 60, least=20, most=20, options=restaurant.menu[0].items[0].options[0].options)
    item = restaurant.menu[0].items[0]
    for dish in (item, item.model_copy(update={"options": (asking, *item.options[1:])})):
        for choices in ((), fullest_cart(restaurant, "").lines[0].choices):
            draft = Draft(slug=SLUG, item_id=dish.id, choices=choices, quantity=99)
            yield from everywhere(menus.item_screen, restaurant, dish, draft, (29, 49))


def _menu(letter: str) -> Iterator[Screen]:
    restaurant = biggest(letter)
    full = carts.check(fullest_cart(restaurant, ""), restaurant, frozenset())
    for service in (Service(), Service(staff_chat=1), Service(staff_chat=1, paused=True)):
        yield menus.menu_screen(restaurant, full, menus.closed_because(restaurant, service, NOON))


def _statuses(letter: str) -> Iterator[Screen]:
    for order in stories(letter):
        for asking in (False, True):
            for listed in (None, 8):
                yield customer.status_screen(order, asking=asking, listed=listed)


def _tickets(letter: str) -> Iterator[Screen]:
    for order in stories(letter):
        for mode in Mode:
            for page in (0, 1, 2, 30):
                yield staff.ticket_screen(order, mode, page)


def _rings(side: Side, letter: str) -> Iterator[Screen]:
    for order in stories(letter):
        for news in About:
            yield customer.ring(order, news) if side is Side.CUSTOMER else staff.ring(order, news)


def _settings(letter: str) -> Iterator[Screen]:
    restaurant = biggest(letter)
    for hidden in (frozenset[str](), frozenset(item.id for item in restaurant.items())):
        service = Service(hidden=hidden)
        yield from everywhere(staff_chat.items_screen, restaurant, service, 0)
        yield staff_chat.items_screen(restaurant, service, 29)


def _pauses(letter: str) -> Iterator[Screen]:
    for service in (Service(), Service(paused=True), Service(paused=True, paused_until=NOON + timedelta(days=1))):
        yield staff_chat.pause_screen(biggest(letter), service, NOON)


def _lists_of_orders(letter: str) -> Iterator[Screen]:
    orders = list(stories(letter)) * 10
    yield from (customer.orders_screen(orders[:50], page) for page in range(-1, 10))
    yield customer.orders_screen([], 0)


def _open_orders(letter: str) -> Iterator[Screen]:
    orders = list(stories(letter))[:4] * 50
    yield from everywhere(staff.open_orders_screen, orders)
    yield staff.open_orders_screen([])


def _about_the_chat(show: Callable[[Restaurant], Screen]) -> Callable[[str], Iterator[Screen]]:
    return lambda letter: iter([show(biggest(letter))])


LONGEST: dict[str, Callable[[str], Iterator[Screen]]] = {
    "about.help_screen": lambda _: iter([about.help_screen()]),
    "carts.cart_screen": _carts,
    "carts.note_screen": lambda letter: iter([cart_messages.note_screen(biggest(letter), letter * 300, 29)]),
    "customer.orders_screen": _lists_of_orders,
    "customer.ring": lambda letter: _rings(Side.CUSTOMER, letter),
    "customer.status_screen": _statuses,
    "menus.category_screen": _categories,
    "menus.item_screen": _dishes,
    "menus.menu_screen": _menu,
    "menus.restaurants_screen": _restaurants,
    "staff.open_orders_screen": _open_orders,
    "staff.ring": lambda letter: _rings(Side.RESTAURANT, letter),
    "staff.ticket_screen": _tickets,
    "staff_chat.already_here": _about_the_chat(staff_chat.already_here),
    "staff_chat.items_screen": _settings,
    "staff_chat.joined": _about_the_chat(staff_chat.joined),
    "staff_chat.pause_screen": _pauses,
    "staff_chat.replaced": _about_the_chat(staff_chat.replaced),
    "staff_chat.serves_another": _about_the_chat(staff_chat.serves_another),
}


def test_every_function_that_makes_a_screen_has_its_longest_one_here() -> None:
    found = set()
    for module in pkgutil.iter_modules(messages.__path__):
        for name, what in vars(importlib.import_module(f"{messages.__name__}.{module.name}")).items():
            makes = inspect.isfunction(what) and what.__module__.endswith(f".{module.name}")
            if makes and not name.startswith("_") and inspect.get_annotations(what).get("return") == "Screen":
                found.add(f"{module.name}.{name}")
    assert found == set(LONGEST)


@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize("name", LONGEST)
def test_telegram_takes_the_longest_screen(name: str, letter: str) -> None:
    above = 0 if name.startswith("staff") else NOTICE
    for screen in LONGEST[name](letter):
        assert_telegram_takes(screen, above)


def test_telegram_takes_whatever_a_customer_comes_to_by_the_buttons() -> None:
    """Every button is tapped once, but for those that differ only in the cart or the order they are on."""
    restaurant = biggest("ჯ")
    shop = MemoryShop(stored={SLUG: restaurant} | {f"r{n}": trattoria(f"r{n}", "ჯ" * 60) for n in range(45)})
    carla = Customer(shop, person("ჯ")).waits(OPEN)
    for number in range(50):
        order_id = f"{number:012}"
        shop.carry_out(order_id, replace(biggest_order("ჯ"), order_id=order_id), NOON + timedelta(days=number))
    cart = of_other_dishes(fullest_cart(restaurant, "ჯ" * 300), restaurant)
    carla.session = carla.session.with_cart(cart.model_copy(update={"id": "c" * 12}))
    todo, done, kinds = [], set[str](), set[type]()
    carla.starts()
    todo.append((carla.session, carla.screen))
    carla.starts(SLUG)
    todo.append((carla.session, carla.screen))
    carla.commands("orders")
    todo.append((carla.session, carla.screen))
    while todo:
        session, screen = todo.pop()
        assert_telegram_takes(screen)
        for payload in [button.payload for row in screen.rows for button in row if button.payload]:
            key = ":".join(part for part in payload.split(":") if len(part) not in {4, 12})  # 4: fingerprints
            if key not in done:
                done.add(key)
                kinds.add(type(decode(payload)))
                carla.session = session
                carla.sends(payload)
                assert len(carla.notice.encode("utf-16-le")) <= 2 * 200
                todo.append((carla.session, carla.screen))
    assert kinds == set(get_args(cb.CustomerTap))


MENU = biggest("ჯ").fingerprint


def unmarked(button: Button) -> Button:
    """An option's button as it is while nobody has chosen it."""
    return replace(button, text=button.text.replace("☑", "○"))


class TestPages:
    """A customer with the largest restaurant and the fullest cart."""

    @pytest.fixture
    def carla(self) -> Customer:
        shop = MemoryShop(stored={SLUG: biggest("ჯ")})
        carla = Customer(shop, now=NOON).waits(OPEN)
        carla.session = carla.session.with_cart(fullest_cart(biggest("ჯ"), ""))
        return carla.starts(SLUG)

    def whole(self, carla: Customer) -> list[str]:
        """The labels of all pages, one after the other. The last one is on screen then."""
        found = carla.labels
        while "›" in carla.labels:
            found += carla.taps("›").labels
        return found

    def test_every_dish_of_a_long_category_can_be_chosen(self, carla: Customer) -> None:
        carla.sends(encode(cb.ShowCategory(SLUG, 0, MENU)))
        labels = self.whole(carla)
        assert all(any(label.startswith(f"{number:02}ჯ") for label in labels) for number in range(1, 50))

    def test_every_option_of_a_dish_can_be_chosen_and_the_page_stays(self, carla: Customer) -> None:
        carla.sends(encode(cb.ShowItem(SLUG, "0" * 24)))
        seen = 0
        while True:
            options = list(map(unmarked, self.options(carla)))
            seen += len(options)
            for button in (self.options(carla)[-1], self.options(carla)[0]):
                carla.sends(button.payload or "")
                assert list(map(unmarked, self.options(carla))) == options
            assert [button.text[0] for button in self.options(carla)] == ["☑", *"○" * (len(options) - 2), "☑"]
            carla.taps("+")
            assert list(map(unmarked, self.options(carla))) == options
            if "›" not in carla.labels:
                break
            carla.taps("›")
        assert seen == 80

    def options(self, carla: Customer) -> list[Button]:
        return [row[0] for row in carla.screen.rows if row[0].text[0] in "○☑"]

    def test_a_required_choice_on_another_page_does_not_turn_it(self) -> None:
        """The button below says what is missing, in long words, and then the price, in short ones."""
        dish = biggest("ჯ").menu[0].items[0]
        groups = tuple(group.model_copy(update={"least": 1}) for group in dish.options)
        restaurant = biggest("ჯ").model_copy(
            update={"menu": (Category(name="x", items=(dish.model_copy(update={"options": groups}),)),)}
        )
        carla = Customer(MemoryShop(stored={SLUG: restaurant})).sends(encode(cb.ShowItem(SLUG, "0" * 24)))
        pages = next(label for label in carla.labels if "/" in label)
        for group in range(4):
            carla.sends(encode(cb.ToggleOption(SLUG, "0" * 24, group, 0, restaurant.fingerprint)))
            assert next(label for label in carla.labels if "/" in label).split("/")[1] == pages.split("/")[1]
        assert any(label.startswith("Add to cart") for label in carla.labels)

    def test_back_from_a_dish_and_adding_it_lead_to_its_page(self, carla: Customer) -> None:
        carla.sends(encode(cb.ShowCategory(SLUG, 0, MENU))).taps("›")
        page = carla.labels
        carla.taps(page[0]).taps("‹ Back")
        assert carla.labels == page
        carla.session = carla.session.without_cart("0" * 12)
        carla.taps(page[0]).taps("Add to cart")
        assert carla.notice.startswith("Added")
        assert carla.labels[0] == page[0]

    def test_a_hidden_dish_does_not_lead_to_another_page(self, carla: Customer) -> None:
        carla.sends(encode(cb.ShowCategory(SLUG, 0, MENU))).taps("›")
        first = carla.labels[0]
        carla.taps(first)
        carla.shop.services[SLUG] = Service(staff_chat=-100, hidden=frozenset({f"{1:024}", f"{2:024}"}))
        carla.taps("‹ Back")
        assert first in carla.labels

    def test_every_line_of_a_cart_can_be_read_and_changed_and_its_page_stays(self, carla: Customer) -> None:
        carla.sends(encode(cb.ShowCart(SLUG)))
        read, changed = "", 0
        for _ in range(carts.MAX_LINES):
            read += carla.screen.text
            less = [button.payload or "" for row in carla.screen.rows for button in row if button.text == "−"]
            pages = next(label for label in carla.labels if "/" in label)
            carla.sends(less[-1])
            changed += len(less)
            assert pages in carla.labels
            if "›" not in carla.labels:
                break
            carla.taps("›")
        assert changed == carts.MAX_LINES
        assert read.count("99 × ") == carts.MAX_LINES
        assert "more lines" not in read

    def test_the_note_leads_back_to_the_carts_page(self, carla: Customer) -> None:
        carla.sends(encode(cb.ShowCart(SLUG))).taps("›")
        page = next(label for label in carla.labels if "/" in label)
        carla.taps("Add a note").taps("‹ Back to the cart")
        assert page in carla.labels
        carla.taps("Add a note").types("no onions")
        assert page in carla.labels
        assert "no onions" in carla.screen.text

    def test_every_restaurant_can_be_reached_and_back_leads_to_its_page(self) -> None:
        stored = {f"r{number}": trattoria(f"r{number}", f"{number:03} " + "ჯ" * 56) for number in range(120)}
        carla = Customer(MemoryShop(stored=stored)).starts()
        labels = self.whole(carla)
        assert all(any(f"{number:03} " in label for label in labels) for number in range(120))
        page = carla.labels
        carla.taps(page[3]).taps("‹ Restaurants")
        assert carla.labels == page

    def test_an_ordinary_list_has_no_pager(self) -> None:
        carla = Customer(MemoryShop()).starts("nonna")
        for step in ("Pizza", "Margherita", "Add to cart", "Cart"):
            carla.taps(step)
            assert not {"‹", "›"} & set(carla.labels)

    def test_every_dish_can_be_hidden_and_its_page_stays(self) -> None:
        restaurant, service, seen, row = biggest("ჯ"), Service(), 0, 0
        while True:
            screen = staff_chat.items_screen(restaurant, service, 0, row)
            taps = [decode(button.payload or "") for line in screen.rows for button in line]
            dishes = [tap for tap in taps if isinstance(tap, cb.SetItem)]
            seen += len(dishes)
            step = serving.on_setting(dishes[-1], restaurant, NOON)
            assert step.change is not None
            assert step.screen is not None
            service = step.change(service)
            shown = step.screen(service)
            assert [line[0].text[1:] for line in shown.rows] == [line[0].text[1:] for line in screen.rows]
            following = dict(zip([button.text for line in screen.rows for button in line], taps, strict=True)).get("›")
            if following is None:
                break
            assert isinstance(following, cb.ShowItems)
            row = following.row
        assert seen == 50


class TestOfRows:
    """How rows share pages, whatever they say."""

    def rows(self, number: int, words: str = "x") -> list[tuple[Button, ...]]:
        return [(Button(words, "0" * 64),) for _ in range(number)]

    @pytest.mark.parametrize("number", [0, 1, 5, 60])
    def test_what_fits_stands_on_one_page(self, number: int) -> None:
        page = page_of(self.rows(number), 7, ())
        assert page.is_all
        assert page.pager(str) == ()

    @pytest.mark.parametrize("at", [-5, 0, 199, 10**9])
    def test_an_entry_that_is_not_there_shows_the_nearest(self, at: int) -> None:
        page = page_of(self.rows(200, "ჯ" * 40), at, ())
        assert page.first <= min(max(at, 0), 199) < page.end

    def test_pages_are_equal_in_length_and_hold_everything_once(self) -> None:
        rows = self.rows(200, "ჯ" * 40)
        page, lengths = page_of(rows, 0, ()), []
        while True:
            lengths.append(len(page.of(rows)))
            if page.end == len(rows):
                break
            page = page_of(rows, page.end, ())
        assert sum(lengths) == 200
        assert max(lengths) - min(lengths[:-1]) == 0
        assert lengths[-1] <= lengths[0]

    def test_more_buttons_than_telegram_takes_are_paged_as_well(self) -> None:
        assert not page_of(self.rows(97, "x"), 0, ()).is_all


@pytest.mark.parametrize(
    ("payload", "tap"),
    [
        ("1rs", cb.ShowRestaurants()),
        ("1ca:nonna:0:abcd", cb.ShowCategory("nonna", 0, "abcd")),
        ("1it:nonna:cola", cb.ShowItem("nonna", "cola")),
        ("1sc:nonna", cb.ShowCart("nonna")),
        ("1is:2", cb.ShowItems(2)),
        ("1ti:0rder0000001:0", cb.ShowTicket("0rder0000001")),
        ("1os:1", cb.ShowOrders(1)),
    ],
)
def test_buttons_from_before_there_were_pages_are_read_and_written_as_they_were(payload: str, tap: object) -> None:
    assert decode(payload) == tap
    assert encode(decode(payload)) == payload


def test_staff_are_asked_what_to_hide_of_thirty_dishes_that_ran_out() -> None:
    order = after(DeclineOrder(ANNA, DeclineReason.ITEM_UNAVAILABLE), of=biggest_order("ჯ", different=True))
    offers = [
        button.text for row in staff.ticket_screen(order).rows for button in row if button.text.startswith("Hide")
    ]
    assert len(offers) == carts.MAX_LINES
