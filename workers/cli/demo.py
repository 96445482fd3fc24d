"""`comanda demo`: everything on a local Telegram, with made-up tokens and sample restaurants."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path

import click
from pydantic import SecretStr

from flows.ledger import Ledger
from flows.settings import Settings
from flows.store import connect
from workers.cli import programs, running
from workers.cli.backstage import Backstage
from workers.cli.foreground import own_terminal
from workers.cli.seats import CUSTOMER_TOKEN, RESTAURANT_TOKEN, Guests, NobodyAnswers
from workers.cli.stores import the_store
from workers.instance import AlreadyRunning, Instance, the_only_one
from workers.store import Store
from workers.supervisor import Program, Supervisor

DATA_DIR = Path("data/demo")
FIRST_PORT = 8080
WORKER = "worker"  # the program's name
PORTS = 100  # how many are tried

READY = """
  Comanda is ready:  {url}

  On that page are two phones: Carla's, and the one of the staff of Trattoria da Nonna.
    1. Carla: tap Trattoria da Nonna, choose a pizza, Add to cart, open the cart, Place order.
    2. Anna: Accept the ticket, choose the minutes, later Ready and Picked up.

  What happened, from another terminal:  DATA_DIR={data_dir} {comanda} orders
  Stop it with Ctrl-C. Orders, people and chats are kept in {data_dir}.
"""


@click.command()
@click.option("--port", default=FIRST_PORT, show_default=True, type=click.IntRange(1, 65535), help="First port to try.")
@click.option(
    "--data-dir", default=DATA_DIR, show_default=True, type=click.Path(path_type=Path), help="Where its data are kept."
)
def demo(port: int, data_dir: Path) -> None:
    """Try Comanda on this machine: a local Telegram, both bots, a worker, the store and two sample restaurants.

    It needs no tokens and reads no settings. A second one in the same directory says where the first one runs, and
    ends with exit code 1.
    """
    running.set_up_logging("INFO")
    with running.failures_in_one_line(), own_terminal():
        try:
            with the_only_one(data_dir) as instance:
                orderly = _run(data_dir, _free_port(port), instance)
        except AlreadyRunning as other:
            where = f"at {other}" if str(other) else "and just starting"
            raise click.ClickException(f"the demo runs already {where}; Ctrl-C where it was started stops it") from None
        except NobodyAnswers as error:
            raise click.ClickException(str(error)) from None
    if not orderly:
        raise SystemExit(1)


def _run(data_dir: Path, port: int, instance: Instance) -> bool:
    url = f"http://127.0.0.1:{port}"
    # Every setting by hand: neither the environment nor `.env` has a say.
    settings = Settings.model_construct(
        customer_bot_token=SecretStr(CUSTOMER_TOKEN),
        restaurant_bot_token=SecretStr(RESTAURANT_TOKEN),
        telegram_api_url=url,
        data_dir=data_dir,
    )
    with the_store(settings, new=True) as store:
        instance.tell(url)
        ledger = Ledger(connect(store.url))
        stages = _stages(settings, store, port)

        async def beside(supervisor: Supervisor) -> None:
            # A worker would write to chats that the sandbox may not have.
            supervisor.switch_off(WORKER)
            await Guests(url).find_their_seats(ledger)
            supervisor.switch_on(WORKER)
            await _welcome(url, ledger, _words(url, data_dir))
            await Backstage(url, store, supervisor, ledger).run()

        return asyncio.run(running.run(stages, store, beside))


def _stages(settings: Settings, store: Store, port: int) -> list[list[Program]]:
    env = programs.environment(settings, store.url)
    # A proxy has no part in what happens on this machine.
    env |= {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    keep = str(settings.data_dir.resolve() / "telegram.json")
    sandbox = Program("sandbox", programs.SANDBOX, env, ("--port", str(port), "--limits", "--nobody", "--keep", keep))
    return [programs.bots(env), programs.crew(1, env), [sandbox]]


def _words(url: str, data_dir: Path) -> str:
    comanda = os.path.relpath(Path(sys.executable).with_name("comanda"))
    return READY.format(url=url, data_dir=data_dir, comanda=comanda)


async def _welcome(url: str, ledger: Ledger, words: str) -> None:
    await Guests(url).take_their_seats(ledger)
    running.show(words)


def _free_port(first: int) -> int:
    """The next port from `first` on where nobody listens. Raises `click.ClickException` when there is none."""
    for port in range(first, min(first + PORTS, 65536)):
        if _is_free(port):
            if port != first:
                click.echo(f"Port {first} is taken, so the demo uses {port}.")
            return port
    raise click.ClickException(f"no port from {first} to {first + PORTS - 1} is free: name another with --port")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # What a former demo left behind in the kernel does not count; who listens, does.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    with socket.socket() as visitor:
        # On macOS one may bind beside somebody who listens on every address.
        return visitor.connect_ex(("127.0.0.1", port)) != 0
