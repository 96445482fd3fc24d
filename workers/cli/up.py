"""`comanda up`: everything, against `TELEGRAM_API_URL`."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import click

from flows.listening import check_listening
from flows.settings import BOTS, Settings, read_settings
from workers.check_telegram import of_telegram
from workers.checks import Level, of_names
from workers.cli import programs, running
from workers.cli.stores import the_store
from workers.instance import AlreadyRunning, the_only_one
from workers.store import Store, refuse_passing_store
from workers.supervisor import Supervisor

log = logging.getLogger(__name__)


@click.command()
def up() -> None:
    """Run everything: both bots, WORKERS workers, and the embedded store unless REDIS_URL names another one.

    SIGTERM or Ctrl-C stops the bots, then the workers, then the store.
    """
    with running.failures_in_one_line():
        settings = read_settings()
        settings.tokens()
        refuse_passing_store(settings)
        running.set_up_logging(settings.log_level, settings.secrets())
        try:
            with the_only_one(settings.data_dir) as instance, _all_well(settings) as store:
                instance.tell(f"process {os.getpid()}")
                env = programs.environment(settings, store.url)
                stages = [programs.bots(env), programs.crew(settings.workers, env)]

                async def beside(_: Supervisor) -> None:
                    await warn(settings)

                orderly = asyncio.run(running.run(stages, store, beside, settings.secrets()))
        except AlreadyRunning as other:
            raise click.ClickException(f"it runs already with DATA_DIR={settings.data_dir}: {other}") from None
    if not orderly:
        raise SystemExit(1)


@contextmanager
def _all_well(settings: Settings) -> Iterator[Store]:
    """The store, once nothing else keeps the programs from running. Raises `BadSettings`, `StoreError`."""
    asyncio.run(check_ports(settings))
    with the_store(settings, new=True) as store:
        yield store


async def check_ports(settings: Settings) -> None:
    """Find out before anything starts whether both bots can listen for their webhooks. Raises `BadSettings`."""
    for bot in BOTS if settings.webhook_url else ():
        await check_listening(*settings.webhook_address(bot))


async def warn(settings: Settings) -> None:
    """Say what is wrong with the settings' names and with Telegram, while everything starts; `doctor` says more."""
    for check in [*of_names(os.environ), *await of_telegram(settings)]:
        if check.level is not Level.OK:
            log.warning("%s: %s: %s", check.check, check.says, check.cure)
