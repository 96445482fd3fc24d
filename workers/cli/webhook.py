"""`comanda webhook`: what keeps a bot from being polled is taken away without anybody handling its token."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

import click
from aiohttp import ClientSession, ClientTimeout
from pydantic import BaseModel, ValidationError

from flows.http import UNANSWERED, client, out_of_reach
from flows.proxy import BadProxy
from flows.settings import BOTS, BadSettings, Bot, Settings, read_settings
from workers.cli.data import as_json

PATIENCE = ClientTimeout(total=15)  # seconds for an answer


class _Webhook(BaseModel):
    url: str = ""
    pending_update_count: int = 0


class _Answer(BaseModel):
    """The Bot API's envelope around a webhook, or around a plain yes."""

    ok: bool
    error_code: int = 0
    description: str = ""
    result: _Webhook | bool = False


@dataclass(frozen=True)
class Removed:
    """The host of the webhook that a bot had, None for none, and how many updates waited for it at Telegram."""

    bot: Bot
    host: str | None
    waiting: int


@click.group()
def webhook() -> None:
    """Look after the bots' webhooks."""


@webhook.command()
@click.argument("bots", nargs=-1, type=click.Choice(BOTS))
@as_json
def remove(bots: tuple[Bot, ...], as_json: bool) -> None:
    """Take away the webhook of the bots named (customer, restaurant), or of both, so that they can be polled.

    A webhook that Comanda has set itself needs no such command: without WEBHOOK_URL the bots take it away. This one is
    for what another program has set. Updates that wait stay at Telegram and are polled.
    """
    try:
        settings = read_settings()
        if settings.webhook_url is not None:
            raise BadSettings("WEBHOOK_URL is set, so the bots would set their webhooks again: unset it first")
        found = asyncio.run(_remove(settings, bots or BOTS))
    except (BadSettings, BadProxy) as error:
        raise click.ClickException(str(error)) from None
    except UNANSWERED as error:
        raise click.ClickException(out_of_reach(error)) from None
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found]))
        return
    for one in found:
        taken = f"its webhook at {one.host} is taken away; {one.waiting} updates wait at Telegram"
        click.echo(f"{one.bot} bot: {taken if one.host else 'it has no webhook'}.")


async def _remove(settings: Settings, bots: Sequence[Bot]) -> list[Removed]:
    """Raises `BadSettings`, `BadProxy`, and `UNANSWERED`."""
    settings.tokens()
    async with client(settings.telegram_api_url, PATIENCE) as http:
        return [await _remove_one(http, settings, bot) for bot in bots]


async def _remove_one(http: ClientSession, settings: Settings, bot: Bot) -> Removed:
    found = (await _call(http, settings, bot, "getWebhookInfo")).result
    if not isinstance(found, _Webhook) or not found.url:
        return Removed(bot, None, 0)
    await _call(http, settings, bot, "deleteWebhook")
    return Removed(bot, urlsplit(found.url).hostname or "?", found.pending_update_count)  # its path may be a secret


async def _call(http: ClientSession, settings: Settings, bot: Bot, method: str) -> _Answer:
    """What Telegram answers. Raises `BadSettings` where it refuses."""
    url = f"{settings.telegram_api_url}/bot{settings.token(bot)}/{method}"
    async with http.post(url, json={}, allow_redirects=False) as response:
        try:
            answer = _Answer.model_validate_json(await response.read())
        except ValidationError:
            raise BadSettings(
                "what answers in Telegram's place does not speak the Bot API: check TELEGRAM_API_URL"
            ) from None
    if answer.ok:
        return answer
    if answer.error_code in (401, 404):
        raise BadSettings(f"Telegram refuses the {bot} bot's token: check {bot.upper()}_BOT_TOKEN and TELEGRAM_API_URL")
    raise BadSettings(f"{method}: Telegram answers {answer.error_code} {answer.description}; try again in a while")
