"""Updates that Telegram sends: only Telegram's are taken, and they count as taken once they are stored."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from redis import Redis
from redis.exceptions import ConnectionError as StoreGone

from bot.intake import Intake, Refused
from bot.process import set_up_logging
from bot.webhook import HEADER, LARGEST, Webhook
from flows import keys
from flows.settings import secret_of
from tests.bot.scenes import TOKEN, Scene
from tests.faults import faulty
from tests.waiting import until

UPDATE = {"update_id": 5, "message": {"text": "five", "chat": {"id": 7}}}


class Listening:
    """A bot that listens, and whoever sends it something."""

    def __init__(self, scene: Scene, port: int) -> None:
        self.scene = scene
        self.address = f"http://127.0.0.1:{port}"
        self.http = httpx.AsyncClient(trust_env=False)

    async def post(self, content: Any, secret: str | bytes | None = None, path: str = "/customer") -> int:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        given = secret_of(TOKEN) if secret is None else secret
        headers = {HEADER.encode(): given.encode() if isinstance(given, str) else given}
        return (await self.http.post(self.address + path, content=body, headers=headers)).status_code


@asynccontextmanager
async def listening(
    scene: Scene, port: int, redis: Redis | None = None, *, await_webhook: bool = True
) -> AsyncIterator[Listening]:
    """The bot listens, until the context is left, and Telegram knows it unless that is not to be awaited."""
    here, stop = Listening(scene, port), asyncio.Event()
    intake = Intake(bot="customer", token=TOKEN, redis=redis or scene.redis, face=scene.bot)
    url = f"{here.address}/customer"
    webhook = Webhook("customer", TOKEN, scene.sandbox.url, ["message"], url=url, host="127.0.0.1", port=port)
    running = asyncio.create_task(intake.run(webhook, stop))
    try:
        bot = scene.sandbox.world.bot(TOKEN)
        await until(lambda: running.done() or not await_webhook or (bot is not None and bot.webhook is not None))
        yield here
    finally:
        stop.set()
        await running
        await here.http.aclose()


async def test_what_people_write_arrives(scene: Scene, free_port: int) -> None:
    carla = await scene.person("Carla")
    async with listening(scene, free_port):
        await carla.send("one")
        await carla.send("two")
        await until(lambda: scene.bot.seen == ["one", "two"] and scene.waiting() == 0)


async def test_the_kinds_of_updates_that_the_bot_wants_are_asked_for(scene: Scene, free_port: int) -> None:
    await scene.person("Carla")
    async with listening(scene, free_port):
        info = await scene.telegram.call(TOKEN, "getWebhookInfo")
    assert info["url"].endswith("/customer")
    assert info["allowed_updates"] == ["message"]


@pytest.mark.parametrize("secret", ["", "guessed", secret_of("7002:other-token"), b"\xff\xfe"])
async def test_who_does_not_know_the_secret_is_refused(scene: Scene, free_port: int, secret: str | bytes) -> None:
    await scene.person("Carla")
    async with listening(scene, free_port) as here:
        assert await here.post(UPDATE, secret) == 403
        assert await here.post(UPDATE) == 200
        await until(lambda: scene.bot.seen == ["five"])


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", [], 5, {}, {"update_id": "5"}, {"update_id": True}, {"message": {}}]
)
async def test_what_is_no_update_is_refused(scene: Scene, free_port: int, content: Any) -> None:
    await scene.person("Carla")
    async with listening(scene, free_port) as here:
        assert await here.post(content) == 400
    assert scene.waiting() == 0


async def test_a_body_that_is_too_large_is_refused(scene: Scene, free_port: int) -> None:
    await scene.person("Carla")
    async with listening(scene, free_port) as here:
        assert await here.post(b" " * (LARGEST + 1)) == 413


async def test_an_update_that_comes_twice_is_handled_once(scene: Scene, free_port: int) -> None:
    await scene.person("Carla")
    async with listening(scene, free_port) as here:
        assert [await here.post(UPDATE), await here.post(UPDATE)] == [200, 200]
        await until(lambda: scene.waiting() == 0)
    assert scene.bot.seen == ["five"]


async def test_an_update_that_the_store_refuses_is_given_up_once_it_takes_others(
    scene: Scene, free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    """As when polling: while the store takes no others it may be the trouble, and Telegram has to keep them all."""
    await scene.person("Carla")
    scene.redis.set(keys.inbox_chat("customer", "7"), "no list")
    other = {"update_id": 6, "message": {"text": "six", "chat": {"id": 8}}}
    async with listening(scene, free_port) as here:
        assert [await here.post(UPDATE), await here.post(UPDATE)] == [503, 503]
        assert await here.post(other) == 200
        assert await here.post(UPDATE) == 200
        await until(lambda: scene.bot.seen == ["six"])
    assert "update 5 is dropped: the store refuses" in caplog.text


async def test_telegram_keeps_what_could_not_be_stored(scene: Scene, free_port: int) -> None:
    carla = await scene.person("Carla")
    refused: list[int] = []

    def fail_twice(number: int, request: bytes) -> None:
        if keys.inbox_seen("customer").encode() in request and len(refused) < 2:
            refused.append(number)
            raise StoreGone("gone")

    async with listening(scene, free_port, faulty(scene.redis, before=fail_twice)):
        await carla.send("one")
        await until(lambda: scene.bot.seen == ["one"])
    assert len(refused) == 2


async def test_no_more_is_taken_than_can_be_worked_off(
    scene: Scene, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.intake.MOST_IN_HAND", 1)
    await scene.person("Carla")
    release = asyncio.Event()
    scene.bot.act = lambda text: release.wait()
    async with listening(scene, free_port) as here:
        assert await here.post(UPDATE) == 200
        assert await here.post({**UPDATE, "update_id": 6}) == 503
        release.set()
        await until(lambda: scene.waiting() == 0)


@pytest.mark.parametrize(("path", "answer"), [("/comanda/customer", 200), ("/restaurant", 404), ("/notcustomer", 404)])
async def test_a_proxy_may_pass_its_own_path_on(scene: Scene, free_port: int, path: str, answer: int) -> None:
    async with listening(scene, free_port) as here:
        assert await here.post(UPDATE, path=path) == answer
        await until(lambda: scene.waiting() == 0)


async def test_an_address_that_telegram_does_not_take_ends_the_process(scene: Scene, free_port: int) -> None:
    await scene.person("Carla")
    intake = Intake(bot="customer", token=TOKEN, redis=scene.redis, face=scene.bot)
    plain = "http://no-https.example.com"
    webhook = Webhook("customer", TOKEN, scene.sandbox.url, [], url=plain, host="127.0.0.1", port=free_port)
    with pytest.raises(Refused, match="WEBHOOK_URL: Telegram does not take it"):
        await intake.run(webhook, asyncio.Event())


async def test_a_port_that_is_taken_ends_the_process(scene: Scene) -> None:
    port = int(scene.sandbox.url.rpartition(":")[2])
    intake = Intake(bot="customer", token=TOKEN, redis=scene.redis, face=scene.bot)
    webhook = Webhook("customer", TOKEN, scene.sandbox.url, [], url="http://x", host="127.0.0.1", port=port)
    with pytest.raises(Refused, match="WEBHOOK_LISTEN: can't listen"):
        await intake.run(webhook, asyncio.Event())


@pytest.mark.parametrize("kind", ["500", "drop_before", "drop_after"])
async def test_the_webhook_is_set_however_long_telegram_is_out_of_reach(
    scene: Scene, free_port: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.backoff.Backoff.next", lambda self, at_least=None: 0.01)
    carla = await scene.person("Carla")
    await scene.telegram.act("fault", kind=kind, method="setWebhook", times=3)
    async with listening(scene, free_port):
        await carla.send("one")
        await until(lambda: scene.bot.seen == ["one"])


@pytest.mark.parametrize("kind", ["500", "drop_before", "drop_after"])
async def test_who_waits_for_telegram_stops_when_asked_to(
    scene: Scene, free_port: int, kind: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.backoff.Backoff.next", lambda self, at_least=None: 3600.0)
    await scene.person("Carla")
    await scene.telegram.act("fault", kind=kind, method="setWebhook")
    async with listening(scene, free_port, await_webhook=False):
        await until(lambda: "can't be set" in caplog.text)


async def test_no_secret_shows_in_the_log(
    scene: Scene, free_port: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.backoff.Backoff.next", lambda self, at_least=None: 0.01)
    caplog.set_level(logging.DEBUG)
    set_up_logging("DEBUG")
    carla = await scene.person("Carla")
    await scene.telegram.act("fault", kind="500", method="setWebhook", times=2)
    async with listening(scene, free_port) as here:
        await here.post(UPDATE, "guessed")
        await here.post(b"no update")
        await carla.send("one")
        await until(lambda: scene.bot.seen == ["one"])
    assert "can't be set" in caplog.text
    assert "was refused" in caplog.text
    assert secret_of(TOKEN) not in caplog.text
    assert TOKEN not in caplog.text
