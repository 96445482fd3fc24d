"""Asking Telegram for updates: what is acknowledged when, and what else its place may answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from redis import Redis

from bot.inbox import LISTENING_LIFE
from bot.intake import Intake, Refused
from bot.refusals import TRIES
from bot.sandbox.bots import Webhook
from bot.webhook import Webhook as WebhookSource
from flows import keys
from flows.store import text
from tests.bot.scenes import TOKEN, Bot, Scene
from tests.waiting import until


class Script:
    """Answers each getUpdates with the next of its answers, and the one after the last with silence."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        self.offsets: list[int] = []
        self.on_call: Callable[[], None] = lambda: None
        self._end = asyncio.Event()

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """The root of its Bot API."""
        app = web.Application()
        app.router.add_post(f"/bot{TOKEN}/getUpdates", self._answer)
        app.router.add_post(f"/bot{TOKEN}/getWebhookInfo", _no_webhook)
        app.router.add_post(f"/bot{TOKEN}/deleteWebhook", _no_webhook)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        try:
            yield f"http://{host}:{port}"
        finally:
            self._end.set()
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.offsets.append((await request.json())["offset"])
        await asyncio.to_thread(self.on_call)
        if not self._answers:
            await self._end.wait()
            return web.Response()
        answer = self._answers.pop(0)
        return web.Response(text=answer if isinstance(answer, str) else json.dumps(answer))


async def _no_webhook(request: web.Request) -> web.Response:
    return web.json_response({"ok": True, "result": {"url": ""}})


