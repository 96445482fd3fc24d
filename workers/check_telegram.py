"""What may be wrong between us and Telegram. Nothing here takes an update or ends anybody's poll.

So it never calls getUpdates: a second poller ends the first one's call. Whether somebody else polls with our token is
told by the bots instead, who get the 409: they leave word in the store (see `flows.keys.listening`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from flows.settings import Bot, Settings
from workers.checks import Check, Level

PATIENCE = 5.0  # seconds for an answer
SKEW = 5.0  # seconds that our clock may be off Telegram's, beside what the answer took
RECENT = 600.0  # seconds that a failed delivery to the webhook is worth a word
MANY = 100  # updates that wait at Telegram; one getUpdates takes as many


async def of_telegram(settings: Settings, clock: Callable[[], float] = time.time) -> list[Check]:
    """Whether both bots can work. Raises `BadSettings` when there are no two tokens."""
    customer, restaurant = settings.tokens()
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        telegram = _Telegram(http, settings, clock)
        found = await asyncio.gather(telegram.look("customer", customer), telegram.look("restaurant", restaurant))
    # What is about both, as a wrong clock, is said once.
    return list({check.check: check for checks in found for check in checks}.values())


class _Telegram:
    """The Bot API, as far as a check asks it. Neither its errors nor its answers are shown: they may hold a token."""

    def __init__(self, http: httpx.AsyncClient, settings: Settings, clock: Callable[[], float]) -> None:
        self._http = http
        self._root = settings.telegram_api_url
        self._ours = settings.webhook
        self._clock = clock

    async def look(self, bot: Bot, token: str) -> list[Check]:
        """What there is to say about one of the bots."""
        name = f"{bot} bot's token"
        try:
            began = self._clock()
            response = await self._http.get(f"{self._root}/bot{token}/getMe")
            ended = self._clock()
            me = _body(response)
            webhook = _body(await self._http.get(f"{self._root}/bot{token}/getWebhookInfo")) if me.get("ok") else {}
        except httpx.HTTPError as error:
            cure = "check the network, a firewall or proxy on the way, and TELEGRAM_API_URL"
            return [Check("Telegram", Level.PROBLEM, f"is out of reach ({type(error).__name__})", cure)]
        except ValueError:
            cure = "check TELEGRAM_API_URL"
            return [Check("Telegram", Level.PROBLEM, "what answers in its place does not speak the Bot API", cure)]
        if response.status_code in (401, 404):
            cure = f"check {bot.upper()}_BOT_TOKEN and TELEGRAM_API_URL"
            return [Check(name, Level.PROBLEM, "Telegram refuses it", cure)]
        if not me.get("ok"):
            return [Check("Telegram", Level.WARNING, f"answers {response.status_code}", "try again in a while")]
        found = [Check(name, Level.OK, f"is that of @{_result(me).get('username', 'nobody')}")]
        found += _clock_checks(response, began, ended)
        found += _webhook_checks(bot, _result(webhook), self._ours(bot), ended)
        return found


def _clock_checks(response: httpx.Response, began: float, ended: float) -> Iterator[Check]:
    """Whether our clock is right by the Date of an answer, which has whole seconds."""
    try:
        theirs = parsedate_to_datetime(response.headers["Date"]).timestamp()
    except (KeyError, ValueError):
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
        yield Check(name, Level.PROBLEM, says, "call deleteWebhook with its token")
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


def _body(response: httpx.Response) -> dict[str, Any]:
    """Raises `ValueError` for what is no answer of the Bot API."""
    body = response.json()
    if not isinstance(body, dict) or not isinstance(body.get("ok"), bool):
        raise ValueError("an answer of the Bot API says whether it is ok")
    return body


def _result(body: dict[str, Any]) -> dict[str, Any]:
    result = body.get("result")
    return result if isinstance(result, dict) else {}
