"""Webhooks as Telegram calls them: when again, in which order, over how many connections, with what answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from random import Random
from typing import Any

import pytest
from aiohttp import FormData, web

from bot.sandbox.bots import Pending
from bot.sandbox.delivery import queue_of, wait_after
from bot.sandbox.server import Sandbox
from tests.people import WITHIN, Person, Telegram
from tests.sandbox.talk import TOKEN


class Time:
    """A clock that only passes while the sandbox waits between two tries, and then at once."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def sandbox(time: Time) -> AsyncIterator[Sandbox]:
    async with Sandbox(time, sleep=time.sleep).serve() as sandbox:
        yield sandbox


@pytest.fixture
async def carla(telegram: Telegram) -> Person:
    return await telegram.person("Carla", bot=TOKEN)


class Hook:
    """A bot's webhook that answers as the test says."""

    def __init__(self) -> None:
        self.url = ""
        self.texts: list[str] = []
        self.answers: list[web.Response] = []  # the next ones; after them it just takes what comes
        self.inside = self.most = 0
        self.barrier: asyncio.Barrier | None = None

    async def take(self, request: web.Request) -> web.Response:
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            update = await request.json()
            self.texts.append(update.get("message", {}).get("text", "tap"))
            if self.barrier:
                await self.barrier.wait()
            return self.answers.pop(0) if self.answers else web.Response()
        finally:
            self.inside -= 1


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    hook, app = Hook(), web.Application()
    app.router.add_post("/hook", hook.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield hook
    await runner.cleanup()


async def info(telegram: Telegram) -> dict[str, Any]:
    told: dict[str, Any] = await telegram.call(TOKEN, "getWebhookInfo")
    return told


async def all_delivered(telegram: Telegram) -> None:
    await telegram.changing(lambda: info(telegram), lambda told: told["pending_update_count"] == 0, "updates wait")


class TestTries:
    def test_the_second_is_at_once_and_the_waits_double_up_to_a_drawn_limit(self) -> None:
        waits = [wait_after(failures, 0, Random(1)) for failures in range(1, 7)]
        assert waits == [0, 2, 4, 8, 16, 32]
        assert {60 <= wait_after(failures, 0, Random(failures)) <= 120 for failures in range(8, 500)} == {True}

    def test_a_bot_may_ask_for_an_hour_at_most(self) -> None:
        assert wait_after(5, 7, Random(1)) == 7
        assert wait_after(1, 10**9, Random(1)) == 3600

    async def test_retry_after_is_honoured_and_nothing_else_in_its_place(
        self, telegram: Telegram, carla: Person, hook: Hook, time: Time
    ) -> None:
        hook.answers = [web.Response(status=429, headers={"Retry-After": value}) for value in ("7", "soon", "-1")]
        await telegram.call(TOKEN, "setWebhook", url=hook.url)
        await carla.send("hello")
        await all_delivered(telegram)
        assert (hook.texts, time.waits) == (["hello"] * 4, [7, 2, 4])
        assert (await info(telegram))["last_error_message"].startswith("Wrong response from the webhook: 429")

    async def test_an_update_is_dropped_when_it_would_be_too_old_for_the_next_try(
        self, telegram: Telegram, sandbox: Sandbox, carla: Person, hook: Hook, time: Time
    ) -> None:
        hook.answers = [web.Response(status=302, headers={"Location": hook.url}) for _ in range(99)]
        await telegram.call(TOKEN, "setWebhook", url=hook.url)
        bot = sandbox.world.bot(TOKEN)
        assert bot is not None
        sandbox.world.update(bot, callback_query={"from": {"id": carla.id}})
        await telegram.act("user", first_name="Somebody")  # lets the sandbox look
        await all_delivered(telegram)
        assert sum(time.waits) <= 150
        assert time.waits[:6] == [0, 2, 4, 8, 16, 32]

    async def test_one_that_is_set_anew_does_not_wait_for_the_former_one(self, hook: Hook) -> None:
        asleep = asyncio.Event()

        async def for_ever(seconds: float) -> None:
            asleep.set()
            await asyncio.Event().wait()

        async with Sandbox(sleep=for_ever).serve() as sandbox:
            telegram = Telegram(sandbox.url)
            hook.answers = [web.Response(status=500)]
            carla = await telegram.person("Carla", bot=TOKEN)
            await telegram.call(TOKEN, "setWebhook", url=hook.url)
            await carla.send("hello")
            async with asyncio.timeout(WITHIN):
                await asleep.wait()
            await telegram.call(TOKEN, "setWebhook", url=f"{hook.url}?anew")
            await all_delivered(telegram)
            await telegram.close()
        assert hook.texts == ["hello", "hello"]


class TestQueues:
    def pending(self, kind: str, chat: int, person: int) -> Pending:
        return Pending({"update_id": 1, kind: {"chat": {"id": chat}, "from": {"id": person}}}, 0.0)

    def test_messages_wait_per_chat_and_taps_per_person(self) -> None:
        assert queue_of(self.pending("message", -5, 1)) == queue_of(self.pending("edited_message", -5, 2))
        assert queue_of(self.pending("channel_post", -5, 1)) == queue_of(self.pending("edited_channel_post", -5, 2))
        assert queue_of(self.pending("channel_post", -5, 1)) != queue_of(self.pending("channel_post", -6, 1))
        assert queue_of(self.pending("message", -5, 1)) != queue_of(self.pending("message", 1, 1))
        assert queue_of(self.pending("callback_query", -5, 1)) == queue_of(self.pending("callback_query", 1, 1))
        assert queue_of(self.pending("callback_query", 1, 1)) != queue_of(self.pending("message", 1, 1))

    async def test_no_more_connections_than_the_bot_wants(self, telegram: Telegram, hook: Hook) -> None:
        people = [await telegram.person(f"Person {number}", bot=TOKEN) for number in range(6)]
        for person in people:
            await person.send("hello")
        hook.barrier = asyncio.Barrier(2)  # goes on only when two are there at the same time
        await telegram.call(TOKEN, "setWebhook", url=hook.url, max_connections=2)
        await all_delivered(telegram)
        assert (len(hook.texts), hook.most) == (6, 2)


def form(params: dict[str, Any]) -> web.Response:
    data = FormData(default_to_multipart=True)
    for name, value in params.items():
        data.add_field(name, str(value))
    writer = data()
    return web.Response(body=writer, content_type=None, headers=writer.headers)


class TestAnswers:
    @pytest.mark.parametrize("encode", [web.json_response, form])
    async def test_a_method_in_the_answer_is_carried_out(
        self, telegram: Telegram, carla: Person, hook: Hook, encode: Callable[[dict[str, Any]], web.Response]
    ) -> None:
        hook.answers = [encode({"method": "sendMessage", "chat_id": carla.id, "text": "at once"})]
        await telegram.call(TOKEN, "setWebhook", url=hook.url)
        await carla.send("hello")
        await carla.sees("at once")
        await all_delivered(telegram)
        assert hook.texts == ["hello"]

    @pytest.mark.parametrize("answer", [b'{"method": "deleteWebhook"}', b'{"method": 7}', b"{broken", b"[]", b"\xff"])
    async def test_an_answer_that_asks_for_nothing_sensible_takes_the_update_and_no_more(
        self, telegram: Telegram, carla: Person, hook: Hook, answer: bytes
    ) -> None:
        hook.answers = [web.Response(body=answer, content_type="application/json")]
        await telegram.call(TOKEN, "setWebhook", url=hook.url)
        await carla.send("hello")
        await all_delivered(telegram)
        assert ((await info(telegram))["url"], hook.texts) == (hook.url, ["hello"])


class TestSetting:
    @pytest.mark.parametrize(
        ("params", "words"),
        [
            ({"url": "ftp://a.example"}, "invalid webhook URL specified"),
            ({"url": "https://a.example:x"}, "invalid webhook URL specified"),
            ({"url": "http://a.example"}, "bad webhook: An HTTPS URL must be provided for webhook"),
            (
                {"url": "https://a.example:81"},
                "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443",
            ),
            ({"url": "https://a.example", "secret_token": "ü"}, "secret token contains unallowed characters"),
            ({"url": "https://a.example", "secret_token": "s" * 257}, "secret token is too long"),
        ],
    )
    async def test_what_telegram_refuses_is_refused_in_its_words_and_ends_the_former_webhook(
        self, telegram: Telegram, params: dict[str, str], words: str
    ) -> None:
        await telegram.call(TOKEN, "setWebhook", url="http://localhost:9/")
        answer = await telegram._http.post(f"/bot{TOKEN}/setWebhook", json=params)
        assert (answer.status_code, answer.json()["description"]) == (400, f"Bad Request: {words}")
        assert (await info(telegram))["url"] == ""

    async def test_all_that_was_set_is_told_but_the_secret(self, telegram: Telegram) -> None:
        url = "https://a.example:8443/hook"
        await telegram.call(
            TOKEN,
            "setWebhook",
            url=url,
            secret_token="s3cret",
            max_connections=500,
            ip_address="192.0.2.7",
            allowed_updates=["callback_query", "message"],
        )
        assert await info(telegram) == {
            "url": url,
            "has_custom_certificate": False,
            "pending_update_count": 0,
            "max_connections": 100,
            "ip_address": "192.0.2.7",
            "allowed_updates": ["message", "callback_query"],
        }

    async def test_the_same_again_changes_nothing_but_what_is_dropped(
        self, telegram: Telegram, sandbox: Sandbox, carla: Person
    ) -> None:
        bot = sandbox.world.bot(TOKEN)
        assert bot is not None
        await telegram.call(TOKEN, "setWebhook", url="https://a.example")
        former = bot.webhook
        await telegram.call(TOKEN, "setWebhook", url="https://a.example")
        assert bot.webhook is former
        await telegram.call(TOKEN, "setWebhook", url="https://a.example", drop_pending_updates=True)
        assert bot.webhook is not former
