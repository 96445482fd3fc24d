"""`comanda webhook remove`: bots that are to be polled are freed of another program's webhook, without their tokens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from click.testing import CliRunner, Result

from bot.sandbox.server import Sandbox
from tests.people import Telegram
from workers.cli import main

CUSTOMER, RESTAURANT = "7001:customer-token", "7002:restaurant-token"
HOOK = "https://hooks.example.com/a-secret-path"


@pytest.fixture
async def telegram(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Telegram]:
    """The Telegram that the command finds, with a webhook of another program for the customers' bot."""
    async with Sandbox().serve() as sandbox:
        monkeypatch.setenv("TELEGRAM_API_URL", sandbox.url)
        monkeypatch.setenv("CUSTOMER_BOT_TOKEN", CUSTOMER)
        monkeypatch.setenv("RESTAURANT_BOT_TOKEN", RESTAURANT)
        client = Telegram(sandbox.url)
        for token in (CUSTOMER, RESTAURANT):
            await client.act("bot", token=token)
        await client.call(CUSTOMER, "setWebhook", url=HOOK)
        yield client
        await client.close()


async def comanda(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, main, ["webhook", "remove", *arguments])


async def hook(telegram: Telegram) -> str:
    return str((await telegram.call(CUSTOMER, "getWebhookInfo"))["url"])


async def test_both_bots_are_freed_and_what_they_had_is_told_without_its_path(telegram: Telegram) -> None:
    done = await comanda()

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "customer bot: its webhook at hooks.example.com is taken away; 0 updates wait at Telegram.",
        "restaurant bot: it has no webhook.",
    ]
    assert await hook(telegram) == ""


async def test_scripts_get_json_and_only_the_bot_that_was_named_is_touched(telegram: Telegram) -> None:
    other = json.loads((await comanda("restaurant", "--json")).stdout)
    assert await hook(telegram) == HOOK
    found = json.loads((await comanda("customer", "--json")).stdout)

    assert other == [{"bot": "restaurant", "host": None, "waiting": 0}]
    assert found == [{"bot": "customer", "host": "hooks.example.com", "waiting": 0}]


async def test_with_webhook_url_it_is_refused_for_the_bots_would_set_theirs_again(
    telegram: Telegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBHOOK_URL", "https://orders.example.com")

    done = await comanda()

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(
        "Error: WEBHOOK_URL is set, so the bots would set their webhooks again: unset it first"
    )
    assert await hook(telegram) == HOOK


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        (
            "CUSTOMER_BOT_TOKEN",
            "7001:another-secret",
            "Telegram refuses the customer bot's token: check",
        ),
        ("TELEGRAM_API_URL", "http://127.0.0.1:9", "Telegram is out of reach"),
        ("RESTAURANT_BOT_TOKEN", "", "RESTAURANT_BOT_TOKEN is not set"),
    ],
)
async def test_what_is_in_the_way_is_one_line_without_the_token(
    telegram: Telegram, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, says: str
) -> None:
    monkeypatch.setenv(setting, value)

    done = await comanda()

    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: {says}")
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr
    assert "customer-token" not in done.stderr
    assert await hook(telegram) == HOOK
