"""Many at once take few connections to the store; where it has no room for more, they wait instead of failing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as ConnectionLost

from bot.inbox import Inbox
from flows.ledger import Ledger
from flows.store import apart, connect
from flows.store_pool import MOST
from tests.orders import place
from tests.platform.programs import valkey_with

SMALL = 25  # connections that a small hosted store takes
CUSTOMERS = 60


@pytest.fixture
def small(tmp_path: Path, free_port: int) -> Iterator[Redis]:
    """A store that takes few connections."""
    with valkey_with(free_port, tmp_path, "--maxclients", str(SMALL)) as redis:
        yield redis


def url_of(redis: Redis) -> str:
    return f"redis://127.0.0.1:{redis.connection_pool.connection_kwargs['port']}"


def ordering_at_once(ledgers: list[Ledger]) -> list[str]:
    """Every customer orders in the same moment, through one or the other; returns what went wrong."""
    barrier = threading.Barrier(CUSTOMERS)
    problems: list[str] = []

    def order(number: int) -> None:
        order_id = f"0rder{number:07}"
        barrier.wait()
        try:
            ledgers[number % len(ledgers)].execute(order_id, place(order_id), f"test-{number}")
        except Exception as error:
            problems.append(repr(error))

    with ThreadPoolExecutor(CUSTOMERS) as customers:
        list(customers.map(order, range(CUSTOMERS)))
    return problems


def test_sixty_customers_at_once_are_served_by_a_store_of_25_connections(small: Redis) -> None:
    processes = [connect(url_of(small)) for _ in range(3)]
    aside = [apart(redis) for redis in processes]
    for lease in aside:
        lease.ping()

    problems = ordering_at_once([Ledger(redis) for redis in processes])

    clients: Any = small.info("clients")
    assert problems == []
    assert len(list(Ledger(small).orders())) == CUSTOMERS
    assert clients["connected_clients"] <= 3 * (MOST + 1) + 1 < SMALL


def test_where_others_have_taken_all_but_one_connection_the_rest_wait_for_each_other(small: Redis) -> None:
    small.config_set("maxclients", 2)  # the test's own, and one more
    redis = connect(url_of(small))

    assert ordering_at_once([Ledger(redis)]) == []
    assert len(list(Ledger(redis).orders())) == CUSTOMERS


def test_a_full_store_is_waited_for_until_somebody_leaves(small: Redis) -> None:
    small.config_set("maxclients", 2)
    other = connect(url_of(small))
    other.ping()
    waiting = threading.Event()
    redis = connect(url_of(small))

    def leave_when_refused() -> None:
        while small.info("stats")["rejected_connections"] == 0:
            waiting.wait(0.01)
        other.close()

    leaving = threading.Thread(target=leave_when_refused)
    leaving.start()
    assert redis.ping()
    leaving.join()


def test_a_store_that_is_not_there_is_not_waited_for(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("an outage is told at once"))

    with pytest.raises(ConnectionLost):
        connect(f"redis://127.0.0.1:{free_port}").ping()


def test_a_lease_has_a_connection_of_its_own_while_all_others_are_busy(redis: Redis) -> None:
    inbox = Inbox(redis, "customer", "me")
    taken = [redis.connection_pool.get_connection() for _ in range(MOST)]
    try:
        inbox.stay()
        assert inbox.renew().waiting == 0
    finally:
        for connection in taken:
            redis.connection_pool.release(connection)
