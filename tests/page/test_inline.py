"""Inline mode by hand: `@bot words` in the field, what the bot offers, and what is sent via it."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.page.conftest import PATIENCE, Open
from tests.page.talk import TOKEN, chat, field, phone, say
from tests.people import Person, Telegram


def offers(page: Page) -> Locator:
    return phone(page).get_by_role("group", name="What @some_bot offers")


async def answer(telegram: Telegram, query: str, *titles: str, **more: Any) -> None:
    """Answer the inline query of those words, once the person has typed them all."""
    asked = await telegram.hears(TOKEN, "inline_query", lambda one: one["query"] == query)
    articles = [
        {"type": "article", "id": title, "title": title, "input_message_content": {"message_text": f"One {title}"}}
        for title in titles
    ]
    await telegram.call(TOKEN, "answerInlineQuery", inline_query_id=asked["id"], results=articles, **more)


async def test_what_is_chosen_is_sent_via_the_bot(telegram: Telegram, carla: Person, open_page: Open) -> None:
    await telegram.act("set_inline", bot=TOKEN, feedback=True)
    page = await open_page(telegram.url)
    await field(page).fill("@some_bot piz", timeout=PATIENCE)
    await answer(telegram, "piz", "Margherita", "Marinara")
    await offers(page).get_by_role("button", name="Marinara").click(timeout=PATIENCE)
    await expect(chat(page)).to_contain_text("One Marinara", timeout=PATIENCE)
    await expect(chat(page)).to_contain_text("via @some_bot")
    await expect(field(page)).to_have_value("")
    await expect(offers(page)).to_be_hidden()
    assert (await telegram.hears(TOKEN, "chosen_inline_result"))["result_id"] == "Marinara"


async def test_it_is_switched_on_where_it_is_missed(telegram: Telegram, carla: Person, open_page: Open) -> None:
    page = await open_page(telegram.url)
    await field(page).fill("@some_bot piz", timeout=PATIENCE)
    await offers(page).get_by_role("button", name="turn it on").click(timeout=PATIENCE)
    await answer(telegram, "piz", "Margherita")
    await expect(offers(page).get_by_role("button", name="Margherita")).to_be_visible(timeout=PATIENCE)


async def test_it_needs_no_mouse_and_escape_leaves_it(telegram: Telegram, carla: Person, open_page: Open) -> None:
    await telegram.act("set_inline", bot=TOKEN)
    page = await open_page(telegram.url)
    await field(page).fill("@some_bot piz", timeout=PATIENCE)
    await answer(telegram, "piz", "Margherita", "Marinara")
    await expect(offers(page)).to_be_visible(timeout=PATIENCE)
    await field(page).press("Escape")
    await expect(offers(page)).to_be_hidden()
    await field(page).press("z")
    await answer(telegram, "pizz", "Margherita", "Marinara")
    await expect(offers(page)).to_be_visible(timeout=PATIENCE)
    for _ in range(2):
        await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(chat(page)).to_contain_text("One Marinara", timeout=PATIENCE)
    await expect(field(page)).to_be_focused()


async def test_a_bot_that_offers_nothing_is_said_to(telegram: Telegram, carla: Person, open_page: Open) -> None:
    await telegram.act("set_inline", bot=TOKEN)
    page = await open_page(telegram.url)
    await field(page).fill("@some_bot xyz", timeout=PATIENCE)
    await answer(telegram, "xyz", button={"text": "Ask us", "start_parameter": "ask"})
    await offers(page).get_by_role("button", name="Ask us").click(timeout=PATIENCE)
    await expect(chat(page)).to_contain_text("/start ask", timeout=PATIENCE)
    await field(page).fill("@some_bot qqq")
    await answer(telegram, "qqq")
    await expect(offers(page)).to_contain_text("offers nothing", timeout=PATIENCE)


async def test_a_button_can_begin_it(telegram: Telegram, carla: Person, open_page: Open) -> None:
    await telegram.act("set_inline", bot=TOKEN)
    page = await open_page(telegram.url)
    keys = [[{"text": "Search", "switch_inline_query_current_chat": "piz"}]]
    await say(telegram, carla, "Hungry?", reply_markup={"inline_keyboard": keys})
    await chat(page).get_by_role("button", name="Search").click(timeout=PATIENCE)
    await expect(field(page)).to_have_value("@some_bot piz")
    await answer(telegram, "piz", "Margherita")
    await expect(offers(page)).to_contain_text("Margherita", timeout=PATIENCE)


async def test_the_words_themselves_can_be_sent_and_nothing_is_offered_any_more(
    telegram: Telegram, carla: Person, open_page: Open
) -> None:
    await telegram.act("set_inline", bot=TOKEN)
    page = await open_page(telegram.url)
    await field(page).fill("@some_bot piz", timeout=PATIENCE)
    await answer(telegram, "piz", "Margherita")
    await expect(offers(page)).to_be_visible(timeout=PATIENCE)
    await field(page).press("Enter")
    assert await telegram.hears(TOKEN, "message", lambda one: one["text"] == "@some_bot piz")
    await expect(offers(page)).to_be_hidden()
    await expect(field(page)).to_have_value("")
