"""Whatever the store gives back is what was stored or a `ValueError`: those who read know what to do with that."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import strategies as st

from flows import events
from flows.commands import AcceptOrder, CancelOrder, MarkReady, RecordNotified, RecordUnreachable
from flows.events import About, AnyEvent, CancelReason, OrderPlaced, Side
from flows.hours import Hours
from flows.ledger import Shown
from flows.menu import Restaurant, Service
from flows.messages import customer, staff
from flows.messages.customer import orders_screen
from flows.order import decide, evolve, fold, next_deadline
from flows.ordering import render
from flows.session import Session
from tests.customers import Customer, MemoryShop, trattoria
from tests.fuzz.budget import fuzz
from tests.fuzz.strategies import stored
from tests.orders import ANNA, CARLA, NOON, place


def _history() -> list[AnyEvent]:
    """Events of every kind that carries something of its own."""
    order, found = None, list[AnyEvent]()
    for command in (
        place(note="No basil"),
        RecordNotified(Side.RESTAURANT, About.PLACED),
        AcceptOrder(ANNA, 20),
        RecordUnreachable(Side.CUSTOMER, About.ACCEPTED, "blocked"),
        MarkReady(ANNA),
        CancelOrder(Side.RESTAURANT, ANNA, CancelReason.KITCHEN_PROBLEM),
    ):
        for event in decide(order, command, NOON):
            order = evolve(order, event)
            found.append(event)
    return found


HISTORY = _history()
EVENTS = [json.loads(events.dump(event)) for event in HISTORY]
HOURS = Hours(mon=("11:30-14:30", "18:00-02:00"), sun=("00:00-24:00",))
RESTAURANT = json.loads(trattoria(hours=HOURS).model_dump_json())
SERVICE = json.loads(
    Service(staff_chat=-100, paused=True, paused_until=NOON, hidden=frozenset({"cola"})).model_dump_json()
)
SHOWN = json.loads(Shown(chat_id=-100, message_id=7, version=3).model_dump_json())


def _sessions() -> list[object]:
    """Sessions in every view, with a cart and a draft."""
    carla, found = Customer(MemoryShop()), []
    carla.starts("nonna").taps("Pizza", "Margherita", "Olives", "Add to cart", "Funghi")
    found.append(json.loads(carla.session.model_dump_json()))
    carla.taps("Add to cart", "Cart", "Add a note").types("No basil")
    found.append(json.loads(carla.session.model_dump_json()))
    carla.taps("Place order")
    found.append(json.loads(carla.session.model_dump_json()))
    return found


@fuzz(8, data=stored(*EVENTS), at=st.integers(0, len(HISTORY) - 1))
def test_an_event(data: bytes, at: int) -> None:
    try:
        event = events.load(data)
        order = fold([event] if isinstance(event, OrderPlaced) else [*HISTORY[: max(at, 1)], event])
        assert order is not None
        staff.ticket_screen(order)
        staff.open_orders_screen([order])
        customer.status_screen(order)
        orders_screen([order], 0)
        deadline = next_deadline(order)
        assert deadline is None or deadline.timestamp()
    except ValueError:
        return


@fuzz(6, data=stored(*_sessions()))
def test_a_session(data: bytes) -> None:
    try:
        session = Session.model_validate_json(data)
        assert render(session, MemoryShop(), CARLA.id, NOON).text
    except ValueError:
        return


@fuzz(6, data=stored(RESTAURANT), hours=st.integers(0, 7 * 24))
def test_a_restaurant(data: bytes, hours: int) -> None:
    try:
        restaurant = Restaurant.model_validate_json(data)
        shop = MemoryShop({restaurant.slug: restaurant})
        assert Customer(shop, now=NOON + timedelta(hours=hours)).starts(restaurant.slug).screen.text
    except ValueError:
        return


@fuzz(2, data=stored(SERVICE))
def test_a_service(data: bytes) -> None:
    try:
        service = Service.model_validate_json(data)
        assert Customer(MemoryShop(services={"nonna": service})).starts("nonna").screen.text
    except ValueError:
        return


@fuzz(1, data=stored(SHOWN))
def test_a_shown_message(data: bytes) -> None:
    try:
        Shown.model_validate_json(data)
    except ValueError:
        return


READERS: list[Callable[[bytes], object]] = [
    events.load,
    Session.model_validate_json,
    Restaurant.model_validate_json,
    Service.model_validate_json,
    Shown.model_validate_json,
]


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"kind":' * 50_000, b"9" * 100_000, b"{"], ids=len)
@pytest.mark.parametrize("read", READERS)
def test_what_is_large_and_no_json(read: Callable[[bytes], object], data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - which of its kinds is all the same
        read(data)
