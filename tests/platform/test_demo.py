"""`comanda demo`: one command, its own data, and an order that survives Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.people import Person, Telegram, buttons
from tests.platform.programs import PATIENCE, eventually
from workers.cli.seats import CUSTOMER, CUSTOMER_TOKEN, STAFF
from workers.embedded import EmbeddedStore

COMANDA = [sys.executable, "-c", "from workers.cli import main; main()"]

# What a developer's shell might hold, none of which is the demo's business.
FOREIGN = {
    "CUSTOMER_BOT_TOKEN": "nonsense",
    "REDIS_URL": "redis://127.0.0.1:1",
    "DATA_DIR": "/nowhere",
    "WORKERS": "many",
    "HTTP_PROXY": "http://127.0.0.1:1",
}


class Demo:
    """A running demo in `folder`."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self._log = (folder / "log").open("a")
        self.process = subprocess.Popen(
            [*COMANDA, "demo", "--port", str(port)],
            cwd=folder,
            env={**os.environ, **FOREIGN},
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def until_it_says(self, words: str, times: int = 1) -> None:
        eventually(lambda: self.process.poll() is not None or self.log().count(words) >= times, words)
        assert self.log().count(words) >= times, self.log()

    def ends_by(self, number: signal.Signals) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        self._log.close()
        return self.process.wait(PATIENCE)


@contextmanager
def demo(folder: Path, port: int) -> Iterator[Demo]:
    running = Demo(folder, port)
    try:
        yield running
    finally:
        running.ends_by(signal.SIGTERM)


async def anna(telegram: Telegram) -> Person:
    """The member of the staff group of the sample restaurant Nonna."""
    for room in await telegram.look("chats"):
        if room["chat"].get("title") == "Trattoria da Nonna":
            return Person(telegram, next(iter(STAFF["nonna"])), room["room"], {"chat": room["chat"]["id"]})
    raise AssertionError("there is no such group")


def comanda(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "DATA_DIR": "data/demo"}
    done = subprocess.run(
        [*COMANDA, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def orders(folder: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(comanda(folder, "orders", "--json"))
    return found


@pytest.fixture
async def telegram(free_port: int) -> AsyncIterator[Telegram]:
    client = Telegram(f"http://127.0.0.1:{free_port}")
    yield client
    await client.close()


def carla(telegram: Telegram) -> Person:
    """The customer of the demo."""
    return Person(telegram, CUSTOMER, f"1:{CUSTOMER}", {"bot": CUSTOMER_TOKEN})


async def test_the_first_thing_that_carla_reads_is_that_both_restaurants_take_orders(
    tmp_path: Path, free_port: int, telegram: Telegram
) -> None:
    with demo(tmp_path, free_port) as running:
        running.until_it_says("Comanda is ready")

        said = [message for message in await carla(telegram).messages() if message["from"]["is_bot"]]

    assert [button["text"] for message in said for button in buttons(message, "")] == [
        "🟢 Momiji Ramen",
        "🟢 Trattoria da Nonna",
    ]


@pytest.mark.timeout(400)  # two whole starts
async def test_an_order_of_the_demo_survives_ctrl_c(tmp_path: Path, free_port: int, telegram: Telegram) -> None:
    url = f"http://127.0.0.1:{free_port}"
    customer = carla(telegram)

    with demo(tmp_path, free_port) as first:
        first.until_it_says(f"Comanda is ready:  {url}")
        for label in ("Trattoria da Nonna", "Pizza", "Margherita", "Add to cart", "Cart", "Place order"):
            await customer.tap(label)
        await (await anna(telegram)).sees("Margherita")
        assert first.ends_by(signal.SIGINT) == 0, first.log()

    (order,) = orders(tmp_path)
    assert (order["restaurant"], order["status"]) == ("nonna", "notified")

    with demo(tmp_path, free_port) as second:
        second.until_it_says(f"Comanda is ready:  {url}", times=2)
        staff = await anna(telegram)
        for label in ("Accept", "20 min"):
            await staff.tap(label)
        await customer.sees("Ready by")
        assert [one["status"] for one in orders(tmp_path)] == ["accepted"]
        assert second.ends_by(signal.SIGTERM) == 0, second.log()


@pytest.mark.timeout(400)  # two whole starts
async def test_people_and_their_chats_are_there_again_and_everybody_can_be_told(
    tmp_path: Path, free_port: int, telegram: Telegram
) -> None:
    url = f"http://127.0.0.1:{free_port}"
    with demo(tmp_path, free_port) as first:
        first.until_it_says(f"Comanda is ready:  {url}")
        dora = await telegram.person("Dora", bot=CUSTOMER_TOKEN)
        await dora.send("/start nonna")
        for label in ("Pizza", "Margherita", "Add to cart", "Cart", "Place order"):
            await dora.tap(label)
        group = await anna(telegram)
        await group.sees("Margherita")
        said = [message["message_id"] for message in await dora.messages()]
        assert first.ends_by(signal.SIGINT) == 0, first.log()

    with demo(tmp_path, free_port) as second:
        second.until_it_says(f"Comanda is ready:  {url}", times=2)
        assert (await anna(telegram)).room == group.room
        assert [message["message_id"] for message in await dora.messages()] == said
        for label in ("Accept", "20 min"):
            await group.tap(label)
        await dora.sees("Ready by")
        events = comanda(tmp_path, "events")
        assert second.ends_by(signal.SIGTERM) == 0, second.log()

    assert "unreachable" not in events
    assert "unreachable" not in second.log()
    assert "WARNING" not in second.log().partition("Comanda is ready")[2].partition("Comanda is ready")[2]


@pytest.mark.timeout(400)  # two whole starts
async def test_where_the_world_is_lost_the_staff_get_a_new_group_with_the_open_tickets(
    tmp_path: Path, free_port: int, telegram: Telegram
) -> None:
    customer = carla(telegram)
    with demo(tmp_path, free_port) as first:
        first.until_it_says("Comanda is ready")
        for label in ("Trattoria da Nonna", "Pizza", "Margherita", "Add to cart", "Cart", "Place order"):
            await customer.tap(label)
        await (await anna(telegram)).sees("Margherita")
    (tmp_path / "data/demo/telegram.json").write_text("no world")

    with demo(tmp_path, free_port) as second:
        second.until_it_says("Comanda is ready", times=2)
        await (await anna(telegram)).sees("Margherita")

    assert "telegram.json holds no world for this sandbox" in second.log()
    assert "unreachable" not in comanda(tmp_path, "events")


def test_a_second_demo_says_where_the_first_one_is(tmp_path: Path, free_port: int) -> None:
    with demo(tmp_path, free_port) as first:
        first.until_it_says("Telegram sandbox at")

        second = subprocess.run(
            [*COMANDA, "demo", "--port", str(free_port)], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    assert second.returncode == 1
    assert f"the demo runs already at http://127.0.0.1:{free_port}" in second.stderr


def test_a_taken_port_is_passed_over_and_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with demo(tmp_path, taken) as running:
            running.until_it_says("Telegram sandbox at")

    assert f"Port {taken} is taken, so the demo uses" in running.log()


def test_nothing_of_the_demo_is_left_running(tmp_path: Path, free_port: int) -> None:
    with demo(tmp_path, free_port) as running:
        running.until_it_says("Telegram sandbox at")

    lock = tmp_path / "data" / "demo" / "store" / "server.lock"
    assert lock.exists()
    # Nobody holds it: a server is started again at once.
    with EmbeddedStore(tmp_path / "data" / "demo").used():
        pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", free_port))
