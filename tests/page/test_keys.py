"""Keys of a reply keyboard that ask for something: the person is asked first, and what they agree to is sent."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.page.conftest import PATIENCE, Open
from tests.page.talk import TOKEN, phone, say
from tests.people import Person, Telegram


async def press(telegram: Telegram, carla: Person, page: Page, **key: Any) -> Locator:
    """Press the one key of a new keyboard. Returns the dialog that it opens."""
    await say(telegram, carla, "Well?", reply_markup={"keyboard": [[{"text": "Go", **key}]]})
    await phone(page).locator(".reply-keys").get_by_role("button", name="Go").click(timeout=PATIENCE)
    return phone(page).get_by_role("dialog")


@pytest.mark.parametrize(
    ("key", "field"), [({"request_location": True}, "location"), ({"request_contact": True}, "contact")]
)
async def test_a_place_or_a_number_is_shared_only_by_who_agrees(
    telegram: Telegram, carla: Person, open_page: Open, key: dict[str, bool], field: str
) -> None:
    page = await open_page(telegram.url)
    dialog = await press(telegram, carla, page, **key)
    await dialog.get_by_role("button", name="Cancel").click()
    dialog = await press(telegram, carla, page, **key)
    await dialog.get_by_role("button", name="Share").click()
    assert await telegram.hears(TOKEN, "message", lambda one: field in one)
    await carla.send("That was all")
    rest = await telegram.hears(TOKEN, "message", lambda one: field in one or one.get("text") == "That was all")
    assert "text" in rest


async def test_people_are_chosen_from_those_who_are_there(telegram: Telegram, carla: Person, open_page: Open) -> None:
    dino = await telegram.person("Dino", bot=TOKEN)
    await dino.send("/start")
    page = await open_page(telegram.url)
    request = {"request_id": 7, "user_is_bot": False, "request_name": True}
    dialog = await press(telegram, carla, page, request_users=request)
    await expect(dialog.get_by_label("Some bot")).to_have_count(0)
    await dialog.get_by_label("Dino").check()
    await dialog.get_by_role("button", name="Share").click()
    shared = (await telegram.hears(TOKEN, "message", lambda one: "users_shared" in one))["users_shared"]
    assert shared["users"] == [{"user_id": dino.id, "first_name": "Dino"}]


async def test_a_chat_is_chosen_from_the_own_ones(telegram: Telegram, carla: Person, open_page: Open) -> None:
    page = await open_page(telegram.url)
    request = {"request_id": 8, "chat_is_channel": False}
    await press(telegram, carla, page, request_chat=request)
    await expect(phone(page).get_by_role("status")).to_contain_text("no group that you are in", timeout=PATIENCE)
    family, _ = [await telegram.act("group", title="Family", members=[carla.id]) for _ in range(2)]
    await expect(phone(page).get_by_role("button", name="Go")).to_be_visible()
    dialog = await press(telegram, carla, page, request_chat=request)
    await dialog.get_by_role("button", name=f"Family ({family['id']})").click()
    shared = await telegram.hears(TOKEN, "message", lambda one: "chat_shared" in one)
    assert shared["chat_shared"] == {"request_id": 8, "chat_id": family["id"]}
