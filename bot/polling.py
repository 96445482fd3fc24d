"""Asking Telegram for updates, and what its answers mean."""

from __future__ import annotations

import logging
import time
from typing import Any, Literal, NoReturn, TypeVar
from urllib.parse import urlsplit

from aiohttp import ClientSession, ClientTimeout
from pydantic import BaseModel, ValidationError, field_validator
from redis.exceptions import RedisError

from bot.inbox import Update, offset_after
from bot.intake import Intake, TokenRefused
from bot.refusals import Refusals
from flows.backoff import Backoff
from flows.http import UNANSWERED, client, out_of_reach
from flows.store import is_outage, trouble

log = logging.getLogger(__name__)

POLL = 5  # seconds; an order ends for want of an answer only once a poll has found none
MOST = 100  # updates in one answer; Bot API, getUpdates
PATIENCE = 15.0  # seconds more until a silent connection is given up
WEBHOOK_PAUSE = 30.0  # seconds until a bot is asked for again whose updates go elsewhere
RIVAL_PAUSE = 10.0
ASK_AGAIN = 0.6  # seconds until the same is asked for at the earliest: sooner, Telegram gives one update at a time
LONGEST_OUTAGE_PAUSE = 3.0  # seconds that somebody who writes during an outage of the store waits to be told
LONGEST_PAUSE = 3600  # seconds that Telegram is left alone at most, whatever the answer asks for


A = TypeVar("A", bound="_Answer")


class NotNow(Exception):
    """Telegram could not be asked; `seconds` is how long to leave it alone at least, None where it did not say."""

    def __init__(self, reason: str, seconds: float | None = None) -> None:
        super().__init__(reason)
        self.seconds = seconds


class WebhookIsSet(NotNow):
    """A webhook is in the way."""


class _Parameters(BaseModel):
    retry_after: int | None = None  # seconds


class _Answer(BaseModel):
    """The Bot API's envelope."""

    ok: bool
    error_code: int = 0
    description: str = ""
    parameters: _Parameters = _Parameters()


class _Done(_Answer):
    """An answer whose result tells nothing."""


class _Webhook(BaseModel):
    url: str = ""


class _WebhookInfo(_Answer):
    result: _Webhook = _Webhook()


class _Updates(_Answer):
    result: list[dict[str, Any]] = []

    @field_validator("result")
    @classmethod
    def _are_updates(cls, updates: list[Update]) -> list[Update]:
        if not all(type(update.get("update_id")) is int for update in updates):
            raise ValueError("an update has an id")
        return updates


