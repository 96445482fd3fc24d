"""Messages of every kind on a phone, what can't be sent from it, and what comes into a chat that nobody looks at."""

from __future__ import annotations

import re
from importlib import resources

from playwright.async_api import expect

from bot.sandbox.server import Sandbox
from bot.sandbox.services import KINDS
from tests.page.conftest import PATIENCE, Open
from tests.page.talk import KEYS, TOKEN, chat, field, phone, say
from tests.people import Person, Telegram


class TestWhatCanNotBeSent:
    async def test_from_an_offline_phone_stays_in_the_field(
        self, telegram: Telegram, carla: Person, open_page: Open
    ) -> None:
        page = await open_page(telegram.url)
        await expect(chat(page)).to_contain_text("/start", timeout=PATIENCE)
        await telegram.act("offline", user=carla.id)
        await expect(phone(page).locator(".banner")).to_be_visible(timeout=PATIENCE)
        await field(page).fill("No onions")
        await field(page).press("Enter")
        await expect(phone(page).get_by_role("status")).to_contain_text("Carla’s phone is offline")
        await expect(field(page)).to_have_value("No onions")
        await telegram.act("offline", user=carla.id, offline=False)
        await expect(phone(page).locator(".banner")).to_be_hidden(timeout=PATIENCE)
        await field(page).press("Enter")
        await expect(chat(page)).to_contain_text("No onions", timeout=PATIENCE)
        await expect(field(page)).to_have_value("")

    async def test_while_the_sandbox_is_away_stays_in_the_field(self, open_page: Open) -> None:
        async with Sandbox().serve() as sandbox:
            telegram = Telegram(sandbox.url)
            await (await telegram.person("Carla", bot=TOKEN)).send("/start")
            page = await open_page(sandbox.url)
            await expect(chat(page)).to_contain_text("/start", timeout=PATIENCE)
            await telegram.close()
        await field(page).fill("Are you there?")
        await field(page).press("Enter")
        await expect(phone(page).get_by_role("status")).to_contain_text("does not answer", timeout=PATIENCE)
        await expect(field(page)).to_have_value("Are you there?")

    async def test_is_no_longer_than_telegram_takes(self, telegram: Telegram, carla: Person, open_page: Open) -> None:
        page = await open_page(telegram.url)
        await expect(field(page)).to_have_attribute("maxlength", "4096", timeout=PATIENCE)

    async def test_a_blocked_chat_has_unblock_in_place_of_the_field(
        self, telegram: Telegram, carla: Person, open_page: Open
    ) -> None:
        page = await open_page(telegram.url)
        await telegram.act("block", user=carla.id, bot=TOKEN)
        unblock = phone(page).get_by_role("button", name="Unblock")
        await expect(unblock).to_be_visible(timeout=PATIENCE)
        await expect(field(page)).to_be_hidden()
        await unblock.click()
        await expect(field(page)).to_be_visible(timeout=PATIENCE)


class TestButtons:
    async def test_one_that_does_nothing_here_says_so(self, telegram: Telegram, carla: Person, open_page: Open) -> None:
        page = await open_page(telegram.url)
        keys = [[{"text": "Go", "switch_inline_query": "x"}]]
        await say(telegram, carla, "Look", reply_markup={"inline_keyboard": keys})
        await chat(page).get_by_role("button", name="Go").click(timeout=PATIENCE)
        await expect(phone(page).get_by_role("status")).to_contain_text("own apps")
        await expect(page.locator(".waiting")).to_have_count(0)


