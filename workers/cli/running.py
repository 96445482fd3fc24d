"""What `comanda up` and `comanda demo` share: they run programs on a store until they are stopped."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import click

from flows.logs import hiding, log_to_stderr
from flows.settings import BadSettings
from workers.errors import StoreError
from workers.store import Store
from workers.supervisor import Program, Supervisor

log = logging.getLogger(__name__)

LOOK_AFTER_STORE_EVERY = 1.0  # seconds


@contextmanager
def failures_in_one_line() -> Iterator[None]:
    """What the person at the keyboard can cure is one line and exit code 1, without a traceback."""
    try:
        yield
    except (BadSettings, StoreError) as error:
        raise click.ClickException(str(error)) from None


def set_up_logging(level: str, secrets: Iterable[str] = ()) -> None:
    """Log to stderr, as the programs do."""
    log_to_stderr(level, secrets)
    # httpx logs each URL at INFO, and a URL of the Bot API holds the token.
    logging.getLogger("httpx").setLevel(logging.WARNING)


async def run(
    stages: Sequence[Sequence[Program]],
    store: Store,
    beside: Callable[[Supervisor], Awaitable[None]],
    secrets: Iterable[str] = (),
) -> bool:
    """Run the programs and look after the store until stopped. Returns whether all of them could end in order.

    `beside` is done meanwhile; if it raises, everything is stopped, and then it is raised here. No line that a program
    writes is shown with one of the `secrets`, not even one that the program's own log has not gone through.
    """
    hide = hiding(secrets)
    supervisor = Supervisor(stages, lambda line: show(hide(line)))
    helpers = [asyncio.create_task(_look_after(store)), asyncio.ensure_future(beside(supervisor))]
    for helper in helpers:
        helper.add_done_callback(lambda done: supervisor.stop() if _failed(done) else None)
    try:
        return await supervisor.run()
    finally:
        for helper in helpers:
            helper.cancel()
        results = await asyncio.gather(*helpers, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result


def show(line: str) -> None:
    """Print a line of output. Raises `BrokenPipeError` once when nobody reads any more, and is silent from then on."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


async def _look_after(store: Store) -> None:
    while True:
        await asyncio.sleep(LOOK_AFTER_STORE_EVERY)
        try:
            await asyncio.to_thread(store.look_after)
        except StoreError as error:  # a full disk, say: once there is room, the next look starts it again
            log.error("%s", error)  # noqa: TRY400 - the message says all there is to know


def _failed(done: asyncio.Future[None]) -> bool:
    return not done.cancelled() and done.exception() is not None
