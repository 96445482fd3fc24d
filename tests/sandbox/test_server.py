"""What the local Telegram does besides the libraries: webhooks, people's verbs, bad requests, and its page."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from aiohttp import web

from bot.sandbox.server import SOMEBODY
from tests.people import Telegram
from tests.sandbox.talk import TOKEN


class Hook:
    """A bot's webhook that fails as often as the test wants."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.refuses: set[str] = set()
        self.url = ""
        self.got: list[tuple[str, str]] = []
        self._arrived = asyncio.Condition()

    async def take(self, request: web.Request) -> web.Response:
        update = await request.json()
        self.got.append((update["message"]["text"], request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")))
        async with self._arrived:
            self._arrived.notify_all()
        if self.failures:
            self.failures -= 1
            return web.Response(status=500)
        return web.Response(status=500 if update["message"]["text"] in self.refuses else 200)

    async def gets(self, number: int) -> list[str]:
        """The texts, as soon as there are so many."""
        await self._until(lambda: len(self.got) >= number)
        return [text for text, _ in self.got]

    async def gets_text(self, text: str) -> None:
        await self._until(lambda: text in (got for got, _ in self.got))

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20), self._arrived:
            await self._arrived.wait_for(condition)


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    hook, app = Hook(), web.Application()
    app.router.add_post("/hook", hook.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield hook
    await runner.cleanup()


async def pending(telegram: Telegram) -> int:
    info = await telegram.call(TOKEN, "getWebhookInfo")
    return int(info["pending_update_count"])


class TestWebhooks:
    async def test_an_update_comes_with_its_secret_until_the_bot_answers(self, telegram: Telegram, hook: Hook) -> None:
        hook.failures = 2
        await telegram.call(TOKEN, "setWebhook", url=hook.url, secret_token="s3cret", allowed_updates=["message"])
        carla = await telegram.person("Carla", bot=TOKEN)
        await carla.send("hello")
        await hook.gets(3)
        assert hook.got == [("hello", "s3cret")] * 3
        await telegram.changing(lambda: pending(telegram), lambda left: left == 0, "the update still waits")

    async def test_updates_of_one_person_come_in_order_and_what_waited_before_the_webhook_too(
        self, telegram: Telegram, hook: Hook
    ) -> None:
        carla = await telegram.person("Carla", bot=TOKEN)
        await carla.send("0")
        await telegram.call(TOKEN, "setWebhook", url=hook.url)
        for number in range(1, 20):
            await carla.send(str(number))
        assert await hook.gets(20) == [str(number) for number in range(20)]

    async def test_one_person_s_trouble_does_not_hold_up_the_others(self, telegram: Telegram, hook: Hook) -> None:
        hook.refuses = {"poison"}
        await telegram.call(TOKEN, "setWebhook", url=hook.url)
        carla, dora = [await telegram.person(name, bot=TOKEN) for name in ("Carla", "Dora")]
        await carla.send("poison")
        await carla.send("behind it")
        await hook.gets_text("poison")
        await dora.send("passes")
        await hook.gets_text("passes")
        assert "behind it" not in await hook.gets(2)
        hook.refuses.clear()
        await hook.gets_text("behind it")

    async def test_a_doubled_update_comes_twice(self, telegram: Telegram, hook: Hook) -> None:
        await telegram.act("fault", kind="duplicate_update", method="message")
        await telegram.call(TOKEN, "setWebhook", url=hook.url)
        carla = await telegram.person("Carla", bot=TOKEN)
        await carla.send("one")
        await carla.send("two")
        assert await hook.gets(3) == ["one", "one", "two"]

    async def test_what_went_wrong_is_told_and_a_deleted_webhook_leaves_the_updates_to_polling(
        self, telegram: Telegram, free_port: int
    ) -> None:
        await telegram.call(TOKEN, "setWebhook", url=f"http://127.0.0.1:{free_port}/", allowed_updates=["message"])
        carla = await telegram.person("Carla", bot=TOKEN)
        await carla.send("hello?")

        async def info() -> dict[str, Any]:
            told: dict[str, Any] = await telegram.call(TOKEN, "getWebhookInfo")
            return told

        told = await telegram.changing(info, lambda told: "last_error_message" in told, "no error is told")
        assert told["allowed_updates"] == ["message"]
        await telegram.call(TOKEN, "deleteWebhook")
        [update] = await telegram.call(TOKEN, "getUpdates")
        assert update["message"]["text"] == "hello?"

    async def test_setting_one_ends_a_waiting_poll(self, telegram: Telegram, hook: Hook) -> None:
        poll = asyncio.create_task(telegram._http.post(f"/bot{TOKEN}/getUpdates", json={"timeout": 50}))
        sent = asyncio.create_task(telegram.call(TOKEN, "setWebhook", url=hook.url))
        await sent
        answer = await poll
        assert answer.status_code == 409
        assert answer.json()["description"].startswith("Conflict: ")

    @pytest.mark.parametrize("wrong", [{"url": "ftp://a.example"}, {"url": "http://a.example", "secret_token": "ü"}])
    async def test_a_wrong_one_is_refused(self, telegram: Telegram, wrong: dict[str, str]) -> None:
        answer = await telegram._http.post(f"/bot{TOKEN}/setWebhook", json=wrong)
        assert answer.status_code == 400


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
            (f"/bot{TOKEN}/sendMessage", b'{"text": "x"}', 400),
            (f"/bot{TOKEN}/sendMessage", b"[" * 100_000, 400),
            (f"/bot{TOKEN}/getUpdates", b'{"offset": "x", "limit": {}', 400),
            ("/bot7001:another-secret/getMe", b"{}", 401),
            ("/bot7001:!/getMe", b"{}", 401),
            ("/bot/getMe", b"{}", 404),
            (f"/bot{TOKEN}", b"{}", 404),
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
        ("params", "words"),
        [
            ({"text": "x", "chat_id": ""}, "chat_id is empty"),
            ({"text": "\ud83c"}, "strings must be encoded in UTF-8"),
            ({"text": "x", "reply_markup": []}, "object expected as reply markup"),
            ({"text": "x", "reply_markup": {"inline_keyboard": [[{"text": 7}]]}}, "can't parse inline keyboard button"),
            ({"text": "x", "reply_markup": {"inline_keyboard": [[{"text": "x"}]]}}, "Text buttons are unallowed"),
            ({"text": "x", "entities": [{"type": "bold"}]}, "can't parse MessageEntity"),
            ({"text": "x", "entities": "7"}, "can't parse MessageEntity"),
            ({"text": "x", "reply_parameters": {"message_id": "x"}}, 'field "message_id" must be a Number'),
            ({"text": "x", "reply_parameters": 7}, "object expected as reply parameters"),
            ({"text": "x", "reply_parameters": {"message_id": 1}}, "message to be replied not found"),
            ({"text": "x", "parse_mode": "Fancy"}, "unsupported parse_mode"),
        ],
    )
    async def test_a_parameter_that_will_not_do_is_named(
        self, telegram: Telegram, params: dict[str, object], words: str
    ) -> None:
        carla = await telegram.person("Carla", bot=TOKEN)
        await carla.send("/start")
        answer = await telegram._http.post(
            f"/bot{TOKEN}/sendMessage",
            content=json.dumps({"chat_id": carla.id} | params),
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == 400
        assert words in answer.json()["description"]

    async def test_bytes_that_are_no_text_are_refused(self, telegram: Telegram) -> None:
        url = f"/bot{TOKEN}/sendMessage"
        form = await telegram._http.post(url, files={"text": (None, b"\xff")})
        assert (form.status_code, form.json()["error_code"]) == (400, 400)

    async def test_a_photo_can_be_downloaded_by_its_bot_only(self, telegram: Telegram) -> None:
        carla = await telegram.person("Carla", bot=TOKEN)
        await carla.send("/start")
        picture = {"photo": ("pizza.png", b"\x89PNG not really")}
        sent = await telegram._http.post(f"/bot{TOKEN}/sendPhoto", data={"chat_id": carla.id}, files=picture)
        file_id = sent.json()["result"]["photo"][0]["file_id"]
        path = (await telegram.call(TOKEN, "getFile", file_id=file_id))["file_path"]
        assert (await telegram._http.get(f"/file/bot{TOKEN}/{path}")).content == b"\x89PNG not really"
        assert (await telegram._http.get(f"/file/bot7001:stranger/{path}")).status_code == 401
        assert (await telegram._http.get(f"/file/bot{TOKEN}/nothing")).status_code == 404

    async def test_a_photo_that_is_too_big_is_refused(self, telegram: Telegram) -> None:
        picture = {"photo": ("pizza.png", bytes(10 * 1024 * 1024 + 1))}
        answer = await telegram._http.post(f"/bot{TOKEN}/sendPhoto", data={"chat_id": 1}, files=picture)
        assert (answer.status_code, answer.json()["description"]) == (413, "Request Entity Too Large")

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
        ("path", "kind"), [("/", "html"), ("/page/app.js", "javascript"), ("/page/page.css", "css")]
    )
    async def test_the_page_is_served_from_the_package(self, telegram: Telegram, path: str, kind: str) -> None:
        answer = await telegram._http.get(path)
        assert answer.status_code == 200
        assert kind in answer.headers["Content-Type"]
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert policy == ["default-src 'self'", "img-src 'self' data:", "frame-src https: http://127.0.0.1:*"]

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
        # Neither a waiting poll nor an open event stream keeps it from stopping.
        with httpx.stream("GET", f"{url}/control/stream"), socket.create_connection(_address(url)) as poll:
            poll.sendall(f"GET /bot{TOKEN}/getUpdates?timeout=50 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            [chat] = httpx.get(f"{url}/control/chats").json()
            assert chat["members"][0]["first_name"] == SOMEBODY
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0


def _address(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


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
