"""`comanda up`: everything, against `TELEGRAM_API_URL`."""

from __future__ import annotations

import asyncio
import os

import click

from flows.settings import read_settings
from workers.cli import programs, running
from workers.instance import AlreadyRunning, the_only_one
from workers.store import open_store
from workers.supervisor import Supervisor


@click.command()
def up() -> None:
    """Run everything: both bots, WORKERS workers, and the embedded store unless REDIS_URL names another one.

    SIGTERM or Ctrl-C stops the bots, then the workers, then the store.
    """
    with running.failures_in_one_line():
        settings = read_settings()
        settings.tokens()
        running.set_up_logging(settings.log_level)
        try:
            with the_only_one(settings.data_dir) as instance, open_store(settings) as store:
                instance.tell(f"process {os.getpid()}")
                env = programs.environment(settings, store.url)
                stages = [programs.bots(env), programs.crew(settings.workers, env)]
                orderly = asyncio.run(running.run(stages, store, _nothing))
        except AlreadyRunning as other:
            raise click.ClickException(f"it runs already with DATA_DIR={settings.data_dir}: {other}") from None
    if not orderly:
        raise SystemExit(1)


async def _nothing(_: Supervisor) -> None:
    """There is nothing to do beside."""
