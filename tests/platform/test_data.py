"""The commands that look at and feed the ledger: what people read, what scripts read, and how they end."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from redis import Redis
from redis.exceptions import RedisError

from bot.sandbox.server import Sandbox
from flows.commands import AcceptOrder, AnyCommand, CancelOrder, DeclineOrder, RecordUnreachable
from flows.events import About, CancelReason, DeclineReason, Side
from flows.hours import Hours
from flows.ledger import Ledger
from flows.menu import Service
from flows.settings import Settings
from flows.store import connect
from tests.orders import ANNA, CARLA, place
from tests.people import Telegram
from tests.platform.programs import PATIENCE
from workers.cli import main
from workers.cli.ending import until_stopped
from workers.cli.seats import import_samples
from workers.store import open_store

NONNA_FILE = str(Path(__file__).parents[2] / "flows" / "samples" / "nonna.yaml")
NONNA = Path(NONNA_FILE).read_text("utf-8")

# Whoever runs the tests in the background (`make test &`) has Ctrl-C ignored by all that they start, nohup the hang-up.
COMANDA = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from workers.cli import main
main()
"""


async def comanda(*arguments: str) -> Result:
    """A command, beside the loop in which the sandbox runs. It succeeds."""
    done = await asyncio.to_thread(CliRunner().invoke, main, arguments)
    assert done.exit_code == 0, done.output
    return done


