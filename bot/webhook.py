"""Updates that Telegram sends to us: an HTTP server behind the reverse proxy that ends the TLS.

An update is answered with 200 once it is stored, and with 503 when it can't be: Telegram then sends it again. Several
processes of a bot may listen side by side behind one address.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import time
from typing import Any, Literal

from aiohttp import ClientResponse, ClientSession, ClientTimeout, web
from pydantic import BaseModel, ConfigDict, ValidationError
from redis.exceptions import RedisError

from bot.intake import Intake, Refused, TokenRefused
from bot.refusals import Refusals
from flows.backoff import Backoff
from flows.http import UNANSWERED, client, out_of_reach
from flows.listening import cannot_listen
from flows.settings import secret_of
from flows.store import trouble

log = logging.getLogger(__name__)

HEADER = "X-Telegram-Bot-Api-Secret-Token"
LARGEST = 2**20  # bytes of a request; an update is a few thousand
ASK_EVERY = 3.0  # seconds until Telegram is asked again what waits there: an order may wait for that to end
CONNECTIONS = 40  # that Telegram may open at a time; its default


class _Update(BaseModel):
    """What every update is, whatever else it holds."""

    model_config = ConfigDict(extra="allow", strict=True)

    update_id: int


class _State(BaseModel):
    """What Telegram says of a webhook."""

    url: str
    pending_update_count: int


class _Info(BaseModel):
    """The answer to getWebhookInfo."""

    ok: bool
    result: _State | None = None
    error_code: int = 0
    description: str = ""


class Webhook:
    """Listens for one bot's updates at `host`:`port`, which the world reaches at `url`."""

    def __init__(
        self,
        bot: Literal["customer", "restaurant"],
        token: str,
        api_url: str,
        allowed: list[str],
        *,
        url: str,
        host: str | None,
        port: int,
    ) -> None:
        self._bot = bot
        self._api_url = api_url
        self._method = f"{api_url}/bot{token}/setWebhook"
        self._info = f"{api_url}/bot{token}/getWebhookInfo"
        self._secret = secret_of(token)
        self._asked = {"url": url, "secret_token": self._secret, "allowed_updates": allowed}
        self._host, self._port = host, port

    async def run(self, intake: Intake) -> None:
        """Listen until cancelled. Raises `Refused` when Telegram refuses the token or the address."""
        app = web.Application(client_max_size=LARGEST)

        async def receive(request: web.Request) -> web.Response:
            return await self._receive(request, intake)

        # With whatever path a reverse proxy has left before it.
        app.router.add_post(f"/{{before:(.*/)?}}{self._bot}", receive)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            try:
                await web.TCPSite(runner, self._host, self._port).start()
            except OSError as error:
                raise Refused(cannot_listen(self._host, self._port, error)) from None
            await self._register(intake)
            await self._listen(intake)
        finally:
            await runner.cleanup()

    async def _listen(self, intake: Intake) -> None:
        """Ask Telegram again and again whether it has updates that have not come here: if none, we have heard all."""
        async with client(self._api_url, ClientTimeout(total=15)) as http:
            while True:
                began = time.monotonic()
                problem, waiting = await self._state(http)
                if not problem and not waiting:
                    await intake.hear(began)
                await intake.tell(problem)
                await asyncio.sleep(ASK_EVERY)

    async def _state(self, http: ClientSession) -> tuple[str, int]:
        """What hinders updates on their way here, empty for nothing; and how many wait at Telegram."""
        try:
            async with http.post(self._info, json={}, allow_redirects=False) as response:
                answer = _Info.model_validate_json(await response.read())
        except UNANSWERED as error:
            return out_of_reach(error), 0
        except ValidationError:
            return "what answers in Telegram's place does not speak the Bot API", 0
        if not answer.ok or answer.result is None:
            return f"getWebhookInfo: {answer.error_code} {answer.description}", 0
        if answer.result.url != self._asked["url"]:
            return "its webhook was set to another address: start this bot again, or stop what has set it", 0
        return "", answer.result.pending_update_count

    async def _receive(self, request: web.Request, intake: Intake) -> web.Response:
        given = request.headers.get(HEADER, "").encode(errors="surrogateescape")  # the bytes as they came
        if not hmac.compare_digest(given, self._secret.encode()):
            log.warning("%s bot: a request without Telegram's secret was refused", self._bot)
            return web.Response(status=403)
        try:
            update: dict[str, Any] = json.loads(await request.read())
            _Update.model_validate(update)
        except (ValueError, ValidationError):
            log.warning("%s bot: a request that is no update was refused", self._bot)
            return web.Response(status=400)
        if intake.full or intake.closing:
            return web.Response(status=503)
        try:
            await intake.take([update])
        except RedisError as error:
            log.warning("%s bot: %s", self._bot, trouble(error))
            return web.Response(status=503)
        return web.Response()

    async def _register(self, intake: Intake) -> None:
        """Tell Telegram where we listen, however long it is out of reach."""
        backoff, refusals = Backoff(), Refusals()
        asked = {**self._asked, "max_connections": CONNECTIONS}
        await intake.remember_webhook(str(self._asked["url"]))
        async with client(self._api_url, ClientTimeout(total=15)) as http:
            while not intake.closing:
                try:
                    async with http.post(self._method, json=asked, allow_redirects=False) as answer:
                        problem = await self._problem(answer)
                        wait = backoff.next()
                except UNANSWERED as error:
                    problem, wait = out_of_reach(error), backoff.next()
                except TokenRefused as refused:
                    problem, wait = str(refused), refusals.wait_after(refused)
                if problem is None:
                    log.info("%s bot: Telegram sends updates to %s", self._bot, self._asked["url"])
                    return
                log.warning("%s bot: the webhook can't be set (%s); next try in %.1f s", self._bot, problem, wait)
                await intake.tell(f"the webhook can't be set: {problem}")
                await intake.pause(wait)

    async def _problem(self, answer: ClientResponse) -> str | None:
        """Why the webhook is not set, None when it is. Raises `Refused`."""
        if 200 <= answer.status < 300:
            return None
        if answer.status in (401, 404):
            raise TokenRefused(f"Telegram refuses the {self._bot} bot's token: check {self._bot.upper()}_BOT_TOKEN")
        try:
            words = str(json.loads(await answer.read())["description"])
        except (ValueError, KeyError, TypeError):
            return f"HTTP {answer.status}"
        if answer.status == 400:
            raise Refused(f"WEBHOOK_URL: Telegram does not take it ({words})")
        return words
