"""What the two bots' processes share: settings, logging, signals, and a bot's life from its start to its end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, Protocol

from bot import intake
from bot.intake import Intake, Refused, TokenRefused, TryLater
from bot.polling import Polling
from bot.refusals import Refusals
from flows.backoff import Backoff, pause
from flows.gate import Gate
from flows.ledger import Ledger
from flows.logs import log_to_stderr
from flows.settings import BadSettings, Settings, read_settings
from flows.store import Together, connect

log = logging.getLogger(__name__)

Name = Literal["customer", "restaurant"]


class Face(intake.Face, Protocol):
    """A bot, as its process and the intake call it."""

    async def open(self) -> None:
        """Get ready. Raises `TryLater` while Telegram is out of reach, `Refused` for a token that won't do."""

    async def close(self) -> None:
        """Close the connections."""


async def run_bot(name: Name, make: Callable[[str, str, Ledger, Gate], Face], allowed_updates: list[str]) -> None:
    """Run a bot until SIGTERM. Raises `SystemExit` for settings or a token that won't do.

    `make` gets the token, the root of the Bot API, the ledger, and the way out.
    """
    settings = settings_or_exit()
    stop = stop_on_signals()
    have_threads()
    token = settings.token(name)
    redis = connect(settings.redis_url or "")
    replicas = settings.redis_replicas
    bot = make(token, settings.telegram_api_url, Ledger(redis, replicas=replicas), Gate(Together(redis), name))
    source = _source(name, token, settings, allowed_updates)
    try:
        if await opened(bot, stop):
            log.info("the %s bot is listening", name)
            await Intake(bot=name, token=token, redis=redis, face=bot, replicas=replicas).run(source, stop)
    except Refused as refused:
        raise SystemExit(str(refused)) from None
    finally:
        await bot.close()


def _source(name: Name, token: str, settings: Settings, allowed: list[str]) -> intake.Source:
    url = settings.webhook(name)
    if url is None:
        return Polling(name, token, settings.telegram_api_url, allowed)
    # Not needed otherwise, and slow to import.
    from bot.webhook import Webhook

    host, port = settings.webhook_address(name)
    return Webhook(name, token, settings.telegram_api_url, allowed, url=url, host=host, port=port)


async def opened(bot: Face, stop: asyncio.Event) -> bool:
    """Open a bot, however long Telegram is out of reach; False when it is to stop before.

    Raises `Refused` when the token is refused again and again.
    """
    backoff, refusals = Backoff(), Refusals()
    while not stop.is_set():
        try:
            await bot.open()
            return True
        except TryLater as later:
            wait = backoff.next(later.seconds)
            log.warning("%s; next try in %.1f s", later, wait)
        except TokenRefused as refused:
            wait = refusals.wait_after(refused)
            log.warning("%s; next try in %.1f s", refused, wait)
        await pause(wait, stop)
    return False


def have_threads() -> None:
    """As many threads as handlers that may wait for the store at a time; asyncio's own are a few more than the CPUs."""
    threads = ThreadPoolExecutor(intake.CONCURRENT, thread_name_prefix="store")
    asyncio.get_running_loop().set_default_executor(threads)


def set_up_logging(level: str, secrets: Iterable[str] = ()) -> None:
    """Log to stderr. The HTTP libraries log each URL at INFO, and a URL of the Bot API holds the token."""
    log_to_stderr(level, secrets)
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
    set_up_logging(settings.log_level, settings.secrets())
    return settings