@pytest.fixture
def ledger(redis: Redis, store_url: str, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """The one that the commands find."""
    monkeypatch.setenv("REDIS_URL", store_url)
    return Ledger(redis)


@pytest.fixture
async def sandbox(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    """The Telegram that the commands ask for the bots' names."""
    async with Sandbox().serve() as sandbox:
        monkeypatch.setenv("TELEGRAM_API_URL", sandbox.url)
        telegram = Telegram(sandbox.url)
        for setting, token, name in [
            ("CUSTOMER_BOT_TOKEN", "7001:customer", "comanda_bot"),
            ("RESTAURANT_BOT_TOKEN", "7002:restaurant", "staff_bot"),
        ]:
            monkeypatch.setenv(setting, token)
            await telegram.act("bot", token=token, username=name)
        await telegram.close()
        yield sandbox


@pytest.mark.usefixtures("sandbox")
class TestLettingPeopleIn:
    async def test_an_import_prints_how_customers_a_group_and_a_private_chat_get_in(self, ledger: Ledger) -> None:
        said = (await comanda("restaurant", "import", NONNA_FILE)).output

        created, there, *entrance = said.splitlines()
        assert created == "Trattoria da Nonna created."
        assert re.fullmatch(
            r"There it is [A-Z][a-z]+day, \d\d:\d\d now; if not, correct its timezone, Europe/Rome.", there
        )
        assert entrance == [
            "customers: https://t.me/comanda_bot?start=nonna",
            f"staff group: https://t.me/staff_bot?startgroup={ledger.open_invite('nonna')}",
            f"or a private chat: https://t.me/staff_bot?start={ledger.open_invite('nonna')}",
            f"or a topic of a group that the bot is in: write /start@staff_bot {ledger.open_invite('nonna')} there",
            "For staff it works once, within 7 days; another one: comanda restaurant invite nonna",
        ]

    @pytest.mark.usefixtures("ledger")
    async def test_an_import_tells_the_time_by_which_the_restaurant_works(self, tmp_path: Path) -> None:
        """Given a place whose clocks are far from anybody's who reads this, and a look before and after the import."""
        file = tmp_path / "far.yaml"
        file.write_text(NONNA.replace("Europe/Rome", "Pacific/Kiritimati"), "utf-8")
        there = ZoneInfo("Pacific/Kiritimati")
        before = datetime.now(there)

        said = json.loads((await comanda("restaurant", "import", str(file), "--json")).output)["local_time"]

        assert before.replace(second=0, microsecond=0) <= datetime.fromisoformat(said) <= datetime.now(there)
        assert said.endswith("+14:00")

    async def test_an_invite_prints_a_link_for_a_group_and_one_for_a_private_chat(self, ledger: Ledger) -> None:
        import_samples(ledger)

        said = (await comanda("restaurant", "invite", "nonna")).output

        token = ledger.open_invite("nonna")
        assert said.splitlines() == [
            f"staff group: https://t.me/staff_bot?startgroup={token}",
            f"or a private chat: https://t.me/staff_bot?start={token}",
            f"or a topic of a group that the bot is in: write /start@staff_bot {token} there",
        ]

    async def test_scripts_get_both_links_and_the_words_to_send(self, ledger: Ledger) -> None:
        import_samples(ledger)

        entrance = json.loads((await comanda("restaurant", "invite", "nonna", "--json")).output)

        token = ledger.open_invite("nonna")
        assert entrance["staff_start"] == f"/start {token}"
        assert entrance["staff_link"] == f"https://t.me/staff_bot?startgroup={token}"
        assert entrance["staff_private_link"] == f"https://t.me/staff_bot?start={token}"

    async def test_without_telegram_there_are_words_to_send_and_no_links(
        self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import_samples(ledger)
        monkeypatch.setenv("TELEGRAM_API_URL", "http://127.0.0.1:9")

        said = (await comanda("restaurant", "import", NONNA_FILE)).output
        entrance = json.loads((await comanda("restaurant", "import", NONNA_FILE, "--json")).output)

        assert f"staff: {entrance['staff_start']}  (to the restaurant bot)" in said
        assert (entrance["staff_link"], entrance["staff_private_link"]) == (None, None)


def with_staff(service: Service) -> Service:
    return service.model_copy(update={"staff_chat": -42})


def paused(service: Service) -> Service:
    return service.model_copy(update={"staff_chat": -42, "paused": True})


class TestListing:
    @pytest.mark.parametrize(
        ("hours", "switches", "state"),
        [
            (None, lambda service: service, "has no staff chat"),
            (None, with_staff, "open for orders"),
            (None, paused, "paused"),
            (Hours(), with_staff, "closed now (hours)"),
        ],
    )
    async def test_a_restaurant_is_open_for_orders_only_when_nothing_keeps_it_from_them(
        self, ledger: Ledger, hours: Hours | None, switches: Callable[[Service], Service], state: str
    ) -> None:
        [nonna] = [one for one in import_samples(ledger) if one.slug == "nonna"]
        ledger.save_restaurant(nonna.model_copy(update={"hours": hours}))
        ledger.set_service("nonna", switches)

        said = (await comanda("restaurant", "list")).stdout

        [line] = [line for line in said.splitlines() if line.startswith("nonna")]
        assert line.endswith(state)

    @pytest.mark.usefixtures("ledger")
    @pytest.mark.parametrize(
        ("command", "words"),
        [
            (("orders",), "No orders in the store {store}.\n"),
            (("orders", "--today"), "No such orders in the store {store}.\n"),
            (("restaurant", "list"), "No restaurants in the store {store}: comanda restaurant import FILE\n"),
        ],
    )
    async def test_nothing_to_list_is_said_beside_the_output(
        self, command: tuple[str, ...], words: str, store_url: str
    ) -> None:
        words = words.format(store=store_url)
        for_people, for_scripts = await comanda(*command), await comanda(*command, "--json")

        assert (for_people.stdout, for_people.stderr) == ("", words)
        assert (for_scripts.stdout, for_scripts.stderr) == ("[]\n", "")


class TestOneOrder:
    @pytest.mark.parametrize(
        ("course", "last"),
        [
            ([DeclineOrder(ANNA, DeclineReason.TOO_BUSY)], "order_declined by Anna: too_busy"),
            (
                [CancelOrder(Side.CUSTOMER, CARLA, CancelReason.CUSTOMER_CHANGED_MIND)],
                "order_cancelled by Carla (customer): customer_changed_mind",
            ),
            (
                [AcceptOrder(ANNA, 20), CancelOrder(Side.RESTAURANT, ANNA, CancelReason.KITCHEN_PROBLEM)],
                "order_cancelled by Anna (restaurant): kitchen_problem",
            ),
            ([RecordUnreachable(Side.RESTAURANT, About.PLACED, "blocked")], "order_expired: unreachable"),
            ([AcceptOrder(ANNA, 20)], "order_accepted by Anna"),
        ],
    )
    async def test_it_says_how_it_ended_by_whom_and_why(
        self, ledger: Ledger, course: list[AnyCommand], last: str
    ) -> None:
        for step, command in enumerate([place(), *course]):
            ledger.execute("0rder0000001", command, f"test-{step}")

        said = (await comanda("order", "0rder0000001")).output

        assert said.splitlines()[-1].endswith(f"Z  {last}")

    async def test_options_that_say_nothing_alone_are_read_with_their_group(self, ledger: Ledger) -> None:
        ledger.execute("0rder0000001", place(options=("Large", "No"), groups=("", "Onions")), "test-1")

        said = (await comanda("order", "0rder0000001")).output
        read = json.loads((await comanda("order", "0rder0000001", "--json")).output)

        assert "  2 × Margherita Large, Onions: No\n" in said
        assert read["lines"][0]["groups"] == ["", "Onions"]

    async def test_the_customers_note_is_there_if_there_is_one(self, ledger: Ledger) -> None:
        ledger.execute("0rder0000001", place("0rder0000001", note="No basil, please"), "test-1")
        ledger.execute("0rder0000002", place("0rder0000002"), "test-2")

        said = [(await comanda("order", order_id)).output for order_id in ("0rder0000001", "0rder0000002")]

        assert "  note: No basil, please\n" in said[0]
        assert "note" not in said[1]


class TestFollowing:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_a_signal_ends_it_quietly_and_the_store_that_it_started_with_it(
        self, number: signal.Signals, tmp_path: Path
    ) -> None:
        with open_store(Settings(_env_file=None, data_dir=tmp_path)) as store:
            Ledger(connect(store.url)).execute("0rder0000001", place(), "test")

        with subprocess.Popen(
            [sys.executable, "-c", COMANDA, "events", "--follow"],
            cwd=tmp_path,
            env={**os.environ, "DATA_DIR": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as following:
            assert following.stdout is not None
            assert "order_placed" in following.stdout.readline()
            following.send_signal(number)
            said = following.communicate(timeout=PATIENCE)

        assert (following.returncode, *said) == (0, "", "")
        with connect(store.url) as gone, pytest.raises(RedisError):
            gone.ping()

    def test_a_signal_while_something_is_opened_waits_until_that_is_done(self) -> None:
        done = []
        with until_stopped() as unless_stopped:
            signal.raise_signal(signal.SIGTERM)
            done.append("opened")
            unless_stopped()
            done.append("went on")

        assert done == ["opened"]

    def test_a_second_signal_does_not_break_off_the_closing(self) -> None:
        done = []
        with until_stopped() as unless_stopped:
            try:
                unless_stopped()
                signal.raise_signal(signal.SIGTERM)
                done.append("went on")
            finally:
                signal.raise_signal(signal.SIGTERM)
                done.append("closed")

        assert done == ["closed"]

    def test_a_hang_up_that_is_ignored_as_by_nohup_stays_so(self) -> None:
        done = []
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            with until_stopped() as unless_stopped:
                unless_stopped()
                signal.raise_signal(signal.SIGHUP)
                done.append("went on")
        finally:
            signal.signal(signal.SIGHUP, before)

        assert done == ["went on"]
