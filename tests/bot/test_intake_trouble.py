"""What fails while updates come in: the update itself, Telegram, or the store. Nobody else's turn is lost over it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as StoreGone
from redis.exceptions import ResponseError

from bot.intake import TRIES, TryLater
from bot.process import set_up_logging
from flows import keys
from tests.bot.scenes import TOKEN, Scene
from tests.faults import faulty
from tests.platform.programs import valkey_on
from tests.waiting import until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for another try."""
    monkeypatch.setattr("flows.backoff.Backoff.next", lambda self, at_least=None: 0.01)


@pytest.fixture
def talkative(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Everything that the bots' own logging lets through at its most talkative."""
    levels = {
        name: logger.level for name, logger in logging.root.manager.loggerDict.items() if hasattr(logger, "level")
    }
    caplog.set_level(logging.DEBUG)
    set_up_logging("DEBUG")
    yield caplog
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


async def test_a_poison_update_is_set_aside_with_its_traceback_and_an_apology(scene: Scene) -> None:
    carla = await scene.person("Carla")

    def poison(text: str) -> None:
        if text == "poison":
            raise ValueError("cannot digest this")

    scene.bot.act = poison
    async with scene.listening():
        await carla.send("poison")
        await carla.send("fine")
        await until(lambda: "fine" in scene.bot.seen and scene.waiting() == 0)
    assert Counter(scene.bot.seen) == {"poison": TRIES, "fine": 1}
    assert scene.bot.sorry == [carla.id]
    [dead] = scene.redis.hvals(keys.inbox_dead("customer"))
    assert "cannot digest this" in json.loads(dead)["traceback"]


async def test_updates_set_aside_do_not_fill_the_store(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.inbox.MOST_DEAD", 2)
    carla = await scene.person("Carla")

    def poison(text: str) -> None:
        raise ValueError(text)

    scene.bot.act = poison
    async with scene.listening():
        for text in ("one", "two", "three"):
            await carla.send(text)
        await until(lambda: "three" in scene.bot.seen and scene.waiting() == 0)
    kept = [json.loads(dead)["update"]["message"]["text"] for dead in scene.redis.hvals(keys.inbox_dead("customer"))]
    assert sorted(kept) == ["one", "two"]


async def test_a_reply_that_telegram_does_not_take_just_now_is_nobodys_fault(scene: Scene) -> None:
    carla = await scene.person("Carla")
    refusals = iter(range(TRIES * 2))

    def busy(text: str) -> None:
        if next(refusals, None) is not None:
            raise TryLater("429", 0.01)

    scene.bot.act = busy
    async with scene.listening():
        await carla.send("one")
        await until(lambda: scene.waiting() == 0 and len(scene.bot.seen) > TRIES * 2)
    assert scene.bot.sorry == []


async def test_a_store_that_is_gone_for_a_while_is_nobodys_fault(scene: Scene) -> None:
    carla = await scene.person("Carla")
    outage = iter(range(TRIES * 2))

    def gone(text: str) -> None:
        if next(outage, None) is not None:
            raise StoreGone("gone")

    scene.bot.act = gone
    async with scene.listening():
        await carla.send("one")
        await until(lambda: scene.waiting() == 0 and len(scene.bot.seen) > TRIES * 2)
    assert scene.bot.sorry == []


async def test_a_reply_that_telegram_never_takes_is_given_up_in_the_end(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.intake.REPLY_LIFE", 0.0)
    carla = await scene.person("Carla")

    def busy(text: str) -> None:
        if text == "stuck":
            raise TryLater("Telegram is out of reach")

    scene.bot.act = busy
    async with scene.listening():
        await carla.send("stuck")
        await carla.send("fine")
        await until(lambda: "fine" in scene.bot.seen and scene.waiting() == 0)
    assert scene.redis.hlen(keys.inbox_dead("customer")) == 1


async def test_a_chat_that_cannot_be_told_either_goes_on(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    carla = await scene.person("Carla")

    async def blocked(chat_id: int) -> None:
        raise ValueError("blocked")

    def poison(text: str) -> None:
        if text == "poison":
            raise ValueError(text)

    monkeypatch.setattr(scene.bot, "apologise", blocked)
    scene.bot.act = poison
    async with scene.listening():
        await carla.send("poison")
        await carla.send("fine")
        await until(lambda: "fine" in scene.bot.seen and scene.waiting() == 0)


async def test_a_store_that_fails_after_the_handler_does_not_have_it_run_again(scene: Scene) -> None:
    carla = await scene.person("Carla")
    failures = Counter[str]()

    def fail_three_times(number: int, request: bytes) -> None:
        if scene.bot.seen and keys.inbox_dead("customer").encode() in request and failures["strikes"] < 3:
            failures["strikes"] += 1
            raise StoreGone("gone")

    async with scene.listening(faulty(scene.redis, before=fail_three_times)):
        await carla.send("one")
        await until(lambda: failures["strikes"] == 3 and scene.waiting() == 0)
    assert scene.bot.seen == ["one"]


async def test_nothing_is_lost_while_the_store_is_down(scene: Scene, free_port: int, tmp_path: Path) -> None:
    carla = await scene.person("Carla")
    durable = {"appendonly": "yes", "appendfsync": "always", "save": ""}
    before = valkey_on(free_port, tmp_path, **durable)
    redis = await asyncio.to_thread(before.__enter__)
    stored = keys.inbox("customer")
    release = asyncio.Event()
    scene.bot.act = lambda text: release.wait() if text == "in hand" else None
    async with scene.listening(redis):
        await carla.send("in hand")
        await carla.send("behind it")
        await until(lambda: redis.hlen(stored) == 2 and scene.bot.seen == ["in hand"])
        await asyncio.to_thread(before.__exit__, None, None, None)
        release.set()
        await carla.send("while it is down")
        with valkey_on(free_port, tmp_path, **durable) as again:
            await until(lambda: scene.bot.seen[-1] == "while it is down" and again.hlen(stored) == 0)
    assert scene.bot.seen == ["in hand", "behind it", "while it is down"]


async def test_who_taps_while_the_store_is_away_is_told_to_try_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.intake.SAY_SORRY_AFTER", 0.0)
    carla = await scene.person("Carla")

    def gone_until_told(number: int, request: bytes) -> None:
        if keys.inbox_seen("customer").encode() in request and not scene.bot.told_to_wait:
            raise StoreGone("gone")

    async with scene.listening(faulty(scene.redis, before=gone_until_told)):
        await carla.send("one")
        await until(lambda: scene.bot.seen == ["one"] and scene.waiting() == 0)
    assert scene.bot.told_to_wait == ["one"]


async def test_who_comes_later_in_an_outage_is_told_too_even_where_it_began_unnoticed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.intake.SAY_SORRY_AFTER", 0.0)
    monkeypatch.setattr("bot.intake.TELL_AGAIN", 0.0)  # each poll has the bot leave word that it listens
    carla, dino = await scene.person("Carla"), await scene.person("Dino")
    away: list[bool] = []

    def gone(number: int, request: bytes) -> None:
        if away:
            raise StoreGone("gone")

    async with scene.listening(faulty(scene.redis, before=gone)):
        await carla.send("before")
        await until(lambda: scene.bot.seen == ["before"] and scene.waiting() == 0)
        away.append(True)
        await carla.send("first")
        await until(lambda: scene.bot.told_to_wait == ["first"])
        await dino.send("second")
        await until(lambda: scene.bot.told_to_wait == ["first", "second"])
        away.clear()
        await until(lambda: len(scene.bot.seen) == 3 and scene.waiting() == 0)
    assert scene.bot.seen == ["before", "first", "second"]
    assert scene.bot.told_to_wait == ["first", "second"]


async def test_whose_tap_is_stuck_half_way_is_told_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.intake.SAY_SORRY_AFTER", 0.0)
    carla = await scene.person("Carla")
    outage = iter(range(TRIES * 2))

    def gone(text: str) -> None:
        if next(outage, None) is not None:
            raise StoreGone("gone")

    scene.bot.act = gone
    async with scene.listening():
        await carla.send("one")
        await until(lambda: scene.waiting() == 0 and len(scene.bot.seen) > TRIES * 2)
    assert scene.bot.told_to_wait == ["one"]


async def test_a_store_that_refuses_what_is_asked_is_no_outage(scene: Scene) -> None:
    carla = await scene.person("Carla")

    def wrong(text: str) -> None:
        if text == "wrong":
            raise ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value")

    scene.bot.act = wrong
    async with scene.listening():
        await carla.send("wrong")
        await until(lambda: scene.bot.sorry == [carla.id])


async def test_the_token_never_shows_in_the_log(scene: Scene, talkative: pytest.LogCaptureFixture) -> None:
    for kind in ("500", "drop_before", "drop_after"):
        await scene.telegram.act("fault", kind=kind, method="getUpdates", times=3)
    carla = await scene.person("Carla")
    async with scene.listening():
        await carla.send("one")
        await until(lambda: scene.bot.seen == ["one"])
    assert "out of reach" in talkative.text
    assert TOKEN not in talkative.text


async def test_a_traceback_is_kept_without_the_token(scene: Scene, talkative: pytest.LogCaptureFixture) -> None:
    carla = await scene.person("Carla")

    def reveal(text: str) -> None:
        raise ValueError(f"400, url='https://api.telegram.org/bot{TOKEN}/sendMessage'")

    scene.bot.act = reveal
    async with scene.listening():
        await carla.send("one")
        await until(lambda: scene.bot.sorry == [carla.id])
    [dead] = scene.redis.hvals(keys.inbox_dead("customer"))
    assert b"sendMessage" in dead
    assert TOKEN.encode() not in dead
    assert "sendMessage" in talkative.text
    assert TOKEN not in talkative.text
