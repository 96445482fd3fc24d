"""A bot's life as a process: it waits for Telegram, and stops when it is asked to."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from bot.intake import CONCURRENT, Refused, TokenRefused, TryLater
from bot.pictures import Picture
from bot.process import have_threads, opened, settings_or_exit
from bot.refusals import TRIES
from flows.store import Command
from tests.waiting import WITHIN


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for another try."""
    monkeypatch.setattr("flows.backoff.Backoff.next", lambda self, at_least=None: 0.001)


CUSTOMER, RESTAURANT = "7001:customer-token", "7002:restaurant-token"


class Face:
    """A bot that opens as it is told to."""

    def __init__(self, *tries: Callable[[], None]) -> None:
        self.tries = list(tries)

    async def open(self) -> None:
        if self.tries:
            self.tries.pop(0)()

    def reads(self, update: dict[str, Any]) -> list[Command]:
        return []

    async def handle(self, update: dict[str, Any]) -> None:
        raise NotImplementedError

    async def draw(self, update: dict[str, Any], picture: Picture) -> None:
        raise NotImplementedError

    async def apologise(self, chat_id: int) -> None:
        raise NotImplementedError

    async def try_again(self, update: dict[str, Any]) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError


def out_of_reach() -> None:
    raise TryLater("Telegram is out of reach")


async def test_a_bot_opens_as_soon_as_telegram_answers() -> None:
    bot = Face(out_of_reach, out_of_reach)
    assert await opened(bot, asyncio.Event())
    assert bot.tries == []


async def test_a_bot_that_waits_for_telegram_stops_at_once_when_asked_to() -> None:
    stop = asyncio.Event()

    def asked_to_stop_meanwhile() -> None:
        stop.set()
        raise TryLater("429", seconds=3600)

    assert not await opened(Face(asked_to_stop_meanwhile), stop)


def token_refused() -> None:
    raise TokenRefused("check the token")


@pytest.mark.usefixtures("quick")
async def test_a_token_that_is_refused_for_a_moment_is_no_reason_to_start_anew() -> None:
    bot = Face(*[token_refused] * (TRIES - 1))

    assert await opened(bot, asyncio.Event())
    assert bot.tries == []


@pytest.mark.usefixtures("quick")
async def test_a_token_that_stays_refused_ends_the_bot() -> None:
    bot = Face(*[token_refused] * (TRIES + 5))

    with pytest.raises(Refused, match="check the token"):
        await opened(bot, asyncio.Event())
    assert len(bot.tries) == 5


async def test_whatever_else_telegram_refuses_ends_the_bot_at_once() -> None:
    def refused() -> None:
        raise Refused("not this address")

    with pytest.raises(Refused):
        await opened(Face(refused), asyncio.Event())


async def test_all_handlers_may_wait_for_the_store_at_the_same_time() -> None:
    have_threads()
    all_there = threading.Barrier(CONCURRENT)
    await asyncio.gather(*(asyncio.to_thread(all_there.wait, WITHIN) for _ in range(CONCURRENT)))


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, "CUSTOMER_BOT_TOKEN is not set"),
        ({"CUSTOMER_BOT_TOKEN": CUSTOMER, "RESTAURANT_BOT_TOKEN": CUSTOMER}, "are of the same bot"),
        ({"CUSTOMER_BOT_TOKEN": CUSTOMER, "RESTAURANT_BOT_TOKEN": RESTAURANT}, "REDIS_URL is not set"),
    ],
)
def test_a_bot_without_its_settings_ends_with_one_line(
    environment: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)  # away from a developer's .env
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=words) as caught:
        settings_or_exit()
    assert "\n" not in str(caught.value)
    assert "-token" not in str(caught.value)
