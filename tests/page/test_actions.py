"""What people do with messages that are there: reply, edit, forward, react, delete."""

from __future__ import annotations

from playwright.async_api import Locator, Page, expect

from tests.page.conftest import PATIENCE, Open
from tests.page.talk import TOKEN, chat, field, phone, say
from tests.people import Person, Telegram

OTHER = "7002:other-bot"


def message(page: Page, text: str) -> Locator:
    return chat(page).locator(".message", has_text=text)


async def act(page: Page, text: str, what: str) -> None:
    """Choose what to do with the message of that text."""
    await message(page, text).get_by_role("button", name="What to do").click(timeout=PATIENCE)
    await phone(page).get_by_role("dialog").get_by_role("button", name=what).click()


async def test_an_edit_takes_the_place_of_the_text(telegram: Telegram, carla: Person, open_page: Open) -> None:
    page = await open_page(telegram.url)
    await carla.send("Two pizas")
    await field(page).fill("a draft", timeout=PATIENCE)
    await act(page, "Two pizas", "Edit")
    await expect(field(page)).to_have_value("Two pizas")
    await field(page).fill("Two pizzas")
    await field(page).press("Enter")
    assert (await telegram.hears(TOKEN, "edited_message"))["text"] == "Two pizzas"
    await expect(message(page, "Two pizzas").locator(".meta")).to_contain_text("edited", timeout=PATIENCE)
    await expect(field(page)).to_have_value("a draft")


async def test_an_edit_that_is_given_up_leaves_the_message_as_it_was(
    telegram: Telegram, carla: Person, open_page: Open
) -> None:
    page = await open_page(telegram.url)
    await carla.send("Two pizzas")
    await act(page, "Two pizzas", "Edit")
    await field(page).fill("Three")
    await phone(page).get_by_role("button", name="Not any more").click()
    await expect(field(page)).to_have_value("")
    await field(page).fill("Thanks")
    await field(page).press("Enter")
    assert (await telegram.hears(TOKEN, "message", lambda one: one["text"] == "Thanks"))["from"]["id"] == carla.id
    await expect(message(page, "Two pizzas")).to_have_count(1)


async def test_a_reply_quotes_and_only_the_next_message_is_one(
    telegram: Telegram, carla: Person, open_page: Open
) -> None:
    page = await open_page(telegram.url)
    await say(telegram, carla, "When shall it be ready?")
    await act(page, "When shall", "Reply")
    for text in ("At eight", "Please"):
        await field(page).fill(text)
        await field(page).press("Enter")
        await expect(field(page)).to_have_value("", timeout=PATIENCE)
    first = await telegram.hears(TOKEN, "message", lambda one: one["text"] == "At eight")
    assert first["reply_to_message"]["text"] == "When shall it be ready?"
    assert "reply_to_message" not in await telegram.hears(TOKEN, "message", lambda one: one["text"] == "Please")
    await expect(chat(page).locator(".quote")).to_have_count(1)


async def test_a_forward_says_whose_it_was(telegram: Telegram, carla: Person, open_page: Open) -> None:
    await telegram.act("bot", token=OTHER, name="Other bot")
    await telegram.act("start", user=carla.id, bot=OTHER)
    page = await open_page(telegram.url)
    await say(telegram, carla, "Code 4821")
    await phone(page).get_by_role("button", name="Chats").click(timeout=PATIENCE)
    await phone(page).locator(".chats button", has_text="Some bot").first.click()
    await act(page, "Code 4821", "Forward")
    await phone(page).get_by_role("dialog").get_by_role("button", name="Other bot").click()
    origin = (await telegram.hears(OTHER, "message", lambda one: one["text"] == "Code 4821"))["forward_origin"]
    assert origin["sender_user"]["username"] == "some_bot"
    await phone(page).get_by_role("button", name="New in Other bot").click(timeout=PATIENCE)
    await expect(chat(page)).to_contain_text("Forwarded from Some bot", timeout=PATIENCE)


async def test_a_reaction_and_a_deletion_are_seen(telegram: Telegram, carla: Person, open_page: Open) -> None:
    page = await open_page(telegram.url)
    await telegram.hears(TOKEN, "message")  # from now on the bot is told of reactions, too
    await say(telegram, carla, "Enjoy")
    await act(page, "Enjoy", "React")
    await phone(page).get_by_role("dialog").get_by_role("button", name="🎉").click()
    assert (await telegram.hears(TOKEN, "message_reaction"))["new_reaction"] == [{"type": "emoji", "emoji": "🎉"}]
    await expect(message(page, "Enjoy").locator(".reactions")).to_have_text("🎉", timeout=PATIENCE)
    await act(page, "Enjoy", "Delete")
    await expect(message(page, "Enjoy")).to_have_count(0, timeout=PATIENCE)


async def test_only_own_words_can_be_edited(telegram: Telegram, carla: Person, open_page: Open) -> None:
    page = await open_page(telegram.url)
    await say(telegram, carla, "Enjoy")
    await message(page, "Enjoy").get_by_role("button", name="What to do").click(timeout=PATIENCE)
    dialog = phone(page).get_by_role("dialog")
    await expect(dialog.get_by_role("button", name="Reply")).to_be_visible()
    await expect(dialog.get_by_role("button", name="Edit")).to_have_count(0)


async def test_actions_need_no_mouse(telegram: Telegram, carla: Person, open_page: Open) -> None:
    """One of the buttons can be reached by Tab, the newest; arrow keys lead to the others."""
    page = await open_page(telegram.url)
    await carla.send("One")
    await carla.send("Two")
    await expect(message(page, "Two")).to_be_visible(timeout=PATIENCE)
    newest = message(page, "Two").get_by_role("button", name="What to do")
    await field(page).focus()
    for _ in range(5):  # from the field back into the chat
        await page.keyboard.press("Shift+Tab")
        if await newest.evaluate("one => one === document.activeElement"):
            break
    await expect(newest).to_be_focused()
    await page.keyboard.press("ArrowUp")
    await expect(message(page, "One").get_by_role("button", name="What to do")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(phone(page).get_by_role("button", name="Reply")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.type("Three")
    await page.keyboard.press("Enter")
    answer = await telegram.hears(TOKEN, "message", lambda one: one["text"] == "Three")
    assert answer["reply_to_message"]["text"] == "One"