class Polling:
    """Asks Telegram for one bot's updates. Neither its errors nor their causes hold the token."""

    def __init__(self, bot: Literal["customer", "restaurant"], token: str, api_url: str, allowed: list[str]) -> None:
        self._bot = bot
        self._api_url = api_url
        self._url = f"{api_url}/bot{token}"
        self._allowed = allowed

    async def run(self, intake: Intake) -> None:
        """Ask until cancelled. Raises `Refused` when Telegram refuses the token again and again.

        What can't be stored is asked for again, with whatever has come since: so Telegram keeps it, and whoever writes
        while the store is out of reach is told so.
        """
        backoff, outage, refusals = Backoff(), Backoff(LONGEST_OUTAGE_PAUSE), Refusals()
        offset = await intake.offset()
        before = -1, 0.0
        await intake.tell("")
        async with client(self._api_url, ClientTimeout(total=POLL + PATIENCE, connect=10)) as http:
            while not intake.closing:
                if intake.full:
                    await intake.pause(0.1)
                    continue
                began = time.monotonic()
                is_cut, before = offset == before[0] and began < before[1] + ASK_AGAIN, (offset, began)
                try:
                    batch = await self._ask(http, offset, intake)
                except TokenRefused as refused:
                    wait = refusals.wait_after(refused)
                    log.warning("%s; next try in %.1f s", refused, wait)
                    await intake.tell(str(refused))
                    await intake.pause(wait)
                    continue
                except NotNow as reason:
                    wait = backoff.next(reason.seconds)
                    log.warning("%s bot: %s; next try in %.1f s", self._bot, reason, wait)
                    await intake.tell(str(reason))
                    await intake.pause(wait)
                    continue
                backoff.reset()
                refusals.over()
                if batch:
                    if not await self._stored(intake, batch):
                        await intake.pause(max(outage.next(), ASK_AGAIN))
                        continue
                    outage.reset()
                    offset = offset_after(batch)
                if len(batch) < MOST and not is_cut:
                    # An empty answer was given when the poll was over, if it took as long.
                    is_over = not batch and time.monotonic() >= began + POLL
                    await intake.hear(began + POLL if is_over else began)
                await intake.tell("")

    async def _stored(self, intake: Intake, batch: list[Update]) -> bool:
        """Have a batch stored, and say whether it is: only then may Telegram forget it.

        An update that the store refuses is given up where it takes others, for then that update is the trouble.
        """
        try:
            await intake.take(batch, offset_after(batch))
            return True
        except RedisError as error:
            if self._is_outage(error):
                return False
        taken = 0
        for update in batch:
            try:
                await intake.take([update], offset_after([update]))
                taken += 1
            except RedisError as error:
                if self._is_outage(error):
                    return False
                log.error("%s bot: update %s is dropped: %s", self._bot, update["update_id"], trouble(error))  # noqa: TRY400
        return taken > 0

    def _is_outage(self, error: RedisError) -> bool:
        if is_outage(error):
            log.warning("%s bot: %s", self._bot, trouble(error))
        return is_outage(error)

    async def _ask(self, http: ClientSession, offset: int, intake: Intake) -> list[Update]:
        try:
            return await self.ask(http, offset)
        except WebhookIsSet:
            await self._take_away_webhook(http, intake)

    async def ask(self, http: ClientSession, offset: int) -> list[Update]:
        """Wait for updates from `offset` on, which acknowledges those before it. Raises `NotNow` and `TokenRefused`."""
        body = {"offset": offset, "timeout": POLL, "allowed_updates": self._allowed}
        answer = await self._call(http, "getUpdates", _Updates, **body)
        if answer.ok:
            return answer.result
        raise self._error("getUpdates", answer)

    async def _take_away_webhook(self, http: ClientSession, intake: Intake) -> NoReturn:
        """Take away the webhook that is in the way, if it was set from here. Raises `NotNow` in any case."""
        info = await self._call(http, "getWebhookInfo", _WebhookInfo)
        if not info.ok:
            raise self._error("getWebhookInfo", info)
        host = urlsplit(info.result.url).hostname  # the path may be a secret
        if info.result.url and info.result.url not in await intake.our_webhooks():
            says = f"its updates go to a webhook at {host} that was not set from here, so it can't be polled"
            raise NotNow(f"{says}: comanda webhook remove {self._bot}", WEBHOOK_PAUSE)
        done = await self._call(http, "deleteWebhook", _Done)
        if not done.ok:
            raise self._error("deleteWebhook", done)
        raise NotNow(f"its webhook at {host}, which was set from here, is taken away, for WEBHOOK_URL is not set")

    async def _call(self, http: ClientSession, method: str, kind: type[A], **body: Any) -> A:
        """What Telegram answers. Raises `NotNow` when it does not."""
        try:
            async with http.post(f"{self._url}/{method}", json=body, allow_redirects=False) as response:
                return kind.model_validate_json(await response.read())
        except UNANSWERED as error:
            raise NotNow(out_of_reach(error)) from None
        except ValidationError:
            raise NotNow("what answers in Telegram's place does not speak the Bot API") from None

    def _error(self, method: str, answer: _Answer) -> Exception:
        variable = f"{self._bot.upper()}_BOT_TOKEN"
        match answer.error_code:
            case 401:
                return TokenRefused(f"Telegram refuses the {self._bot} bot's token: check {variable}")
            case 404:
                return TokenRefused(f"Telegram knows no such bot: check {variable} and TELEGRAM_API_URL")
            case 409 if "webhook is active" in answer.description:
                return WebhookIsSet("a webhook is set for this bot, so it can't be polled", WEBHOOK_PAUSE)
            case 409:
                return NotNow("another process polls with the same token: stop it, or use another bot", RIVAL_PAUSE)
            case _:
                asked = answer.parameters.retry_after
                reason = f"{method}: {answer.error_code} {answer.description}"
                return NotNow(reason, None if asked is None else min(asked, LONGEST_PAUSE))
