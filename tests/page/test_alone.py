"""The page of `comanda sandbox`: nobody has made anything up, and a bot begins to ask for updates."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import expect

from bot.sandbox.server import Sandbox
from tests.page.conftest import PATIENCE, Open
from tests.page.talk import TOKEN, chat
from tests.people import Telegram

OTHER = "7002:other-bot"


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Sandbox(somebody=True).serve() as sandbox:
        control = Telegram(sandbox.url)
        yield control
        await control.close()


async def test_the_first_request_of_a_bot_brings_a_phone_with_start_to_press(
    telegram: Telegram, open_page: Open
) -> None:
    page = await open_page(telegram.url)
    await expect(chat(page)).to_contain_text("Nobody is here yet", timeout=PATIENCE)
    await expect(page.locator("[data-side=left] .holder")).to_be_hidden()
    await telegram.call(TOKEN, "getMe")
    await chat(page).get_by_role("button", name="START").click()
    await expect(chat(page)).to_contain_text("/start", timeout=PATIENCE)
    assert (await telegram.hears(TOKEN, "message"))["text"] == "/start"


async def test_a_new_customer_chooses_among_the_bots(telegram: Telegram, open_page: Open) -> None:
    await telegram.call(TOKEN, "getMe")
    await telegram.call(OTHER, "getMe")
    page = await open_page(telegram.url)
    left = page.locator("[data-side=left]")
    await left.get_by_role("button", name="Chats").click()
    await left.get_by_role("button", name="New customer").click()
    await page.get_by_role("dialog").get_by_role("button", name="Bot 7002").click()
    await expect(left.locator(".holder")).to_have_text("Dino’s phone", timeout=PATIENCE)
    assert (await telegram.hears(OTHER, "message"))["from"]["first_name"] == "Dino"


async def test_the_list_of_chats_offers_each_person_the_bots_without_a_chat(
    telegram: Telegram, open_page: Open
) -> None:
    await telegram.call(TOKEN, "getMe")
    page = await open_page(telegram.url)
    left = page.locator("[data-side=left]")
    await left.get_by_role("button", name="Chats").click()
    await telegram.call(OTHER, "getMe")
    await left.get_by_role("button", name="Let Carla start Bot 7002").click()
    await expect(left.locator(".names")).to_contain_text("Bot 7002", timeout=PATIENCE)
    await expect(chat(page)).to_contain_text("/start")
    await left.get_by_role("button", name="Chats").click()
    await expect(left.get_by_role("button", name="Let Carla start Bot 7002")).to_have_count(0)
