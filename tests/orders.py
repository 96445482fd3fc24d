"""Made-up orders and people for the tests of every part."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flows.commands import AnyCommand, PlaceOrder, RecordNotified, Wake
from flows.events import About, AnyEvent, Line, Person, RestaurantCard, Side
from flows.money import Money
from flows.order import Order, decide, evolve

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
CARLA = Person(id=77, name="Carla")
ANNA = Person(id=501, name="Anna")
BRUNO = Person(id=502, name="Bruno")
NONNA = RestaurantCard(
    slug="nonna",
    name="Trattoria da Nonna",
    address="Via Roma 1, Torino",
    phone="+39 011 000000",
    timezone="Europe/Rome",
)

REMINDED = RecordNotified(Side.RESTAURANT, About.REMINDER)
LEFT_OPEN: tuple[AnyCommand | timedelta, ...] = (timedelta(hours=1), Wake(), REMINDED, timedelta(hours=8), Wake())
"""What happens to an accepted order that nobody closes: staff are asked, and the clock closes it."""


def eur(minor: int) -> Money:
    return Money(minor=minor, currency="EUR")


def place(
    order_id: str = "0rder0000001",
    *,
    customer: Person = CARLA,
    restaurant: RestaurantCard = NONNA,
    note: str = "",
    seconds: int = 300,
    options: tuple[str, ...] = ("Large",),
    groups: tuple[str, ...] = (),
    number: int = 17,
    code: str = "4821",
) -> PlaceOrder:
    """The command of a customer who orders two large margheritas."""
    line = Line(item_id="margherita", name="Margherita", options=options, groups=groups, quantity=2, unit=eur(1150))
    return PlaceOrder(
        order_id=order_id,
        number=number,
        code=code,
        restaurant=restaurant,
        customer=customer,
        lines=(line,),
        note=note,
        total=line.total,
        accept_within=seconds,
    )


def after(*steps: AnyCommand | timedelta, of: PlaceOrder | None = None) -> Order:
    """The order after these commands, with time passing where a step is a timedelta. It begins placed at noon."""
    now = NOON
    order = run(None, of or place(), now)
    for step in steps:
        if isinstance(step, timedelta):
            now += step
        else:
            order = run(order, step, now)
    return order


def run(order: Order | None, command: AnyCommand, now: datetime) -> Order:
    """Decide and evolve, as the ledger does, with a cause of its own for each call."""
    for event in decide(order, command, now):
        order = evolve(order, stamped(event, f"test-{0 if order is None else order.version}"))
    assert order is not None
    return order


def stamped(event: AnyEvent, cause: str) -> AnyEvent:
    return event.model_copy(update={"cause": cause})
