"""One program alone, for one process per container: it runs in the foreground and its exit code is ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from types import FrameType

import click

from flows.settings import read_settings
from workers.cli import programs, running
from workers.cli.stores import the_store
from workers.store import refuse_passing_store
from workers.supervisor import SIGNALS, Program


@click.command("customer-bot")
def customer_bot() -> None:
    """Run the customers' bot alone, on the store that the settings name."""
    _run(programs.CUSTOMER_BOT)


@click.command("restaurant-bot")
def restaurant_bot() -> None:
    """Run the restaurants' bot alone, on the store that the settings name."""
    _run(programs.RESTAURANT_BOT)


@click.command()
def worker() -> None:
    """Run one worker alone, on the store that the settings name."""
    _run(programs.WORKER)


# Its options are the program's own, `--help` included.
@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def sandbox(options: tuple[str, ...]) -> None:
    """Run the local Telegram alone; it needs neither tokens nor a store."""
    os.execv(sys.executable, [sys.executable, "-P", "-m", programs.SANDBOX, *options])  # noqa: S606 - our own program


def _run(module: str) -> None:
    with running.failures_in_one_line():
        settings = read_settings()
        settings.tokens()
        refuse_passing_store(settings)
        running.set_up_logging(settings.log_level, settings.secrets())
        with the_store(settings, new=True) as store:
            code = _in_foreground(Program(module, module, programs.environment(settings, store.url)))
    raise SystemExit(code)


def _in_foreground(program: Program) -> int:
    """Run it until it ends, by itself or by a signal to us. Returns its exit code, or 1 if it was killed."""
    # In a session of its own: Ctrl-C would reach it twice, by the terminal and by us, and twice means at once.
    child = subprocess.Popen(
        program.command, env=dict(program.environment), stdin=subprocess.PIPE, start_new_session=True
    )

    asked = False

    def stop(number: int, _: FrameType | None) -> None:
        nonlocal asked
        asked = True
        child.terminate()

    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if child.stdin is not None:
        child.stdin.close()
    if asked and code == -signal.SIGTERM:  # so early that it had not begun anything
        return 0
    return code if code >= 0 else 1
