"""`python -m workers`: one worker process, configured by the environment (see `flows.settings`)."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from concurrent.futures import ThreadPoolExecutor

from flows import keys
from flows.ledger import Ledger
from flows.logs import log_to_stderr
from flows.settings import BadSettings, Settings, read_settings
from flows.store import Together, connect
from workers import jobs
from workers.clock import Clock
from workers.delivery import Courier
from workers.telegram import Sender
from workers.worker import IN_FLIGHT, Worker


async def run(settings: Settings, url: str) -> None:
    """Work until SIGTERM or SIGINT; a second one stops at once, and the jobs in hand go back by their lease."""
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            os._exit(1)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    # Each job may wait for the store in a thread of its own.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(IN_FLIGHT))
    redis = connect(url)
    ledger = Ledger(redis, replicas=settings.redis_replicas)
    customer, restaurant = settings.tokens()
    store = Together(redis, settings.redis_replicas)
    sender = Sender(settings.telegram_api_url, customer, restaurant, store)
    worker = Worker(connect(url), store, Clock(ledger, redis))
    jobs.courier = Courier(ledger, store, sender, keys.lease(worker.name))
    try:
        await worker.run(stop)
    finally:
        await sender.close()


def main() -> None:
    """Read the settings and work. Exit code 1 and one line on stderr when they won't do."""
    try:
        settings = read_settings()
        settings.tokens()
        if settings.redis_url is None:
            raise BadSettings("REDIS_URL is not set: start this process with `comanda`, which also runs the store")
    except BadSettings as error:
        raise SystemExit(str(error)) from None
    log_to_stderr(settings.log_level, settings.secrets())
    # httpx logs each URL at INFO, and a URL of the Bot API holds the token.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # RQ logs three lines for each job that goes well.
    logging.getLogger("rq.worker").setLevel(max(logging.getLogger().level, logging.WARNING))
    asyncio.run(run(settings, settings.redis_url))


if __name__ == "__main__":
    main()
