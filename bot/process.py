"""What the two bots' processes share: logging, signals, and the wiring of ledger and intake."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

from flows.settings import BadSettings, Settings, read_settings


def set_up_logging(level: str) -> None:
    """Log to stderr. The HTTP libraries log each URL at INFO, and a URL of the Bot API holds the token."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    for name in ("httpx", "httpcore", "aiogram.event", "aiohttp.access"):
        logging.getLogger(name).setLevel(logging.WARNING)


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets. A second signal stops the process at once; the inbox keeps the rest."""
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            os._exit(1)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    return stop


def settings_or_exit() -> Settings:
    """The settings of a bot, or one line on stderr and exit code 1. The store's address comes from the command line."""
    try:
        settings = read_settings()
        settings.tokens()
        if settings.redis_url is None:
            raise BadSettings("REDIS_URL is not set: start this process with `comanda`, which also runs the store")
    except BadSettings as error:
        raise SystemExit(str(error)) from None
    set_up_logging(settings.log_level)
    return settings
