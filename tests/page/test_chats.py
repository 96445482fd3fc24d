"""The page on a sandbox alone, as somebody uses it who develops another bot."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.page.conftest import PATIENCE, Open
from tests.page.talk import KEYS, TOKEN, chat, say
from tests.people import Person, Telegram

PHONE, ON_ITS_SIDE = (390, 800), (844, 390)


async def faults(page: Page) -> list[str]:
    """The accessibility faults that axe calls serious or critical."""
    found = await Axe().run(page)
    return [
        f"{one['id']}: {one['nodes'][0]['html']}"
        for one in found.response["violations"]
        if one["impact"] in ("serious", "critical")
    ]


async def test_a_message_is_shown_at_once_and_edited_in_place(
    telegram: Telegram, carla: Person, open_page: Open
) -> None:
    page = await open_page(telegram.url)
    await expect(chat(page)).to_contain_text("/start", timeout=PATIENCE)
    number = await say(telegram, carla, "One <b>moment</b>", parse_mode="HTML")
    await expect(chat(page).locator("b", has_text="moment")).to_be_visible(timeout=PATIENCE)
    await telegram.call(TOKEN, "editMessageText", chat_id=carla.id, message_id=number, text="Ready", reply_markup=KEYS)
    await expect(chat(page).locator(".message")).to_have_count(2)
    await expect(chat(page)).to_contain_text("Ready")
    await expect(chat(page)).not_to_contain_text("moment")
    await telegram.call(TOKEN, "deleteMessage", chat_id=carla.id, message_id=number)
    await expect(chat(page).locator(".message")).to_have_count(1)


async def test_an_edit_further_up_leaves_the_focus_where_it_is(
    telegram: Telegram, carla: Person, open_page: Open
) -> None:
    page = await open_page(telegram.url)
    earlier = await say(telegram, carla, "Earlier")
    await say(telegram, carla, "Really?", reply_markup=KEYS)
    yes = chat(page).get_by_role("button", name="Yes")
    await yes.focus()
    await telegram.call(TOKEN, "editMessageText", chat_id=carla.id, message_id=earlier, text="Edited")
    await expect(chat(page)).to_contain_text("Edited", timeout=PATIENCE)
    await expect(yes).to_be_focused()


async def test_a_tap_reaches_the_bot_and_its_answer_the_person(
    telegram: Telegram, carla: Person, open_page: Open
) -> None:
    page = await open_page(telegram.url)
    await say(telegram, carla, "Really?", reply_markup=KEYS)
    await chat(page).get_by_role("button", name="Yes").click()
    query = await telegram.hears(TOKEN, "callback_query")
    assert query["data"] == "yes"
    await telegram.call(TOKEN, "answerCallbackQuery", callback_query_id=query["id"], text="Thanks", show_alert=True)
    await expect(page.get_by_role("dialog")).to_contain_text("Thanks", timeout=PATIENCE)


async def test_everything_works_by_keyboard(telegram: Telegram, carla: Person, open_page: Open) -> None:
    page = await open_page(telegram.url)
    await say(telegram, carla, "Really?", reply_markup=KEYS)
    await expect(chat(page)).to_contain_text("Really?", timeout=PATIENCE)
    await page.locator("[data-side=left] .write input").focus()
    await page.keyboard.type("hello")
    await page.keyboard.press("Enter")
    await expect(chat(page)).to_contain_text("hello")
    await chat(page).focus()
    for _ in range(2):  # past the command in the first message
        await page.keyboard.press("Tab")
    await expect(chat(page).get_by_role("button", name="Yes")).to_be_focused()
    await page.keyboard.press("Enter")
    assert (await telegram.hears(TOKEN, "callback_query"))["data"] == "yes"


async def test_script_in_names_and_messages_does_not_run(telegram: Telegram, open_page: Open) -> None:
    evil = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>"
    person = await telegram.person(evil, bot=TOKEN)
    await person.send(evil)
    await say(telegram, person, evil, reply_markup={"inline_keyboard": [[{"text": evil, "callback_data": "x"}]]})
    await telegram.act("note", thread=evil, title=evil, at=1.0, details={"note": evil})
    page = await open_page(telegram.url)
    await expect(chat(page).locator(".message")).to_have_count(2, timeout=PATIENCE)
    await page.get_by_role("link", name="as it is").click()
    await expect(page.get_by_role("dialog")).to_contain_text("onerror")
    assert (await page.title()).startswith("Telegram sandbox")
    assert await page.locator(".chat img, .chat script").count() == 0


async def test_a_link_to_a_bot_of_this_sandbox_opens_here(telegram: Telegram, carla: Person, open_page: Open) -> None:
    page = await open_page(telegram.url)
    await say(telegram, carla, "https://t.me/some_bot?start=nonna")
    await chat(page).get_by_role("link").click()
    await expect(chat(page)).to_contain_text("/start nonna", timeout=PATIENCE)
    assert len(page.context.pages) == 1


async def test_a_reply_keyboard_stands_below_until_it_is_removed(
    telegram: Telegram, carla: Person, open_page: Open
) -> None:
    page = await open_page(telegram.url)
    keys = page.locator("[data-side=left] .reply-keys button")
    await say(telegram, carla, "Where?", reply_markup={"keyboard": [[{"text": "Here"}, {"text": "There"}]]})
    await expect(keys).to_have_count(2, timeout=PATIENCE)
    await keys.first.click()
    await expect(chat(page)).to_contain_text("Here")
    await say(telegram, carla, "Thanks", reply_markup={"remove_keyboard": True})
    await expect(keys).to_have_count(0)


async def test_the_menu_lists_the_commands_and_sends_them(telegram: Telegram, carla: Person, open_page: Open) -> None:
    commands = [{"command": "orders", "description": "Past orders"}, {"command": "help", "description": "Help"}]
    await telegram.call(TOKEN, "setMyCommands", commands=commands)
    page = await open_page(telegram.url)
    await page.locator("[data-side=left]").get_by_role("button", name="Commands").click(timeout=PATIENCE)
    await page.locator("[data-side=left] .menu button", has_text="Past orders").click()
    await expect(chat(page)).to_contain_text("/orders")


async def test_an_offline_phone_stands_still_until_it_is_back(
    telegram: Telegram, carla: Person, open_page: Open
) -> None:
    page = await open_page(telegram.url)
    switch = page.get_by_role("switch", name=re.compile("Carla’s phone is offline"))
    await switch.click(timeout=PATIENCE)
    await expect(page.locator("[data-side=left] .banner")).to_be_visible()
    await say(telegram, carla, "Are you there?")
    await page.reload()
    await expect(page.locator("[data-side=left] .banner")).to_be_visible(timeout=PATIENCE)
    await expect(chat(page)).to_contain_text("/start")
    await expect(chat(page)).not_to_contain_text("Are you there?")
    await switch.click()
    await expect(chat(page)).to_contain_text("Are you there?")


async def test_an_invoice_is_paid_and_everything_else_is_shown(
    telegram: Telegram, carla: Person, open_page: Open
) -> None:
    page = await open_page(telegram.url)
    invoice = {"title": "Pizza", "description": "Margherita", "payload": "order-1", "currency": "EUR"}
    prices = [{"label": "Pizza", "amount": 950}]
    await telegram.call(TOKEN, "sendInvoice", chat_id=carla.id, provider_token="x", prices=prices, **invoice)
    await telegram.call(
        TOKEN, "sendVenue", chat_id=carla.id, latitude=45.07, longitude=7.68, title="Nonna", address="Via Roma 1"
    )
    await expect(chat(page)).to_contain_text("Via Roma 1", timeout=PATIENCE)
    await chat(page).get_by_role("button", name="Pay 9.50 EUR").click()
    query = await telegram.hears(TOKEN, "pre_checkout_query")
    assert (query["invoice_payload"], query["total_amount"]) == ("order-1", 950)
    await telegram.call(TOKEN, "answerPreCheckoutQuery", pre_checkout_query_id=query["id"], ok=True)
    await expect(chat(page)).to_contain_text("Carla paid 9.50 EUR")


async def test_the_log_shows_the_requests_of_any_bot(telegram: Telegram, carla: Person, open_page: Open) -> None:
    """There are no events of a product to show, so the log is open by itself, until somebody closes it."""
    page = await open_page(telegram.url)
    await say(telegram, carla, "hi")
    await expect(page.locator("#calls")).to_contain_text("sendMessage", timeout=PATIENCE)
    await page.get_by_role("button", name="API log").click()
    await expect(page.locator("#calls")).to_be_hidden()


async def test_what_nobody_has_seen_is_counted_until_somebody_looks(
    telegram: Telegram, carla: Person, open_page: Open
) -> None:
    dino = await telegram.person("Dino", bot=TOKEN)
    await dino.send("/start")
    page = await open_page(telegram.url)
    phone = page.locator("[data-side=left]")
    await expect(chat(page)).to_contain_text("/start", timeout=PATIENCE)
    for number in range(2):
        await say(telegram, dino, f"Dino, number {number}")
    await phone.get_by_role("button", name="Chats").click()
    row = phone.locator(".chats section", has_text="Dino").get_by_role("button")
    await expect(row).to_contain_text("Dino, number 1")
    await expect(row.get_by_role("img", name="2 unread")).to_be_visible()
    await row.click()
    await expect(chat(page)).to_contain_text("Dino, number 0")
    await phone.get_by_role("button", name="Chats").click()
    await expect(row).to_be_visible()
    await expect(row.get_by_role("img")).to_have_count(0)


async def test_what_was_typed_is_still_there_after_a_look_at_another_chat_and_a_reload(
    telegram: Telegram, carla: Person, open_page: Open
) -> None:
    dino = await telegram.person("Dino", bot=TOKEN)
    await dino.send("/start")
    page = await open_page(telegram.url)
    phone = page.locator("[data-side=left]")
    field = phone.locator(".write input")
    await field.fill("No onions, pl", timeout=PATIENCE)
    await say(telegram, carla, "Anything else?")
    await expect(chat(page)).to_contain_text("Anything else?")
    await expect(field).to_have_value("No onions, pl")
    for name, text in (("Dino", ""), ("Carla", "No onions, pl")):
        await phone.get_by_role("button", name="Chats").click()
        await phone.locator(".chats section", has_text=name).get_by_role("button").click()
        await expect(field).to_have_value(text)
    await page.reload()
    await expect(field).to_have_value("No onions, pl", timeout=PATIENCE)


async def test_a_new_customer_and_a_new_group_are_two_taps_away(
    telegram: Telegram, carla: Person, open_page: Open
) -> None:
    page = await open_page(telegram.url)
    left, right = page.locator("[data-side=left]"), page.locator("[data-side=right]")
    await expect(chat(page)).to_contain_text("/start", timeout=PATIENCE)
    await left.get_by_role("button", name="Chats").click()
    await left.get_by_role("button", name="New customer").click()
    await expect(left.locator(".holder")).to_have_text("Dino’s phone")
    await expect(chat(page)).to_contain_text("/start")
    await right.get_by_role("button", name="Chats").click()
    await right.get_by_role("button", name="New group").click()
    await expect(right.locator(".names")).to_contain_text("3 members")


async def test_the_switch_for_429_leaves_other_faults_alone(telegram: Telegram, carla: Person, open_page: Open) -> None:
    await telegram.act("fault", kind="500", method="sendPhoto")
    page = await open_page(telegram.url)
    slow = page.get_by_role("switch", name=re.compile("Telegram answers 429"))
    await slow.click(timeout=PATIENCE)
    await expect(slow).to_be_checked()
    await expect(page.locator("#switches")).to_contain_text("500 for sendPhoto")
    await slow.click()
    await expect(slow).not_to_be_checked()
    [left] = (await telegram.look("faults"))["faults"]
    assert left["kind"] == "500"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(
    "size", [(1280, 800), (1024, 768), PHONE, ON_ITS_SIDE], ids=["wide", "narrow", "phone", "on its side"]
)
async def test_no_serious_fault_of_accessibility(
    telegram: Telegram, carla: Person, open_page: Open, dark: bool, size: tuple[int, int]
) -> None:
    await telegram.group("Staff", "Anna", "Ben")
    await telegram.act("note", thread="Order #1", title="order_placed", at=1.0, details={"total": 950})
    await telegram.act("gauges", values={"queued": 1, "in flight": 0})
    deed, toggle = ({"name": name, "label": name, "toggle": name == "down"} for name in ("kill", "down"))
    await telegram.act("offer", actions=[deed, toggle])
    await telegram.act("fault", kind="429", method="getMe", times=None)
    await telegram.act("bot", token="7002:other-bot")
    await say(
        telegram,
        carla,
        "<b>Really?</b> https://example.org /help <tg-spoiler>no</tg-spoiler>",
        parse_mode="HTML",
        reply_markup=KEYS,
    )
    page = await open_page(telegram.url, size, dark)
    await expect(chat(page)).to_contain_text("Really?", timeout=PATIENCE)
    assert await faults(page) == []
    await page.locator("[data-side=left]").get_by_role("button", name="Chats").click()
    await expect(page.locator("[data-side=left] .chats")).to_contain_text("Some bot")
    await expect(page.get_by_role("button", name="Let Carla start Bot 7002")).to_be_visible()
    assert await faults(page) == []
    await page.get_by_role("button", name="Chats").first.click()
    await page.locator("[data-side=left]").get_by_role("button", name="Attach").click()
    assert await faults(page) == []
    await page.locator("[data-side=left]").get_by_role("button", name="Live place").click()
    await expect(page.get_by_role("dialog")).to_contain_text("movement")
    assert await faults(page) == []
    await page.get_by_role("dialog").get_by_role("button", name="Share").click()
    await telegram.act("send_file", user=carla.id, bot=TOKEN, kind="voice")
    await expect(chat(page).locator("audio")).to_be_visible(timeout=PATIENCE)
    assert await faults(page) == []
    await telegram.act("block", user=carla.id, bot=TOKEN)
    await expect(page.get_by_role("button", name="Unblock")).to_be_visible(timeout=PATIENCE)
    assert await faults(page) == []
    if size in (PHONE, ON_ITS_SIDE):
        await page.locator("[data-tab=behind]").click()
        await expect(page.locator("#threads")).to_contain_text("Order placed")
        assert await faults(page) == []
