"""What may be wrong between us and Telegram. Nothing here takes an update or ends anybody's poll.

So it never calls getUpdates: a second poller ends the first one's call. Whether somebody else polls with our token is
told by the bots instead, who get the 409: they leave word in the store (see `flows.keys.listening`).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientSession, ClientTimeout

from flows.http import UNANSWERED, client, out_of_reach
from flows.settings import Bot, Settings
from workers.checks import Check, Level

PATIENCE = ClientTimeout(total=5)  # seconds for an answer
SKEW = 5.0  # seconds that our clock may be off Telegram's, beside what the answer took
RECENT = 600.0  # seconds that a failed delivery to the webhook is worth a word
MANY = 100  # updates that wait at Telegram; one getUpdates takes as many


async def of_telegram(settings: Settings, clock: Callable[[], float] = time.time) -> list[Check]:
    """Whether both bots can work. Raises `BadSettings` when there are no two tokens."""
    customer, restaurant = settings.tokens()
    async with client(settings.telegram_api_url, PATIENCE, connections=2) as http:
        telegram = _Telegram(http, settings, clock)
        found = await asyncio.gather(telegram.look("customer", customer), telegram.look("restaurant", restaurant))
    # What is about both, as a wrong clock, is said once.
    return list({check.check: check for checks in found for check in checks}.values())


@dataclass(frozen=True)
class _Answer:
    """What the Bot API answered, and when by its own clock."""

    status: int
    date: str
    body: dict[str, Any]


class _Telegram:
    """The Bot API, as far as a check asks it. Neither its errors nor its answers are shown: they may hold a token."""

    def __init__(self, http: ClientSession, settings: Settings, clock: Callable[[], float]) -> None:
        self._http = http
        self._root = settings.telegram_api_url
        self._ours = settings.webhook
        self._clock = clock

    async def look(self, bot: Bot, token: str) -> list[Check]:
        """What there is to say about one of the bots."""
        name = f"{bot} bot's token"
        try:
            began = self._clock()
            me = await self._ask(f"bot{token}/getMe")
            ended = self._clock()
            webhook = (await self._ask(f"bot{token}/getWebhookInfo")).body if me.body["ok"] else {}
        except UNANSWERED as error:
            says, _, cure = out_of_reach(error).removeprefix("Telegram ").partition(": ")
            usual = "check the network, a firewall or proxy on the way, and TELEGRAM_API_URL"
            return [Check("Telegram", Level.PROBLEM, says, cure or usual)]
        except ValueError:
            cure = "check TELEGRAM_API_URL"
            return [Check("Telegram", Level.PROBLEM, "what answers in its place does not speak the Bot API", cure)]
        if me.status in (401, 404):
            cure = f"check {bot.upper()}_BOT_TOKEN and TELEGRAM_API_URL"
            return [Check(name, Level.PROBLEM, "Telegram refuses it", cure)]
        if not me.body["ok"]:
            return [Check("Telegram", Level.WARNING, f"answers {me.status}", "try again in a while")]
        found = [Check(name, Level.OK, f"is that of @{_result(me.body).get('username', 'nobody')}")]
        found += _clock_checks(me.date, began, ended)
        found += _webhook_checks(bot, _result(webhook), self._ours(bot), ended)
        return found

    async def _ask(self, method: str) -> _Answer:
        """Raises `UNANSWERED`, and `ValueError` for what is no answer of the Bot API."""
        async with self._http.get(f"{self._root}/{method}", allow_redirects=False) as response:
            body = json.loads(await response.read())
            if not isinstance(body, dict) or not isinstance(body.get("ok"), bool):
                raise ValueError("an answer of the Bot API says whether it is ok")
            return _Answer(response.status, response.headers.get("Date", ""), body)


def _clock_checks(date: str, began: float, ended: float) -> Iterator[Check]:
    """Whether our clock is right by the Date of an answer, which has whole seconds."""
    try:
        theirs = parsedate_to_datetime(date).timestamp()
    except ValueError:
        return
    off = max(0.0, began - theirs - 1) + min(0.0, ended - theirs)
    if abs(off) > SKEW:
        says = f"is {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} Telegram's: deadlines come at wrong times"
        yield Check("clock", Level.PROBLEM, says, "have it set from the network: timedatectl set-ntp true")


def _webhook_checks(bot: Bot, info: dict[str, Any], ours: str | None, now: float) -> Iterator[Check]:
    """What keeps updates at Telegram. Another's path is not shown: it may be a secret."""
    name, url, waiting = f"{bot} bot", str(info.get("url", "")), info.get("pending_update_count", 0)
    if url and ours is None:
        says = f"its updates go to a webhook at {urlsplit(url).hostname}, so it can't be polled"
        cure = f"start the bot, which takes it away if it was set from here; else comanda webhook remove {bot}"
        yield Check(name, Level.PROBLEM, says, cure)
        return
    if url != (ours or ""):
        says = f"its updates go to a webhook at {urlsplit(url).hostname}" if url else "it has no webhook"
        cure = f"start the bot, which sets {ours}, and let nothing else use its token"
        yield Check(name, Level.WARNING, says, cure)
    failed = info.get("last_error_date")
    if ours and url == ours and isinstance(failed, int) and now - failed < RECENT:
        says = f"Telegram could not deliver to {ours}: {info.get('last_error_message', 'it does not say why')}"
        cure = "see that the bot runs, and that its reverse proxy has a valid certificate and passes the path on"
        yield Check(name, Level.PROBLEM, says, cure)
    if isinstance(waiting, int) and waiting >= MANY:
        cure = "see that the bot runs; it works them off by itself"
        yield Check(name, Level.WARNING, f"{waiting} updates wait at Telegram", cure)


def _result(body: dict[str, Any]) -> dict[str, Any]:
    result = body.get("result")
    return result if isinstance(result, dict) else {}
