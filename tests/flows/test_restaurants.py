"""Restaurants in the store: whoever dies or comes between, staff get their tickets, and nobody decides by what was."""

from __future__ import annotations

import pytest
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from flows import keys
from flows.ledger import JoinOutcome, Ledger
from flows.ledger.catalogue import Catalogue
from flows.reactions import QUEUE
from flows.serving import pause, set_item
from tests.customers import FUNGHI, trattoria, with_item, without_item
from tests.faults import Killed, faulty
from tests.orders import place

STAFF = -100


@pytest.fixture
def ledger(redis: Redis) -> Ledger:
    ledger = Ledger(redis)
    ledger.save_restaurant(trattoria())
    return ledger


def test_who_joins_gets_the_open_tickets_though_the_bot_died_over_it(ledger: Ledger, redis: Redis) -> None:
    ledger.execute("0rder0000001", place(), "customer-1")
    token = ledger.create_invite("nonna", 60)
    redis.delete(f"rq:queue:{QUEUE}")

    def dies(number: int, request: bytes) -> None:
        if b"SMEMBERS" in request:  # it has joined, and looks for the open orders
            raise Killed

    with pytest.raises(Killed):
        Ledger(faulty(redis, before=dies)).join(token, STAFF)
    assert ledger.join(token, STAFF).outcome is JoinOutcome.ALREADY_HERE

    assert Queue(QUEUE, connection=redis, serializer=JSONSerializer).job_ids == ["0rder0000001-1-restaurant-2"]


def test_what_another_thread_keeps_meanwhile_is_not_taken_for_what_was_read(ledger: Ledger, redis: Redis) -> None:
    """Given a thread that has read before a change, and puts there what it has after we have put ours."""
    older = Catalogue(b"older", {}, {})

    class Overtaken(Ledger):
        _kept = property(lambda _: older, lambda _, __: None)

    assert Overtaken(redis).catalogue(b"newer").version == redis.get(keys.CATALOGUE)


def test_no_invite_stays_open_that_nobody_can_withdraw(ledger: Ledger, redis: Redis) -> None:
    """Given an invite that is made while another one is being withdrawn."""
    ledger.create_invite("nonna", 60)
    made: list[str] = []

    def meanwhile(number: int, request: bytes) -> None:
        if not made and b"GET" in request:
            made.append(ledger.create_invite("nonna", 60))

    Ledger(faulty(redis, after=meanwhile)).revoke_invite("nonna")

    assert ledger.open_invite("nonna") is None
    assert not redis.exists(keys.invite(made[0]))


def test_a_dish_that_comes_back_under_the_id_of_a_removed_one_is_not_hidden(ledger: Ledger) -> None:
    ledger.set_service("nonna", set_item("funghi", hidden=True))
    ledger.save_restaurant(without_item(trattoria(), "funghi"))
    ledger.save_restaurant(trattoria())

    assert ledger.service("nonna").hidden == frozenset()


def test_a_switch_that_was_flipped_after_its_dish_had_left_the_menu_is_forgotten_too(ledger: Ledger) -> None:
    """Given a ticket's offer to hide a dish, tapped when the dish had gone: there are such switches in old stores."""
    ledger.save_restaurant(without_item(trattoria(), "funghi"))
    ledger.set_service("nonna", set_item("funghi", hidden=True))
    ledger.save_restaurant(trattoria())

    assert ledger.service("nonna").hidden == frozenset()


def test_an_import_keeps_all_other_switches(ledger: Ledger) -> None:
    ledger.set_service("nonna", set_item("funghi", hidden=True))
    ledger.set_service("nonna", set_item("stew", hidden=True))
    ledger.set_service("nonna", pause(0, ledger.clock()))
    dearer = with_item(trattoria(), FUNGHI.model_copy(update={"name": "Funghi porcini"}))

    created = ledger.save_restaurant(without_item(dearer, "stew"))

    service = ledger.service("nonna")
    assert (created, service.hidden, service.paused) == (False, frozenset({"funghi"}), True)


def test_an_import_mends_a_menu_that_cannot_be_read_and_keeps_its_switches(ledger: Ledger, redis: Redis) -> None:
    ledger.set_service("nonna", set_item("funghi", hidden=True))
    redis.hset(keys.RESTAURANTS, "nonna", "{}")

    ledger.save_restaurant(trattoria())

    assert (ledger.restaurant("nonna"), ledger.service("nonna").hidden) == (trattoria(), frozenset({"funghi"}))


def test_a_dish_that_is_hidden_during_an_import_stays_hidden(ledger: Ledger, redis: Redis) -> None:
    """Given staff who hide a dish between the import's reading and its writing."""
    ledger.set_service("nonna", set_item("stew", hidden=True))
    hidden: list[int] = []

    def meanwhile(number: int, request: bytes) -> None:
        if not hidden and b"HGET" in request:
            hidden.append(number)
            ledger.set_service("nonna", set_item("funghi", hidden=True))

    Ledger(faulty(redis, after=meanwhile)).save_restaurant(without_item(trattoria(), "stew"))

    assert hidden
    assert ledger.service("nonna").hidden == {"funghi"}
