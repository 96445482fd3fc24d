"""How bots that poll get their updates: when they wait, how many they get, and which."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from bot.sandbox.bots import Bot
from bot.sandbox.rooms import unused_number
from bot.sandbox.server import Sandbox
from bot.sandbox.state import World
from bot.sandbox.updates import at_leisure
from tests.people import Person, Telegram
from tests.sandbox.talk import TOKEN, Clock


@pytest.fixture
async def carla(telegram: Telegram) -> Person:
    return await telegram.person("Carla", bot=TOKEN)


@pytest.fixture
def bot(sandbox: Sandbox, carla: Person) -> Bot:
    found = sandbox.world.bot(TOKEN)
    assert found is not None
    return found


async def poll(telegram: Telegram, **params: Any) -> list[str]:
    """The texts of the updates that a poll gets."""
    return [update["message"]["text"] for update in await telegram.call(TOKEN, "getUpdates", **params)]


async def send(carla: Person, *texts: str) -> None:
    for text in texts:
        await carla.send(text)


@pytest.mark.parametrize("now", [1_795_485_785.3, 2**31 * 7 / 100 - 30])
def test_the_ids_of_a_sandbox_that_follows_another_at_once_are_new(monkeypatch: pytest.MonkeyPatch, now: float) -> None:
    """Given a demo in which two dozen updates came, stopped and started again within a second, at any time of day."""
    started = []
    for moment in (now, now + 0.5):
        monkeypatch.setattr(time, "time", lambda moment=moment: moment)
        started.append(unused_number())
    first, second = started
    assert not set(range(first, first + 24)) & set(range(second, second + 24))
    assert 0 <= second < 2**31 - 24


class TestPace:
    @pytest.mark.parametrize(
        ("later", "offset", "timeout", "expected"),
        [
            (0.4, 5, 0, (3.0, 1)),
            (0.5, 5, 0, (3.0, 100)),
            (2.9, 5, 2, (3.0, 100)),
            (2.9, 5, 50, (50, 100)),
            (3.0, 5, 0, (0, 100)),
            (0.1, 6, 0, (0, 100)),
        ],
    )
    def test_who_asks_for_the_same_again_soon_waits_and_at_once_gets_one(
        self, later: float, offset: int, timeout: int, expected: tuple[float, int]
    ) -> None:
        bot = World().bot(TOKEN)
        assert bot is not None
        at_leisure(bot, 5, 100.0, 0, 100)
        assert at_leisure(bot, offset, 100.0 + later, timeout, 100) == expected

    async def test_such_a_wait_ends_with_an_update(self, telegram: Telegram, carla: Person) -> None:
        assert await poll(telegram) == []
        again = asyncio.create_task(poll(telegram))
        await carla.send("here I am")
        assert await again == ["here I am"]

    async def test_one_that_is_handed_out_again_at_once_comes_alone(
        self, telegram: Telegram, carla: Person, clock: Clock
    ) -> None:
        await send(carla, "one", "two", "three")
        assert await poll(telegram) == ["one", "two", "three"]
        assert await poll(telegram) == ["one"]
        clock.now += 0.5
        assert await poll(telegram) == ["one", "two", "three"]

    async def test_a_poll_that_finds_nothing_and_does_not_wait_ends_nobody_s_call(
        self, telegram: Telegram, carla: Person, bot: Bot
    ) -> None:
        waiting = asyncio.create_task(poll(telegram, offset=bot.next_update, timeout=30))
        await telegram.changing(lambda: _asked(bot), lambda asked: asked == bot.next_update, "nobody polls")
        assert await poll(telegram, offset=bot.next_update - 1) == []
        await carla.send("hello")
        assert await waiting == ["hello"]


async def _asked(bot: Bot) -> int:
    return bot.asked[0]


class TestOffsets:
    async def test_a_negative_one_leaves_that_many_of_the_newest(self, telegram: Telegram, carla: Person) -> None:
        await send(carla, "one", "two", "three")
        assert await poll(telegram, offset=-2) == ["two", "three"]
        assert await poll(telegram, offset=0) == ["two", "three"]

    async def test_one_far_in_the_future_confirms_nothing(self, telegram: Telegram, carla: Person, bot: Bot) -> None:
        await send(carla, "one", "two")
        assert await poll(telegram, offset=bot.next_update + 11) == ["one", "two"]
        assert await poll(telegram, offset=bot.next_update + 10) == []

    @pytest.mark.parametrize(("limit", "number"), [(-1, 1), (0, 1), (2, 2), (1000, 3)])
    async def test_a_limit_is_kept_within_its_bounds(
        self, telegram: Telegram, carla: Person, limit: int, number: int
    ) -> None:
        await send(carla, "one", "two", "three")
        assert len(await poll(telegram, limit=limit)) == number


class TestKinds:
    async def allowed(self, telegram: Telegram) -> list[str] | None:
        kinds: list[str] | None = (await telegram.call(TOKEN, "getWebhookInfo")).get("allowed_updates")
        return kinds

    async def test_what_was_asked_for_is_remembered_until_the_bot_asks_for_something_else(
        self, telegram: Telegram, carla: Person
    ) -> None:
        await telegram.call(TOKEN, "getUpdates", allowed_updates=["callback_query"])
        await carla.send("unheard")
        await telegram.call(TOKEN, "setWebhook", url="http://127.0.0.1:9/")
        assert await self.allowed(telegram) == ["callback_query"]
        await telegram.call(TOKEN, "deleteWebhook")
        await telegram.call(TOKEN, "setWebhook", url="http://127.0.0.1:9/", allowed_updates=["MESSAGE", "gossip"])
        await telegram.call(TOKEN, "deleteWebhook")
        await carla.send("heard")
        assert await poll(telegram, offset=1) == ["heard"]

    @pytest.mark.parametrize("empty", [[], ["gossip"]])
    async def test_an_empty_list_means_the_default_and_no_list_changes_nothing(
        self, telegram: Telegram, bot: Bot, empty: list[str]
    ) -> None:
        bot.allow(["poll"])
        bot.allow([7])
        assert await self.allowed(telegram) == ["poll"]
        bot.allow(empty)
        assert await self.allowed(telegram) is None

    async def test_by_default_reactions_are_left_out(self, telegram: Telegram, sandbox: Sandbox, bot: Bot) -> None:
        sandbox.world.update(bot, message_reaction={"chat": {"id": 1}})
        assert not bot.updates
        bot.allow(["message_reaction"])
        sandbox.world.update(bot, message_reaction={"chat": {"id": 1}})
        assert len(bot.updates) == 1
