"""Any payload that a client sends is one of ours or a `BadPayload`, and what it means for a chat is a screen."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from flows import callbacks as cb
from flows import ordering, serving
from flows.callbacks import BadPayload, CustomerTap, StaffTap, decode, encode
from flows.commands import AcceptOrder, AnyCommand, DeclineOrder
from flows.events import DeclineReason
from flows.menu import Service
from flows.messages.staff import ticket_screen
from flows.order import Refused, decide
from flows.serving import SettingTap, TicketTap
from tests.customers import Customer, MemoryShop, trattoria
from tests.fuzz.budget import fuzz
from tests.fuzz.taps import CART, ORDER, payloads
from tests.orders import ANNA, NOON, after, place

STORIES: tuple[tuple[AnyCommand, ...], ...] = (
    (),
    (AcceptOrder(ANNA, 20),),
    (DeclineOrder(ANNA, DeclineReason.ITEM_UNAVAILABLE),),
)
KNOWN = (encode(cb.ShowCategory("nonna", 0, trattoria().fingerprint)), encode(cb.Accept(ORDER, 20)), "1cx:0:0")


@fuzz(15, payload=payloads(*KNOWN))
def test_a_payload_is_one_of_ours_or_a_bad_one(payload: str) -> None:
    try:
        tap = decode(payload)
    except BadPayload:
        return
    assert isinstance(tap, CustomerTap | StaffTap)
    assert decode(encode(tap)) == tap


@fuzz(12, taps=st.lists(payloads(*KNOWN), min_size=1, max_size=4), cart=st.booleans())
def test_whatever_a_customer_taps_the_next_screen_can_be_shown(taps: list[str], cart: bool) -> None:
    carla = _carla(cart)
    for payload in taps:
        try:
            tap = decode(payload)
        except BadPayload:
            continue
        if isinstance(tap, CustomerTap):
            carla.sends(payload)
    assert carla.screen.text
    assert len(carla.notice) <= 200


def _carla(cart: bool) -> Customer:
    """Carla, who has ordered before, with or without something in her cart."""
    shop = MemoryShop()
    shop.carry_out(ORDER, place(ORDER), NOON)
    carla = Customer(shop)
    if cart:
        carla.starts("nonna").taps("Drinks", "Cola", "Add to cart", "Cart")
        [filled] = carla.session.carts
        carla.session = carla.session.with_cart(filled.model_copy(update={"id": CART}))
    return carla


@fuzz(15, payload=payloads(*KNOWN), story=st.sampled_from(STORIES))
def test_whatever_staff_tap_is_a_step_a_refusal_or_a_bad_payload(payload: str, story: tuple[AnyCommand, ...]) -> None:
    order, service = after(*story), Service(staff_chat=-100)
    try:
        tap = decode(payload)
        if isinstance(tap, TicketTap):
            step = serving.on_ticket(tap, order, ANNA)
            assert ticket_screen(order, step.mode, step.page).text
            if step.command is not None:
                decide(order, step.command, NOON)
        elif isinstance(tap, SettingTap):
            setting = serving.on_setting(tap, trattoria(), NOON)
            changed = setting.change(service) if setting.change else service
            assert setting.screen is None or setting.screen(changed).text
    except (BadPayload, Refused):
        return


@pytest.mark.parametrize("typed", ["", "nonna", "NONNA ", "\x00", "\u202e", "x" * 4096])
def test_whatever_follows_start_shows_a_screen(typed: str) -> None:
    assert Customer(MemoryShop()).starts(typed).screen.text


@fuzz(5, text=st.text(max_size=400) | st.text(min_size=200, max_size=4096))
def test_whatever_a_customer_types_is_a_note_or_gets_a_hint(text: str) -> None:
    carla = _carla(cart=True).taps("Add a note").types(text)
    assert carla.screen.text
    assert ordering.name_of(text)
    assert serving.name_of(text)
