"""What the page says of itself, whose times it shows, and that there is a chat on every screen."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, expect

from tests.page.conftest import PATIENCE, Open
from tests.page.talk import TOKEN, chat, field, phone, say
from tests.people import Person, Telegram

ON_ITS_SIDE = [(667, 375), (844, 390), (932, 430), (740, 360)]


async def test_the_page_says_what_it_is_and_what_to_do_first_until_that_is_read(
    telegram: Telegram, carla: Person, open_page: Open
) -> None:
    page = await open_page(telegram.url)
    await expect(page).to_have_title(re.compile("chat with your bots on this machine"))
    intro = page.locator("#intro")
    await expect(intro).to_contain_text("Begin on the left: press START or a button")
    await intro.get_by_role("button", name="Got it").click()
    await expect(intro).to_be_hidden()
    await page.reload()
    await expect(chat(page)).to_contain_text("/start", timeout=PATIENCE)
    await expect(intro).to_be_hidden()
    await page.get_by_role("button", name="What this page is").click()
    await expect(intro).to_be_visible()


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("Asia/Kolkata", r"Times in Asia/(Kolkata|Calcutta) \(UTC\+05:30\)"),
        ("America/Sao_Paulo", r"Times in America/Sao Paulo \(UTC-03:00\)"),
        ("UTC", "Times in UTC"),
    ],
)
async def test_it_says_whose_times_it_shows(
    telegram: Telegram, carla: Person, browser: Browser, zone: str, words: str
) -> None:
    page = await browser.new_page(timezone_id=zone)
    await page.goto(telegram.url)
    await expect(page.locator("#zone")).to_have_text(re.compile(f"^{words}$"), timeout=PATIENCE)


@pytest.mark.parametrize("size", ON_ITS_SIDE, ids=str)
async def test_on_a_phone_on_its_side_there_is_a_chat_that_can_be_used(
    telegram: Telegram, carla: Person, open_page: Open, size: tuple[int, int]
) -> None:
    page = await open_page(telegram.url, size)
    await expect(chat(page)).to_contain_text("/start", timeout=PATIENCE)
    await field(page).fill("Two pizzas")
    await field(page).press("Enter")
    await say(telegram, carla, "With pleasure", reply_markup={"inline_keyboard": [[{"text": "Thanks", "url": "t.me"}]]})
    await expect(chat(page).get_by_role("button", name="Thanks")).to_be_in_viewport(timeout=PATIENCE)
    assert (await telegram.hears(TOKEN, "message", lambda one: one["text"] == "Two pizzas"))["from"]["id"] == carla.id
    box = await chat(page).bounding_box()
    assert box is not None
    assert box["width"] > 0.8 * size[0], "one panel at a time"
    assert box["height"] > 0.45 * size[1], "most of the height is the chat's"
    assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight"), "nothing is out of sight"
    await page.locator("[data-tab=behind]").click()
    await expect(page.locator("#switches")).to_be_visible()
    await expect(phone(page)).to_be_hidden()
    await page.locator("[data-tab=left]").click()
    await expect(field(page)).to_be_in_viewport()


@pytest.mark.parametrize(
    "words", ["ok", "a question of about that length?", "one line and then a few words on the next one"]
)
async def test_time_and_menu_of_a_message_stand_side_by_side(
    telegram: Telegram, carla: Person, open_page: Open, words: str
) -> None:
    page = await open_page(telegram.url, (390, 844))
    await say(telegram, carla, words)
    bubble = chat(page).locator(".bubble", has_text=words)
    menu = await bubble.locator(".more-of-it").bounding_box(timeout=PATIENCE)
    time = await bubble.locator(".meta").bounding_box()
    assert menu is not None
    assert time is not None
    assert menu["x"] + menu["width"] <= time["x"] + 1
    assert menu["y"] <= time["y"] <= time["y"] + time["height"] <= menu["y"] + menu["height"]


@pytest.mark.parametrize("size", ON_ITS_SIDE, ids=str)
async def test_on_a_phone_on_its_side_a_dialog_shows_all_its_fields_and_buttons(
    telegram: Telegram, carla: Person, open_page: Open, size: tuple[int, int]
) -> None:
    page = await open_page(telegram.url, size)
    await phone(page).get_by_role("button", name="Attach").click(timeout=PATIENCE)
    await phone(page).get_by_role("button", name="📍 Place").click()
    dialog = phone(page).get_by_role("dialog")
    await expect(dialog.get_by_label("Latitude")).to_be_in_viewport(ratio=1, timeout=PATIENCE)
    await expect(dialog.get_by_role("button", name="Send")).to_be_in_viewport(ratio=1)
