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
from bot.webhook_hearing import ASK_EVERY, State, WebhookHearing
from flows.backoff import Backoff
from flows.http import UNANSWERED, client, out_of_reach
from flows.listening import cannot_listen
from flows.settings import secret_of
from flows.store import is_outage, trouble

log = logging.getLogger(__name__)

HEADER = "X-Telegram-Bot-Api-Secret-Token"
LARGEST = 2**20  # bytes of a request; an update is a few thousand
MOST_REFUSED = 1000  # updates of which it is known that the store has refused them
CONNECTIONS = 40  # that Telegram may open at a time; its default


class _Update(BaseModel):
    """What every update is, whatever else it holds."""

    model_config = ConfigDict(extra="allow", strict=True)

    update_id: int


class _Info(BaseModel):
    """The answer to getWebhookInfo."""

    ok: bool
    result: State | None = None
    error_code: int = 0
    description: str = ""


class _NotKnown(Exception):
    """Telegram does not say what waits for us; the message says why."""


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
        self._hearing = WebhookHearing()
        self._taken = 0  # updates that the store has taken
        self._refused: dict[int, int] = {}  # updates that it has refused -> how many it had taken then

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
        """Ask Telegram again and again what waits there, which tells until when we have heard all."""
        async with client(self._api_url, ClientTimeout(total=15)) as http:
            while True:
                began = time.monotonic()
                try:
                    state = await self._state(http)
                except _NotKnown as problem:
                    await intake.tell(str(problem))
                else:
                    heard = self._hearing.heard_until(state, began)
                    if heard is not None:
                        await intake.hear(heard)
                    await intake.tell(self._hindrance(state, began))
                await asyncio.sleep(ASK_EVERY)

    async def _state(self, http: ClientSession) -> State:
        """What Telegram says of our webhook. Raises `_NotKnown`."""
        try:
            async with http.post(self._info, json={}, allow_redirects=False) as response:
                answer = _Info.model_validate_json(await response.read())
        except UNANSWERED as error:
            raise _NotKnown(out_of_reach(error)) from None
        except ValidationError:
            raise _NotKnown("what answers in Telegram's place does not speak the Bot API") from None
        if not answer.ok or answer.result is None:
            raise _NotKnown(f"getWebhookInfo: {answer.error_code} {answer.description}")
        if answer.result.url != self._asked["url"]:
            raise _NotKnown("its webhook was set to another address: start this bot again, or stop what has set it")
        return answer.result

    def _hindrance(self, state: State, now: float) -> str:
        """What keeps updates from coming here, and where to look, as `comanda doctor` shows it; empty for nothing."""
        if not state.pending_update_count or not self._hearing.fails(now):
            return ""
        said = state.last_error_message.replace(": ", ", ") or "it does not say why"
        says = f"Telegram can't deliver what waits there ({state.pending_update_count} in all; {said})"
        return f"{says}: look at the reverse proxy, and at this bot's log"

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
            return web.Response(status=200 if self._is_given_up(update["update_id"], error) else 503)
        self._taken += 1
        self._hearing.update_came(time.monotonic())
        return web.Response()

    def _is_given_up(self, update_id: int, error: RedisError) -> bool:
        """Whether an update that could not be stored is dropped: if the store refuses it alone, as when polling.

        It has refused it before, and has taken others since.
        """
        if is_outage(error):
            log.warning("%s bot: %s", self._bot, trouble(error))
            return False
        if len(self._refused) >= MOST_REFUSED:
            self._refused.clear()
        if self._taken <= self._refused.setdefault(update_id, self._taken):
            log.warning("%s bot: update %s: %s", self._bot, update_id, trouble(error))
            return False
        del self._refused[update_id]
        log.error("%s bot: update %s is dropped: %s", self._bot, update_id, trouble(error))
        return True

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
