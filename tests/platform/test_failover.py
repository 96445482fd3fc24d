"""A primary with a replica, watched by a sentinel: what was acknowledged outlives the primary."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from redis import Redis
from redis.exceptions import RedisError

from bot.inbox import Inbox
from flows import keys
from flows.ledger import Ledger
from flows.settings import Settings
from flows.store import NotReplicated, connect, is_outage
from tests.orders import place
from tests.platform.programs import eventually
from tests.platform.servers import Servers
from workers.cli import main
from workers.store import StoreError, open_store


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(tmp_path, stack)


class Customer:
    """Places one order after the other, as a bot does for them: again and again while the store is away."""

    def __init__(self, name: str, url: str) -> None:
        self.acknowledged: list[str] = []
        self.turned_away = 0
        self._ledger = Ledger(connect(url), replicas=1)
        self._name = name

    def order(self, times: int) -> None:
        for _ in range(times):
            order_id = f"{self._name}{len(self.acknowledged):08}"
            while not self._try(order_id):
                self.turned_away += 1
                threading.Event().wait(0.02)
            self.acknowledged.append(order_id)

    def _try(self, order_id: str) -> bool:
        try:
            self._ledger.execute(order_id, place(order_id), f"customer-{order_id}")
        except RedisError as error:
            if not is_outage(error):
                raise
            return False
        return True


def test_a_primary_killed_in_mid_flow_loses_no_acknowledged_order(servers: Servers) -> None:
    customers = [Customer(name, servers.url) for name in ("anna", "bert", "cleo", "dora")]
    with ThreadPoolExecutor(4) as pool:
        ordering = [pool.submit(customer.order, 100) for customer in customers]
        eventually(lambda: sum(len(customer.acknowledged) for customer in customers) > 40, "orders are placed")
        servers.kill_primary()
        for one in ordering:
            one.result()
    assert all(customer.turned_away for customer in customers)
    ledger = Ledger(connect(servers.url))
    for customer in customers:
        assert [_length(ledger, order_id) for order_id in customer.acknowledged] == [1] * 100


def _length(ledger: Ledger, order_id: str) -> int:
    """How many events the order has; on a busy machine the sentinel may still think that the new primary is down."""
    found: list[int] = []

    def read() -> bool:
        try:
            found.append(len(ledger.history(order_id)))
        except RedisError as error:
            if not is_outage(error):
                raise
        return bool(found)

    eventually(read, "the order can be read")
    return found[0]


def test_what_the_replica_has_not_confirmed_is_not_acknowledged(servers: Servers) -> None:
    servers.cut_off()
    ledger = Ledger(connect(servers.url), replicas=1)
    with pytest.raises(RedisError) as refused:
        ledger.execute("order0000001", place("order0000001"), "customer-1")
    assert is_outage(refused.value)


def test_finding_its_own_write_is_no_acknowledgement_either(servers: Servers) -> None:
    """A first try may have been written and not confirmed: the second one finds it, and has to have it confirmed."""
    primary = servers.primary
    primary.config_set("min-replicas-to-write", 0)
    Ledger(primary).execute("order0000001", place("order0000001"), "customer-1")
    servers.cut_off()
    with pytest.raises(NotReplicated):
        Ledger(primary, replicas=1).execute("order0000001", place("order0000001"), "customer-1")


def test_an_update_is_stored_when_the_replica_has_it(servers: Servers) -> None:
    update = {"update_id": 5, "message": {"chat": {"id": 7}}}
    Inbox(connect(servers.url), "customer", "me", replicas=1).store([update])
    assert any(replica.hexists(keys.inbox("customer"), "5") for replica in servers.replicas)


def test_a_store_that_writes_without_its_replicas_is_refused(servers: Servers) -> None:
    servers.primary.config_set("min-replicas-to-write", 0)
    settings = Settings(_env_file=None, redis_url=servers.url, redis_replicas=1)
    with pytest.raises(StoreError, match="`min-replicas-to-write` is `0`, not `1`"), open_store(settings):
        pass


@pytest.mark.parametrize(
    "url", ["redis+sentinel://host:26379/", "redis+sentinel://host:port/name", "redis+sentinel://host:26379"]
)
def test_a_wrong_address_of_sentinels_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="REDIS_URL is wrong"), open_store(Settings(_env_file=None, redis_url=url)):
        pass


def test_the_parts_of_an_address_are_understood() -> None:
    client: Redis = connect("redis+sentinel://anna:p%40ss@one:26380,two/orders/3?sentinel_password=hush")
    options = client.connection_pool.connection_kwargs
    assert (options["username"], options["password"], options["db"]) == ("anna", "p@ss", 3)


def test_what_a_command_writes_counts_only_once_the_replicas_have_it(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", servers.url)
    monkeypatch.setenv("REDIS_REPLICAS", "1")
    sample = str(Path(__file__).parents[2] / "flows" / "samples" / "nonna.yaml")
    replicas: list[Any] = [replica.info("server") for replica in servers.replicas]
    for replica in replicas:
        os.kill(int(replica["process_id"]), signal.SIGSTOP)
    try:
        unconfirmed = CliRunner().invoke(main, ["restaurant", "import", sample])
    finally:
        for replica in replicas:
            os.kill(int(replica["process_id"]), signal.SIGCONT)

    def is_confirmed() -> bool:
        return CliRunner().invoke(main, ["restaurant", "import", sample]).exit_code == 0

    assert unconfirmed.exit_code == 1
    assert "the store does not answer (" in unconfirmed.output
    eventually(is_confirmed, "the replicas are there again")
