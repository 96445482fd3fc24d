"""A pytest plugin for python-telegram-bot's tests: lets its bots talk to the sandbox, and notes what came of each.

It runs in the tests' own environment, where nothing of ours can be imported. `SANDBOX_URL` says where the sandbox is,
`OUTCOMES` where the outcomes go, a JSON object a line.
"""

from __future__ import annotations

import base64
import json
import os
import re
import socket
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from telegram import Bot
from telegram.error import TelegramError
from telegram.request import HTTPXRequest

URL = os.environ["SANDBOX_URL"]
TELEGRAM = "https://api.telegram.org/"
OUTCOMES = Path(os.environ["OUTCOMES"])
TOKEN = json.loads(base64.b64decode(os.environ["BOTS"]))[1]["token"]

# The tests expect files at an address of https, so that they are given one, and what they fetch there comes by http.
FILES = f"{URL.replace('http://', 'https://')}/file/bot"
SENDING = ("send", "editMessageMedia")  # methods that may name a file of the web

# Fixtures that stand for something the sandbox does not have.
OUT_OF_SCOPE = {
    "subscription_channel_id": "paid channels",
    "video_quality_message_id": "a certain message of a channel in Telegram itself",
}


class NotServedError(TelegramError):
    """The sandbox does not serve a method."""


_made, _asked = Bot.__init__, HTTPXRequest.do_request


def _make(self: Bot, token: str, *more: Any, **named: Any) -> None:
    for name, here in (("base_url", f"{URL}/bot"), ("base_file_url", FILES)):
        if str(named.get(name, TELEGRAM)).startswith(TELEGRAM):
            named[name] = here
    _made(self, token, *more, **named)


async def _ask(self: HTTPXRequest, url: str, *more: Any, **named: Any) -> tuple[int, bytes]:
    method = url.rpartition("/")[2]
    if method.startswith(SENDING) and _names_the_web(named.get("request_data")):
        _of_the_web.append(method)
    status, body = await _asked(self, url.replace(FILES, f"{URL}/file/bot"), *more, **named)
    if status == 501:
        lacking = re.search(r"does not serve ([^;]+);", body.decode())
        raise NotServedError(lacking[1] if lacking else method)
    return status, body


_of_the_web: list[str] = []  # the methods by which the present test has sent files of the web


def _names_the_web(data: Any) -> bool:
    """Whether one of the files that a request sends is an address."""
    names = ("photo", "document", "animation", "audio", "video", "voice", "sticker", "media")
    return any(re.search("https?://", str(data.parameters.get(name))) for name in names) if data else False


Bot.__init__ = _make  # type: ignore[method-assign]
HTTPXRequest.do_request = _ask  # type: ignore[method-assign]


def pytest_runtest_setup() -> None:
    _of_the_web.clear()


def pytest_configure(config: pytest.Config) -> None:
    # No test gets a second chance, so the plugin that gives them is off, and its mark unknown.
    config.addinivalue_line("markers", "flaky: may fail with the real Telegram")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" or report.outcome != "passed":
        outcome, reason = _judge(item, call, report)
        with OUTCOMES.open("a") as file:
            file.write(json.dumps({"name": item.nodeid, "outcome": outcome, "reason": reason}) + "\n")
    return report


def _judge(item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> tuple[str, str]:
    if report.outcome == "passed":
        return "passed", ""
    missing = OUT_OF_SCOPE.keys() & set(getattr(item, "fixturenames", ()))
    if missing:
        return "not applicable", OUT_OF_SCOPE[min(missing)]
    if _of_the_web:
        return "not applicable", "the test sends a file of the web, and the sandbox fetches none"
    error = call.excinfo.value if call.excinfo else None
    while error is not None:
        if isinstance(error, NotServedError):
            return "not served", str(error)
        if isinstance(error, socket.gaierror):
            return "not applicable", "the test itself needs the internet"
        if isinstance(error, FileNotFoundError) and "/tests/data/" in str(error.filename):
            return "not applicable", f"{Path(error.filename).name} is not in the source distribution"
        error = error.__cause__ or error.__context__
    if report.outcome == "skipped":
        return "skipped", getattr(report, "wasxfail", "") or re.sub(
            r"^Skipped: ", "", str(call.excinfo.value if call.excinfo else "")
        )
    return "failed", f"{type(call.excinfo.value).__name__}: {call.excinfo.value}" if call.excinfo else ""
