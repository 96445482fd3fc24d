"""Forums and channels on the page."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.page.conftest import PATIENCE, Open
from tests.page.talk import TOKEN, chat, field, phone, say
from tests.people import Person, Telegram


async def make(page: Page, kind: str, side: str = "right") -> None:
    await phone(page, side).get_by_role("button", name="Chats").click(timeout=PATIENCE)
    await phone(page, side).get_by_role("button", name=f"New {kind}").click()
    await expect(phone(page, side).locator(".names small")).to_contain_text("3 ", timeout=PATIENCE)


async def test_each_topic_of_a_forum_has_its_messages(telegram: Telegram, carla: Person, open_page: Open) -> None:
    page = await open_page(telegram.url)
    await make(page, "forum")
    right = phone(page, "right")
    await right.get_by_role("button", name="New topic").click()
    await right.get_by_label("Name").fill("Tickets")
    await right.get_by_role("button", name="Create").click()
    await expect(right.get_by_role("button", name="Tickets")).to_have_attribute(
        "aria-pressed", "true", timeout=PATIENCE
    )
    opened = await telegram.hears(TOKEN, "message", lambda one: "forum_topic_created" in one)
    await field(page, "right").fill("/ramen")
    await field(page, "right").press("Enter")
    said = await telegram.hears(TOKEN, "message", lambda one: one.get("text") == "/ramen")
    assert said["message_thread_id"] == opened["message_id"]
    place = {"chat_id": said["chat"]["id"], "message_thread_id": opened["message_id"]}
    await telegram.call(TOKEN, "sendMessage", **place, text="One ramen")
    await telegram.call(TOKEN, "sendMessage", chat_id=said["chat"]["id"], text="For everybody")
    await expect(chat(page, "right")).to_contain_text("One ramen", timeout=PATIENCE)
    await expect(chat(page, "right")).not_to_contain_text("For everybody")
    await right.get_by_role("button", name="General").click()
    await expect(chat(page, "right")).to_contain_text("For everybody")
    await expect(chat(page, "right")).not_to_contain_text("One ramen")


async def test_a_topic_is_closed_and_opened_again(telegram: Telegram, carla: Person, open_page: Open) -> None:
    page = await open_page(telegram.url)
    await make(page, "forum")
    right = phone(page, "right")
    for what, sign in (("Close", "🔒 General"), ("Reopen", "General")):
        await right.get_by_role("button", name="What to do with this topic").click()
        await right.get_by_role("dialog").get_by_role("button", name=what).click()
        await expect(right.get_by_role("button", name=sign, exact=True)).to_be_visible(timeout=PATIENCE)
    assert await telegram.hears(TOKEN, "message", lambda one: "forum_topic_reopened" in one)


async def test_a_channel_is_written_by_its_administrator_and_read_by_those_who_join(
    telegram: Telegram, carla: Person, open_page: Open
) -> None:
    page = await open_page(telegram.url)
    await make(page, "channel")
    await field(page, "right").fill("Ramen is back")
    await field(page, "right").press("Enter")
    assert (await telegram.hears(TOKEN, "channel_post"))["text"] == "Ramen is back"
    left = phone(page)
    await left.get_by_role("button", name="Chats").click()
    await left.get_by_role("button", name="Let Carla join News").click()
    await expect(chat(page)).to_contain_text("Ramen is back", timeout=PATIENCE)
    await expect(field(page)).to_be_hidden()
    await left.get_by_role("button", name="Leave the channel").click()
    await expect(left.locator(".names")).to_contain_text("Some bot", timeout=PATIENCE)
    await expect(field(page)).to_be_visible()


async def test_a_link_leads_into_a_chat_or_asks_to_be_let_in(
    telegram: Telegram, carla: Person, open_page: Open
) -> None:
    page = await open_page(telegram.url)
    [anna] = await telegram.group("Kitchen", "Anna")
    await telegram.act("add_bot", chat=anna.place["chat"], bot=TOKEN, by=anna.id)
    await telegram.act("promote", chat=anna.place["chat"], user=int(TOKEN.partition(":")[0]))
    for asks in (True, False):
        made = await telegram.call(TOKEN, "createChatInviteLink", chat_id=anna.place["chat"], creates_join_request=asks)
        await say(telegram, carla, f"Come in: {made['invite_link']}")
    await chat(page).get_by_role("link").first.click(timeout=PATIENCE)
    await expect(phone(page).get_by_role("status")).to_contain_text("asked to be let into Kitchen", timeout=PATIENCE)
    await chat(page).get_by_role("link").last.click()
    await expect(phone(page).locator(".names")).to_contain_text("Kitchen", timeout=PATIENCE)
    await expect(chat(page)).to_contain_text("Carla joined the group")
    assert len(page.context.pages) == 1