def said(*updates: tuple[int, str]) -> dict[str, Any]:
    messages = [{"update_id": number, "message": {"text": text, "chat": {"id": 1}}} for number, text in updates]
    return {"ok": True, "result": messages}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for another try."""
    monkeypatch.setattr("flows.backoff.Backoff.next", lambda self, at_least=None: 0.01)


async def test_updates_are_acknowledged_only_when_they_are_stored(redis: Redis) -> None:
    bot, script = Bot(), Script(said((5, "five"), (6, "six")), said((7, "seven")))
    stored: list[list[Any]] = []
    script.on_call = lambda: stored.append(redis.zrange(keys.inbox_seen("customer"), 0, -1))
    async with script.served() as url, bot.listening(url, redis):
        await until(lambda: len(stored) == 3)
    assert script.offsets == [0, 7, 8]
    assert stored == [[], [b"5", b"6"], [b"5", b"6", b"7"]]


async def test_a_restart_asks_on_from_where_it_was(redis: Redis) -> None:
    for script in (Script(said((5, "five"))), Script()):
        async with script.served() as url, Bot().listening(url, redis):
            await until(lambda: 6 in script.offsets)  # noqa: B023 - awaited within the loop
    assert script.offsets == [6]


async def test_ids_may_start_anywhere_after_a_week(redis: Redis) -> None:
    bot, script = Bot(), Script(said((1_000_000, "before"), (17, "after")), said((18, "later")))
    async with script.served() as url, bot.listening(url, redis):
        await until(lambda: bot.seen == ["before", "after", "later"])
        await until(lambda: script.offsets == [0, 18, 19])


async def test_a_batch_that_comes_again_is_handled_once(redis: Redis) -> None:
    bot = Bot()
    script = Script(said((5, "five"), (6, "six")), said((5, "five"), (6, "six"), (7, "seven")))
    async with script.served() as url, bot.listening(url, redis):
        await until(lambda: "seven" in bot.seen)
    assert bot.seen == ["five", "six", "seven"]


async def test_a_batch_that_comes_again_while_it_is_in_hand_is_handled_once(redis: Redis) -> None:
    bot, release = Bot(), asyncio.Event()
    bot.act = lambda text: release.wait()
    script = Script(said((5, "five"), (6, "six")), said((5, "five"), (6, "six"), (7, "seven")))
    async with script.served() as url, bot.listening(url, redis):
        await until(lambda: 8 in script.offsets)
        release.set()
        await until(lambda: redis.hlen(keys.inbox("customer")) == 0)
    assert bot.seen == ["five", "six", "seven"]


async def test_no_more_are_asked_for_than_can_be_worked_off(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.intake.MOST_IN_HAND", 3)
    batches = [said((number, "a"), (number + 1, "b")) for number in range(1, 20, 2)]
    bot, script = Bot(), Script(*batches)
    release, waiting = asyncio.Event(), list[int]()
    bot.act = lambda text: release.wait()
    script.on_call = lambda: waiting.append(redis.hlen(keys.inbox("customer")))
    async with script.served() as url, bot.listening(url, redis):
        await until(lambda: redis.hlen(keys.inbox("customer")) >= 3)
        release.set()
        await until(lambda: len(bot.seen) == 20)
    assert max(waiting) < 3


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "nonsense",
    [
        "<html>502 Bad Gateway</html>",
        "",
        [],
        None,
        {"result": []},
        {"ok": True, "result": 5},
        {"ok": True, "result": [5]},
        {"ok": True, "result": [{"message": {}}]},
        {"ok": True, "result": [{"update_id": "5"}]},
        {"ok": False, "parameters": None},
        {"ok": False, "error_code": "x"},
        {"ok": False, "error_code": 418, "description": "I am a teapot"},
    ],
)
async def test_whatever_else_answers_in_telegrams_place_polling_goes_on(redis: Redis, nonsense: Any) -> None:
    bot, script = Bot(), Script(nonsense, said((5, "five")))
    async with script.served() as url, bot.listening(url, redis):
        await until(lambda: bot.seen == ["five"])
    assert script.offsets[:2] == [0, 0]


async def test_an_update_that_the_store_refuses_holds_up_nobody(redis: Redis, caplog: pytest.LogCaptureFixture) -> None:
    redis.set(keys.inbox_chat("customer", "1"), "no line of updates")
    bot = Bot()
    refused = said((5, "five"))
    other = {"update_id": 6, "message": {"text": "six", "chat": {"id": 2}}}
    script = Script(refused, {"ok": True, "result": [*refused["result"], other]})
    async with script.served() as url, bot.listening(url, redis):
        await until(lambda: script.offsets == [0, 0, 7])
        await until(lambda: redis.hlen(keys.inbox("customer")) == 0)
    assert bot.seen == ["six"]
    assert "update 5 is dropped: the store refuses" in caplog.text


@pytest.mark.usefixtures("quick")
async def test_an_update_of_an_unknown_shape_is_handled_like_any_other(redis: Redis) -> None:
    bot = Bot()
    odd = {"update_id": 5, "message": {"chat": "here", "text": "odd"}}
    script = Script({"ok": True, "result": [odd, {"update_id": 6}]}, said((7, "seven")))
    async with script.served() as url, bot.listening(url, redis):
        await until(lambda: "seven" in bot.seen and redis.hlen(keys.inbox_dead("customer")) == 1)
    assert bot.seen[0] == "odd"


async def test_telegrams_wish_to_be_left_alone_is_granted(redis: Redis, caplog: pytest.LogCaptureFixture) -> None:
    busy = {"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 3600}}
    script = Script(busy)
    async with script.served() as url, Bot().listening(url, redis):
        await until(lambda: "next try in 3600.0 s" in caplog.text)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("kind", ["500", "502", "429", "drop_before", "drop_after"])
async def test_polling_goes_on_after_any_failure(scene: Scene, kind: str) -> None:
    carla = await scene.person("Carla")
    await scene.telegram.act("fault", kind=kind, method="getUpdates", times=3)
    async with scene.listening():
        await carla.send("one")
        await until(lambda: scene.bot.seen == ["one"])


@pytest.mark.usefixtures("quick")
async def test_a_webhook_of_anothers_is_left_alone_and_named_with_its_cure(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    carla = await scene.person("Carla")
    bot = scene.sandbox.world.bot(TOKEN)
    assert bot is not None
    bot.webhook = hook = Webhook("http://hooks.example.com/a-secret-path")
    async with scene.listening():
        cure = "comanda webhook remove customer"
        await until(lambda: cure in caplog.text and cure in left_word(scene.redis))
        assert "hooks.example.com that was not set from here" in caplog.text
        assert "a-secret-path" not in caplog.text + left_word(scene.redis)
        assert bot.webhook is hook
        bot.webhook = None
        await carla.send("one")
        await until(lambda: scene.bot.seen == ["one"])


@pytest.mark.usefixtures("quick")
async def test_a_webhook_that_was_set_from_here_is_taken_away_and_what_waits_is_polled(
    scene: Scene, free_port: int
) -> None:
    """Given a bot that ran with a webhook, and then without WEBHOOK_URL."""
    carla = await scene.person("Carla")
    url, stop = f"http://127.0.0.1:{free_port}/customer", asyncio.Event()
    source = WebhookSource("customer", TOKEN, scene.sandbox.url, ["message"], url=url, host="127.0.0.1", port=free_port)
    intake = Intake(bot="customer", token=TOKEN, redis=scene.redis, face=scene.bot)
    running = asyncio.create_task(intake.run(source, stop))
    bot = scene.sandbox.world.bot(TOKEN)
    assert bot is not None
    await until(lambda: bot.webhook is not None)
    stop.set()
    await running
    await carla.send("while nobody listens")

    async with scene.listening():
        await until(lambda: scene.bot.seen == ["while nobody listens"])

    assert bot.webhook is None


@pytest.mark.usefixtures("quick")
async def test_a_server_that_speaks_of_a_webhook_for_ever_is_not_asked_without_end(redis: Redis) -> None:
    conflict = {"ok": False, "error_code": 409, "description": "Conflict: can't use getUpdates while webhook is active"}
    script = Script(conflict, conflict, said((5, "five")))
    bot = Bot()
    async with script.served() as url, bot.listening(url, redis):
        await until(lambda: bot.seen == ["five"])


@pytest.mark.usefixtures("quick")
async def test_a_second_poller_is_named_with_its_cure(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    await scene.person("Carla")
    async with scene.listening(), scene.listening():
        await until(lambda: "another process polls with the same token: stop it" in caplog.text)
        await until(lambda: "another process polls with the same token: stop it" in left_word(scene.redis))


async def test_a_bot_leaves_word_that_it_listens_before_the_first_update_and_again_before_that_expires(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.intake.TELL_AGAIN", 0.0)  # as if so long had passed with each update
    carla = await scene.person("Carla")
    async with scene.listening():
        await until(lambda: json.loads(left_word(scene.redis))["problem"] == "")
        scene.redis.delete(keys.listening("customer"))
        await carla.send("one")
        await until(lambda: json.loads(left_word(scene.redis))["problem"] == "")
    assert 0 < scene.redis.ttl(keys.listening("customer")) <= LISTENING_LIFE


def left_word(redis: Redis) -> str:
    return text(redis.get(keys.listening("customer")) or '{"problem": null}')


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("code", [401, 404])
async def test_a_token_that_is_refused_for_a_moment_is_tried_again_without_a_new_start(redis: Redis, code: int) -> None:
    refused = {"ok": False, "error_code": code, "description": "Unauthorized"}
    bot, script = Bot(), Script(*[refused] * (TRIES - 1), said((5, "five")), *[refused] * (TRIES - 1), said((6, "six")))
    async with script.served() as url, bot.listening(url, redis):
        await until(lambda: bot.seen == ["five", "six"])


@pytest.mark.usefixtures("quick")
async def test_a_token_that_stays_refused_ends_the_process_with_one_clear_line(scene: Scene) -> None:
    await scene.telegram.act("bot", token="7001:another-secret")
    with pytest.raises(Refused, match="check CUSTOMER_BOT_TOKEN") as refused:
        await scene.bot.run(scene.sandbox.url, scene.redis, asyncio.Event())
    assert TOKEN not in str(refused.value)
    tried = [entry for entry in scene.sandbox.world.log.after(0) if entry.get("method") == "getUpdates"]
    assert len(tried) == TRIES


@pytest.mark.usefixtures("quick")
async def test_a_token_that_telegram_does_not_know_ends_the_process_too(redis: Redis) -> None:
    script = Script(*[{"ok": False, "error_code": 404, "description": "Not Found"}] * TRIES)
    async with script.served() as url:
        with pytest.raises(Refused, match="check CUSTOMER_BOT_TOKEN and TELEGRAM_API_URL"):
            await Bot().run(url, redis, asyncio.Event())