class TestKinds:
    async def test_everything_that_a_bot_sends_shows_something(
        self, telegram: Telegram, carla: Person, open_page: Open
    ) -> None:
        page = await open_page(telegram.url)
        await telegram.call(TOKEN, "sendDice", chat_id=carla.id)
        await telegram.call(TOKEN, "sendPhoto", chat_id=carla.id, photo="https://x.example/pizza.png")
        await telegram.call(TOKEN, "sendDocument", chat_id=carla.id, document="https://x.example/menu.pdf")
        await expect(chat(page)).to_contain_text("menu.pdf", timeout=PATIENCE)
        await expect(chat(page)).to_contain_text(re.compile("🎲[1-6]"))
        picture = chat(page).get_by_role("img", name="A photo")
        await picture.scroll_into_view_if_needed()
        await expect(picture).to_have_js_property("complete", True)
        assert await picture.evaluate("picture => picture.naturalWidth") > 0

    async def test_a_currency_without_cents_has_none(self, telegram: Telegram, carla: Person, open_page: Open) -> None:
        page = await open_page(telegram.url)
        invoice = {"title": "Ramen", "description": "Shoyu", "payload": "1", "currency": "JPY", "provider_token": "x"}
        prices = [{"label": "Ramen", "amount": 950}]
        await telegram.call(TOKEN, "sendInvoice", chat_id=carla.id, prices=prices, **invoice)
        await expect(chat(page).get_by_role("button", name="Pay 950 JPY")).to_be_visible(timeout=PATIENCE)
        await expect(chat(page).locator(".card")).to_contain_text("950 JPY")

    async def test_only_what_has_no_buttons_is_marked_as_edited(
        self, telegram: Telegram, carla: Person, open_page: Open
    ) -> None:
        page = await open_page(telegram.url)
        for keys in ({}, {"reply_markup": KEYS}):
            number = await say(telegram, carla, "One moment")
            edit = {"chat_id": carla.id, "message_id": number, "text": "Ready", **keys}
            await telegram.call(TOKEN, "editMessageText", **edit)
        await expect(chat(page).get_by_role("button", name="Yes")).to_be_visible(timeout=PATIENCE)
        await expect(chat(page).locator(".meta", has_text="edited")).to_have_count(1)

    async def test_the_hours_are_those_of_a_24_hour_clock(
        self, telegram: Telegram, carla: Person, open_page: Open
    ) -> None:
        page = await open_page(telegram.url)
        await expect(chat(page).locator(".meta").first).to_have_text(re.compile(r"^[0-2]\d:\d\d"), timeout=PATIENCE)
        await telegram.act("note", thread="Order #1", title="order_placed", at=1_800_000_000.0)
        midnight = "() => new Date(2026, 0, 1, 0, 0, 5).getTime() / 1000"
        await telegram.act("note", thread="Order #1", title="order_ready", at=await page.evaluate(midnight))
        await expect(page.locator("#threads")).to_contain_text("00:00:05.000", timeout=PATIENCE)


class TestGroups:
    async def test_a_message_that_nobody_looks_at_is_offered_on_the_phone_of_whoever_gets_it(
        self, telegram: Telegram, carla: Person, open_page: Open
    ) -> None:
        anna, _ = await telegram.group("Kitchen", "Anna", "Ben")
        bar = await telegram.act("group", title="Bar", members=[anna.id], bots=[TOKEN])
        page = await open_page(telegram.url)
        right = phone(page, "right")
        await expect(right.locator(".names")).to_contain_text("Kitchen", timeout=PATIENCE)
        await telegram.call(TOKEN, "sendMessage", chat_id=bar["id"], text="One ramen")
        await right.get_by_role("status").get_by_role("button", name="New in Bar").click(timeout=PATIENCE)
        await expect(chat(page, "right")).to_contain_text("One ramen", timeout=PATIENCE)
        await expect(right.locator(".holder")).to_have_text("Anna’s phone")

    async def test_a_customer_s_phone_shows_one_only_until_there_is_a_customer(
        self, telegram: Telegram, open_page: Open
    ) -> None:
        await telegram.group("Kitchen", "Anna", "Ben")
        page = await open_page(telegram.url)
        await expect(phone(page).locator(".holder")).to_have_text("Anna’s phone", timeout=PATIENCE)
        await (await telegram.person("Carla", bot=TOKEN)).send("/start")
        await expect(phone(page).locator(".holder")).to_have_text("Carla’s phone", timeout=PATIENCE)
        await expect(chat(page)).to_contain_text("/start")

    async def test_who_comes_and_goes_by_themselves_was_not_added_or_removed(
        self, telegram: Telegram, carla: Person, open_page: Open
    ) -> None:
        anna, _ = await telegram.group("Kitchen", "Anna", "Ben")
        page = await open_page(telegram.url)
        for verb in ("join", "leave"):
            await telegram.act(verb, chat=anna.place["chat"], user=carla.id)
        await expect(chat(page, "right")).to_contain_text("Carla joined the group", timeout=PATIENCE)
        await expect(chat(page, "right")).to_contain_text("Carla left the group")

    async def test_a_group_that_becomes_a_supergroup_keeps_its_history(
        self, telegram: Telegram, carla: Person, open_page: Open
    ) -> None:
        anna, _ = await telegram.group("Kitchen", "Anna", "Ben")
        page = await open_page(telegram.url)
        await anna.send("Who has the basil?")
        await expect(chat(page, "right")).to_contain_text("basil", timeout=PATIENCE)
        new = await telegram.act("migrate", chat=anna.place["chat"])
        await expect(chat(page, "right")).to_contain_text("became a supergroup", timeout=PATIENCE)
        await telegram.act("send", user=anna.id, chat=new["id"], text="Found it")
        await expect(chat(page, "right")).to_contain_text("Found it", timeout=PATIENCE)
        await expect(chat(page, "right")).to_contain_text("basil")
        await page.reload()
        await expect(chat(page, "right")).to_contain_text("basil", timeout=PATIENCE)


def test_every_service_message_has_words_on_the_page() -> None:
    told = (
        (resources.files("bot.sandbox") / "page" / "services.js")
        .read_text(encoding="utf-8")
        .partition("const TOLD = {")[2]
    )
    assert set(re.findall(r"^  (\w+):", told, re.MULTILINE)) == KINDS
