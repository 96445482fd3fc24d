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

# Fixtures that stand for something the sandbox does not have.
OUT_OF_SCOPE = {
    "subscription_channel_id": "paid channels",
}


class NotServedError(TelegramError):
    """The sandbox does not serve a method."""


_made, _asked = Bot.__init__, HTTPXRequest.do_request


def _make(self: Bot, token: str, *more: Any, **named: Any) -> None:
    for name, here in (("base_url", f"{URL}/bot"), ("base_file_url", f"{URL}/file/bot")):
        if str(named.get(name, TELEGRAM)).startswith(TELEGRAM):
            named[name] = here
    _made(self, token, *more, **named)


async def _ask(self: HTTPXRequest, url: str, *more: Any, **named: Any) -> tuple[int, bytes]:
    status, body = await _asked(self, url, *more, **named)
    method = url.rpartition("/")[2]
    if status == 501:
        raise NotServedError(method)
    return status, body


Bot.__init__ = _make  # type: ignore[method-assign]
HTTPXRequest.do_request = _ask  # type: ignore[method-assign]


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
