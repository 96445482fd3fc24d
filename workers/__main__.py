"""`python -m workers`: one worker process, configured by the environment (see `flows.settings`)."""

from __future__ import annotations

import asyncio
import logging
import os
import signal

from flows.ledger import Ledger
from flows.settings import Settings
from flows.store import connect
from workers import jobs
from workers.clock import Clock
from workers.delivery import Courier
from workers.telegram import Sender
from workers.worker import Worker

log = logging.getLogger(__name__)


async def run(settings: Settings, url: str) -> None:
    """Work until SIGTERM or SIGINT; a second one stops at once, and the jobs in hand go back by their lease."""
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            os._exit(1)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    redis = connect(url)
    ledger = Ledger(redis)
    customer, restaurant = settings.tokens()
    sender = Sender(settings.telegram_api_url, customer, restaurant)
    jobs.courier = Courier(ledger, redis, sender)
    try:
        await Worker(connect(url), redis, Clock(ledger, redis)).run(stop)
    finally:
        await sender.close()
