"""What the local Telegram does besides the libraries: webhooks, people's verbs, bad requests, and its page."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator

import httpx
import pytest
from aiohttp import web

from bot.sandbox.server import Sandbox
from tests.people import Telegram

TOKEN = "7001:customer-token"


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Sandbox().serve() as sandbox:
        control = Telegram(sandbox.url)
        await control.act("bot", token=TOKEN, username="pizza_bot")
        yield control
        await control.close()


class Hook:
    """A bot's webhook that fails as often as the test wants."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.got: list[tuple[str, str]] = []
        self.arrived = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        update = await request.json()
        self.got.append((update["message"]["text"], request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")))
        if self.failures:
            self.failures -= 1
            return web.Response(status=500)
        self.arrived.set()
        return web.Response()


async def test_a_webhook_gets_each_update_with_its_secret_until_it_answers(telegram: Telegram) -> None:
    hook = Hook(failures=2)
    app = web.Application()
    app.router.add_post("/hook", hook.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    await telegram.call(TOKEN, "setWebhook", url=url, secret_token="s3cret", allowed_updates=["message"])
    carla = await telegram.person("Carla", bot=TOKEN)
    await carla.send("hello")
    await asyncio.wait_for(hook.arrived.wait(), 20)
    assert hook.got == [("hello", "s3cret")] * 3
    await runner.cleanup()


class TestRequests:
    async def test_all_encodings_say_the_same(self, telegram: Telegram) -> None:
        carla = await telegram.person("Carla", bot=TOKEN)
        await carla.send("/start")
        message = {"chat_id": str(carla.id), "text": '{"a": 1}'}
        http = telegram._http
        url = f"/bot{TOKEN}/sendMessage"
        answers = [
            await http.get(url, params=message),
            await http.post(url, data=message),
            await http.post(url, json=message),
            await http.post(url, files={name: (None, value) for name, value in message.items()}),
            await http.post(f"/bot{TOKEN}/SENDMESSAGE", data=message),
        ]
        assert [answer.json()["result"]["text"] for answer in answers] == ['{"a": 1}'] * 5

    @pytest.mark.parametrize(
        ("path", "body", "code"),
        [
            (f"/bot{TOKEN}/sendMessage", b"{not json", 400),
            (f"/bot{TOKEN}/sendMessage", b"[]", 400),
            (f"/bot{TOKEN}/sendMessage", b'{"chat_id": 1, "text": "x", "reply_markup": "{broken"}', 400),
            ("/bot7001:another-secret/getMe", b"{}", 401),
            ("/botnonsense/getMe", b"{}", 404),
            (f"/bot{TOKEN}/unknown", b"{}", 404),
        ],
    )
    async def test_a_bad_request_gets_telegrams_own_code(
        self, telegram: Telegram, path: str, body: bytes, code: int
    ) -> None:
        answer = await telegram._http.post(path, content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["ok"], answer.json()["error_code"]) == (code, False, code)

    @pytest.mark.parametrize(
        ("verb", "body", "words"),
        [
            ("dance", {}, "no such verb"),
            ("send", {"user": 1, "text": "x"}, "either a bot"),
            ("send", {"user": 4242, "bot": TOKEN, "text": "x"}, "no person 4242"),
            ("send", {"user": 1, "bot": "nobody", "text": "x"}, "no"),
            ("tap", {"user": 1, "bot": TOKEN}, "message_id"),
            ("group", {"title": "x", "members": [4242]}, "no person"),
            ("fault", {"kind": "earthquake"}, "kind"),
        ],
    )
    async def test_a_bad_verb_says_what_is_wrong(
        self, telegram: Telegram, verb: str, body: dict[str, object], words: str
    ) -> None:
        answer = await telegram._http.post(f"/control/{verb}", json=body)
        assert answer.status_code in (400, 404)
        assert words in answer.json()["error"]


class TestPage:
    @pytest.mark.parametrize(
        ("path", "kind"), [("/", "html"), ("/page/page.js", "javascript"), ("/page/page.css", "css")]
    )
    async def test_the_page_is_served_from_the_package(self, telegram: Telegram, path: str, kind: str) -> None:
        answer = await telegram._http.get(path)
        assert answer.status_code == 200
        assert kind in answer.headers["Content-Type"]
        assert answer.headers["Content-Security-Policy"] == "default-src 'self'; img-src 'self' data:"

    async def test_nothing_else_is(self, telegram: Telegram) -> None:
        for path in ("/page/server.py", "/page/../server.py", "/page/%2e%2e/server.py"):
            assert (await telegram._http.get(path)).status_code == 404

    async def test_changes_are_streamed_as_they_happen(self, telegram: Telegram) -> None:
        carla = await telegram.person("Carla", bot=TOKEN)
        async with telegram._http.stream("GET", "/control/stream") as stream:
            await carla.send("hello <script>")
            async for line in stream.aiter_lines():
                change = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
                if change.get("kind") == "message":
                    break
        assert change["message"]["text"] == "hello <script>"


def test_it_starts_by_itself_says_where_and_stops_in_order() -> None:
    command = [sys.executable, "-m", "bot.sandbox", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        assert url.startswith("http://127.0.0.1:")
        assert httpx.get(f"{url}/bot{TOKEN}/getMe").json()["result"]["is_bot"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_a_port_that_is_taken_is_named_with_the_cure() -> None:
    command = [sys.executable, "-m", "bot.sandbox", "--json"]
    with subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        port = json.loads(first.stdout.readline())["url"].rpartition(":")[2]
        second = subprocess.run([*command, "--port", port], capture_output=True, text=True, check=False, timeout=30)
        first.terminate()
    assert second.returncode == 1
    assert f"port {port}" in second.stderr
    assert "--port" in second.stderr
