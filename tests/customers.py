"""A shop in memory and a customer who taps, for the tests of the conversation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

from flows import ordering
from flows.callbacks import CustomerTap, decode
from flows.commands import AnyCommand
from flows.events import Person
from flows.hours import Hours
from flows.incoming import Kind
from flows.menu import Category, Item, Option, OptionGroup, Restaurant, Service
from flows.order import Order, Refused
from flows.ordering import Moment, Turn
from flows.screens import Button, Screen
from flows.session import Session
from tests.orders import CARLA, NOON, eur, run


def option(name: str, surcharge: int = 0) -> Option:
    return Option(name=name, price=eur(surcharge))


SIZE = OptionGroup(name="Size", least=1, most=1, options=(option("Normal"), option("Large", 300)))
EXTRAS = OptionGroup(
    name="Extras", least=0, most=2, options=(option("Olives", 100), option("Capers"), option("Egg", 50))
)
SIDES = OptionGroup(name="Sides", least=2, most=2, options=(option("Rice"), option("Salad"), option("Bread")))

MARGHERITA = Item(
    id="margherita",
    name="Margherita",
    price=eur(850),
    description="Tomato, mozzarella, basil",
    allergens=("gluten", "milk"),
    options=(SIZE, EXTRAS),
)
FUNGHI = Item(id="funghi", name="Funghi", price=eur(950))
STEW = Item(id="stew", name="Stew", price=eur(1200), options=(SIDES,))
COLA = Item(id="cola", name="Cola", price=eur(250))


def trattoria(slug: str = "nonna", name: str = "Trattoria da Nonna", hours: Hours | None = None) -> Restaurant:
    return Restaurant(
        slug=slug,
        name=name,
        address="Via Roma 1, Torino",
        phone="+39 011 000000",
        currency="EUR",
        timezone="Europe/Rome",
        hours=hours,
        menu=(
            Category(name="Pizza", items=(MARGHERITA, FUNGHI)),
            Category(name="Mains", items=(STEW,)),
            Category(name="Drinks", items=(COLA,)),
        ),
    )


def with_item(restaurant: Restaurant, item: Item) -> Restaurant:
    """The restaurant after its owner has put another version of a dish on the menu."""
    return _with_items(restaurant, lambda old: (item,) if old.id == item.id else (old,))


def without_item(restaurant: Restaurant, item_id: str) -> Restaurant:
    """The restaurant after a dish has left the menu; with its last dish, a category goes too."""
    return _with_items(restaurant, lambda old: () if old.id == item_id else (old,))


def _with_items(restaurant: Restaurant, change: Callable[[Item], tuple[Item, ...]]) -> Restaurant:
    kept = []
    for category in restaurant.menu:
        items = tuple(new for old in category.items for new in change(old))
        kept += [category.model_copy(update={"items": items})] if items else []
    return restaurant.model_copy(update={"menu": tuple(kept)})


@dataclass
class MemoryShop:
    """Restaurants, their switches and orders, without a store. A staff chat is there unless a test takes it away."""

    stored: dict[str, Restaurant] = field(default_factory=lambda: {"nonna": trattoria()})
    services: dict[str, Service] = field(default_factory=dict)
    placed: dict[str, Order] = field(default_factory=dict)

    def restaurants(self) -> list[Restaurant]:
        return sorted(self.stored.values(), key=lambda one: one.name)

    def restaurant(self, slug: str) -> Restaurant | None:
        return self.stored.get(slug)

    def service(self, slug: str) -> Service:
        return self.services.get(slug, Service(staff_chat=-100))

    def order(self, order_id: str) -> Order | None:
        return self.placed.get(order_id)

    def orders_of(self, customer_id: int, limit: int = 50) -> list[Order]:
        mine = [order for order in self.placed.values() if order.placed.customer.id == customer_id]
        return sorted(mine, key=lambda order: order.placed.at, reverse=True)[:limit]

    def carry_out(self, order_id: str, command: AnyCommand, now: datetime) -> None:
        self.placed[order_id] = run(self.placed.get(order_id), command, now)


class Customer:
    """One private chat: what it shows, and what its customer does."""

    def __init__(self, shop: MemoryShop, person: Person = CARLA, now: datetime = NOON) -> None:
        self.shop = shop
        self.person = person
        self.now = now
        self.session = Session(message_id=1)
        self.last = Turn(self.session)
        self._ids = 0
        self.screen = self.rendered()

    def rendered(self) -> Screen:
        """What the chat would show now; `screen` is what it has shown since the last update."""
        return ordering.render(self.session, self.shop, self.person.id, self.now)

    def sees_again(self) -> Customer:
        """The same update is delivered once more: the screen is rendered anew."""
        self.screen = self.rendered()
        return self

    @property
    def notice(self) -> str:
        """The answer to the last tap, or the line above the last screen."""
        return self.last.notice.text if self.last.notice else ""

    @property
    def labels(self) -> list[str]:
        return [button.text for row in self.screen.rows for button in row]

    def button(self, label: str) -> Button:
        """The button with that label, or else the only one that contains it."""
        buttons = [button for row in self.screen.rows for button in row]
        exact = [button for button in buttons if button.text == label]
        found = exact or [button for button in buttons if label in button.text]
        assert len(found) == 1, f"{label!r} is on {len(found)} of the buttons {self.labels}"
        return found[0]

    def taps(self, *labels: str) -> Customer:
        for label in labels:
            payload = self.button(label).payload
            assert payload is not None, f"{label!r} sends nothing"
            self.sends(payload)
        return self

    def sends(self, payload: str) -> Customer:
        """A tap on a button with that payload, whether or not it is on screen."""
        tap = decode(payload)
        assert isinstance(tap, CustomerTap)
        return self._take(lambda: ordering.apply(self.session, tap, self.shop, self.moment()))

    def starts(self, payload: str = "") -> Customer:
        return self._take(lambda: ordering.start(self.session, payload, self.shop))

    def commands(self, name: Literal["orders", "help"]) -> Customer:
        return self._take(lambda: ordering.command(self.session, name))

    def types(self, text: str | None) -> Customer:
        """A text; None is a picture."""
        if text is None:
            return self.sends_a(Kind.MEDIA)
        return self._take(lambda: ordering.read(self.session, text, self.shop))

    def sends_a(self, kind: Kind) -> Customer:
        """Something that can't be read."""
        self._ids += 1
        return self._take(lambda: ordering.unread(self.session, kind, str(self._ids)))

    def waits(self, time: timedelta) -> Customer:
        self.now += time
        return self

    def _take(self, step: Callable[[], Turn]) -> Customer:
        try:
            turn = step()
            if turn.command is not None:
                self.shop.carry_out(*turn.command, self.now)
        except Refused as refusal:
            turn = ordering.refused(self.session, refusal)
        self.last, self.session = turn, Session.model_validate_json(turn.session.model_dump_json())
        return self.sees_again()

    def moment(self) -> Moment:
        return Moment(self.now, self.person, self._new_id, lambda: "4821", self._number)

    def _new_id(self) -> str:
        self._ids += 1
        return f"{self._ids:012}"

    def _number(self, slug: str, day: date) -> int:
        return 17
