"""Requests that nobody should send are refused in Telegram's words, and never trouble the sandbox."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bot.sandbox import wire
from bot.sandbox.server import Sandbox
from tests.people import Telegram

BOT = "/bot7001:customer-token"
SEND = f"{BOT}/sendMessage"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"
NO_SCOPE = "can't parse BotCommandScope"
NO_FORM = "Bad Request: can't parse multipart form"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with Sandbox().serve() as sandbox, httpx.AsyncClient(base_url=sandbox.url, trust_env=False) as client:
        yield client
        # Whatever came, the sandbox goes on and can be looked at.
        assert (await client.get(f"{BOT}/getMe")).status_code == 200
        assert (await client.get("/control/log")).status_code == 200


async def refusal(http: httpx.AsyncClient, kind: str, body: bytes, path: str = SEND, **headers: str) -> dict[str, Any]:
    """What the Bot API answers, as its clients read it."""
    answer = await http.post(path, content=body, headers={"Content-Type": kind} | headers)
    found: dict[str, Any] = answer.json()
    assert (found["ok"], found["error_code"]) == (False, answer.status_code)
    return found


def part(content: bytes, *headers: str) -> bytes:
    """A form of one part."""
    return b"--b\r\n" + "".join(f"{header}\r\n" for header in headers).encode() + b"\r\n" + content + b"\r\n--b--\r\n"


def field(name: str, *headers: str) -> bytes:
    return part(b"x", f'Content-Disposition: form-data; name="{name}"', *headers)


class TestJson:
    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (b"{not json", "can't parse JSON object"),
            (b'{"text": "x"} and more', "can't parse JSON object"),
            (b"[1]", "JSON object expected"),
            (b'"text"', "JSON object expected"),
            (b'{"chat_id": NaN, "text": "x"}', "can't parse JSON object"),
            (b'{"chat_id": ' + b"9" * 5000 + b"}", "can't parse JSON object"),
            (b"[" * 200_000, "can't parse JSON object"),
            (b'{"text": ' + b"[" * 101 + b"]" * 101 + b"}", "can't parse JSON object"),
            (b'{"text": "\xff"}', "strings must be encoded in UTF-8"),
            (b'{"reply_markup": "{"}', "can't parse reply keyboard markup JSON object"),
            (b'{"reply_markup": "' + b"[" * 100_000 + b'"}', "can't parse reply keyboard markup JSON object"),
        ],
        ids=lambda value: value if isinstance(value, str) else value[:20].decode(errors="replace"),
    )
    async def test_what_is_no_json_object_is_refused(self, http: httpx.AsyncClient, body: bytes, words: str) -> None:
        refused = await refusal(http, JSON, body)
        assert refused == {"ok": False, "error_code": 400, "description": f"Bad Request: {words}"}

    async def test_no_content_means_no_parameters(self, http: httpx.AsyncClient) -> None:
        answer = await http.post(f"{BOT}/getMe", content=b"", headers={"Content-Type": JSON})
        assert answer.json()["ok"] is True

    async def test_the_charset_is_utf_8_whatever_is_said(self, http: httpx.AsyncClient) -> None:
        body = '{"chat_id": 1, "text": "è"}'.encode()
        assert (await refusal(http, f"{JSON}; charset=nonsense", body))["description"] == "Bad Request: chat not found"

    async def test_content_that_is_not_compressed_as_it_says_is_refused(self, http: httpx.AsyncClient) -> None:
        refused = await refusal(http, JSON, b"not gzip", **{"Content-Encoding": "gzip"})
        assert (refused["error_code"], "can't read" in refused["description"]) == (400, True)


class TestParameters:
    @pytest.mark.parametrize(
        ("method", "name", "value", "words"),
        [
            (
                "setMyCommands",
                "scope",
                {"type": []},
                'can\'t parse BotCommandScope: Field "type" must be of type String',
            ),
            ("sendPhoto", "photo", {"a": 1}, "wrong file identifier/HTTP URL specified"),
            ("sendPhoto", "photo", [[1]], "wrong file identifier/HTTP URL specified"),
            ("sendPhoto", "photo", "http://[", "wrong file identifier/HTTP URL specified"),
        ],
    )
    async def test_a_value_of_another_kind_is_named(self, method: str, name: str, value: object, words: str) -> None:
        async with Sandbox().serve() as sandbox:
            telegram = Telegram(sandbox.url)
            carla = await telegram.person("Carla", bot=BOT.removeprefix("/bot"))
            await carla.send("/start")
            params = {"chat_id": carla.id, "commands": [{"command": "a", "description": "b"}], name: value}
            answer = await telegram._http.post(f"{BOT}/{method}", json=params)
            await telegram.close()
        assert (answer.status_code, answer.json()["description"]) == (400, f"Bad Request: {words}")


class TestForms:
    @pytest.mark.parametrize("body", [b"chat_id=1&text=\xff", b"chat_id=1&text=%ff"])
    async def test_bytes_that_are_no_text_are_refused(self, http: httpx.AsyncClient, body: bytes) -> None:
        assert "UTF-8" in (await refusal(http, FORM, body))["description"]

    @pytest.mark.parametrize(
        ("kind", "body", "words"),
        [
            ("multipart/form-data", b"x", NO_FORM),
            (f"multipart/form-data; boundary={'b' * 71}", b"x", NO_FORM),
            (MULTIPART, b"", NO_FORM),
            (MULTIPART, b"garbage", NO_FORM),
            (MULTIPART, field("text").removesuffix(b"\r\n--b--\r\n"), NO_FORM),
            (MULTIPART, part(b"x", "no colon"), NO_FORM),
            (MULTIPART, part(b"x"), "Bad Request: field name in multipart/form-data not found"),
            (
                MULTIPART,
                part(b"--c\r\n\r\nx\r\n--c--", "Content-Type: multipart/mixed; boundary=c"),
                "Bad Request: field name in multipart/form-data not found",
            ),
        ],
        ids=["no boundary", "long boundary", "empty", "garbage", "cut off", "bad header", "no name", "nested"],
    )
    async def test_a_broken_multipart_form_is_refused(
        self, http: httpx.AsyncClient, kind: str, body: bytes, words: str
    ) -> None:
        refused = await refusal(http, kind, body)
        assert refused == {"ok": False, "error_code": 400, "description": words}

    @pytest.mark.parametrize("encoding", ["base64", "nonsense"])
    async def test_a_part_is_taken_as_it_came(self, http: httpx.AsyncClient, encoding: str) -> None:
        body = field("text", f"Content-Transfer-Encoding: {encoding}")
        assert (await refusal(http, MULTIPART, body))["description"] == "Bad Request: chat_id is empty"

    async def test_other_kinds_of_content_are_not_read(self, http: httpx.AsyncClient) -> None:
        refused = await refusal(http, "text/plain", b"chat_id=1&text=x")
        assert refused["description"] == "Bad Request: message text is empty"


class TestSize:
    @pytest.mark.parametrize("kind", [JSON, FORM])
    async def test_parameters_beyond_the_limit_are_refused(self, http: httpx.AsyncClient, kind: str) -> None:
        refused = await refusal(http, kind, b"x" * (wire.PARAMETERS_LIMIT + 1))
        assert refused["error_code"] == 413
        assert refused["description"] == "Request Entity Too Large: too many parameters"

    async def test_it_counts_what_is_left_when_unpacked(self, http: httpx.AsyncClient) -> None:
        bomb = gzip.compress(b" " * (wire.PARAMETERS_LIMIT + 1))
        assert (await refusal(http, JSON, bomb, **{"Content-Encoding": "gzip"}))["error_code"] == 413

    async def test_it_counts_all_fields_of_a_form_together(self, http: httpx.AsyncClient) -> None:
        half = "x" * (wire.PARAMETERS_LIMIT // 2 + 1)
        answer = await http.post(SEND, files={"text": (None, half), "caption": (None, half)})
        assert answer.json()["description"] == "Request Entity Too Large: too many parameters"

    async def test_files_count_together_too(self, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(wire, "BODY_LIMIT", 1000)
        answer = await http.post(f"{BOT}/sendDocument", files={name: (name, b"x" * 501) for name in ("a", "b")})
        assert (answer.status_code, answer.json()["description"]) == (413, "Request Entity Too Large")

    async def test_a_photo_is_measured_wherever_the_form_has_it(self, http: httpx.AsyncClient) -> None:
        files = {"here": ("a.png", bytes(wire.PHOTO_LIMIT + 1))}
        data = {"chat_id": "1", "photo": "attach://here"}
        big = await http.post(f"{BOT}/sendPhoto", data=data, files=files)
        assert big.status_code == 413
        # A document may be larger: what is wrong with this one is its chat.
        data = {"chat_id": "1", "document": "attach://here"}
        large = await http.post(f"{BOT}/sendDocument", data=data, files=files)
        assert large.json()["description"] == "Bad Request: chat not found"
