"""What people send from the page besides words, and how it looks there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from bot.sandbox.samples import picture
from tests.page.conftest import PATIENCE, Open
from tests.page.talk import TOKEN, chat, phone
from tests.people import Person, Telegram


def has(field: str) -> Callable[[dict[str, Any]], bool]:
    return lambda message: field in message


async def attach(page: Page, what: str) -> Locator:
    """Choose what to send. Returns the dialog that asks for the rest."""
    await expect(chat(page)).to_contain_text("/start", timeout=PATIENCE)
    await phone(page).get_by_role("button", name="Attach").click()
    await phone(page).get_by_role("group", name="What to send").get_by_role("button", name=what, exact=True).click()
    return phone(page).get_by_role("dialog")


async def bytes_of(telegram: Telegram, file_id: str) -> bytes:
    file = await telegram.call(TOKEN, "getFile", file_id=file_id)
    return (await telegram._http.get(f"/file/bot{TOKEN}/{file['file_path']}")).content


async def test_a_made_up_photo_with_a_caption_is_seen_by_both(
    telegram: Telegram, carla: Person, open_page: Open
) -> None:
    page = await open_page(telegram.url)
    dialog = await attach(page, "🖼 Photo")
    await dialog.get_by_label("Caption").fill("Is this the table?")
    await dialog.get_by_role("button", name="Send").click()
    message = await telegram.hears(TOKEN, "message", has("photo"))
    assert message["caption"] == "Is this the table?"
    assert await bytes_of(telegram, message["photo"][-1]["file_id"]) == picture()
    shown = chat(page).get_by_role("img", name="A photo")
    await expect(shown).to_have_js_property("naturalWidth", 320, timeout=PATIENCE)
    await expect(chat(page)).to_contain_text("Is this the table?")


async def test_an_own_file_reaches_the_bot_byte_by_byte_and_can_be_saved(
    telegram: Telegram, carla: Person, open_page: Open, tmp_path: Path
) -> None:
    page = await open_page(telegram.url)
    menu = tmp_path / "menü.pdf"
    menu.write_bytes(b"%PDF-1.4 not really")
    dialog = await attach(page, "📄 File")
    await dialog.get_by_label("Files").set_input_files(menu)
    await dialog.get_by_role("button", name="Send").click()
    document = (await telegram.hears(TOKEN, "message", has("document")))["document"]
    assert (document["file_name"], await bytes_of(telegram, document["file_id"])) == ("menü.pdf", menu.read_bytes())
    async with page.expect_download() as downloading:
        await chat(page).get_by_role("link", name="menü.pdf").click(timeout=PATIENCE)
    download = await downloading.value
    assert download.suggested_filename == "menü.pdf"


async def test_several_files_are_an_album(telegram: Telegram, carla: Person, open_page: Open, tmp_path: Path) -> None:
    page = await open_page(telegram.url)
    paths = [tmp_path / name for name in ("one.png", "two.png")]
    for path in paths:
        path.write_bytes(picture())
    dialog = await attach(page, "🖼 Photo")
    await dialog.get_by_label("Files").set_input_files(paths)
    await dialog.get_by_label("Caption").fill("Before and after")
    await dialog.get_by_role("button", name="Send").click()
    first, second = [await telegram.hears(TOKEN, "message", has("photo")) for _ in paths]
    assert first["media_group_id"] == second["media_group_id"]
    assert (first["caption"], second.get("caption")) == ("Before and after", None)
    await expect(chat(page).locator(".album")).to_have_count(2, timeout=PATIENCE)


@pytest.mark.parametrize(("what", "field"), [("🎤 Voice note", "voice"), ("🎵 Music", "audio")])
async def test_sounds_can_be_listened_to(
    telegram: Telegram, carla: Person, open_page: Open, what: str, field: str
) -> None:
    page = await open_page(telegram.url)
    dialog = await attach(page, what)
    await dialog.get_by_role("button", name="Send").click()
    assert (await telegram.hears(TOKEN, "message", has(field)))[field]["file_size"] > 0
    sound = chat(page).locator("audio")
    await expect(sound).to_have_js_property("readyState", 4, timeout=PATIENCE)
    assert await sound.evaluate("sound => sound.duration") > 1


async def test_a_film_that_the_browser_can_not_play_can_be_saved(
    telegram: Telegram, carla: Person, open_page: Open, tmp_path: Path
) -> None:
    page = await open_page(telegram.url)
    film = tmp_path / "film.mp4"
    film.write_bytes(b"no film at all")
    dialog = await attach(page, "🎬 Video")
    await dialog.get_by_role("button", name="Send").click()
    await expect(dialog).to_be_visible()  # without a file there is nothing to send
    await dialog.get_by_label("Files").set_input_files(film)
    await dialog.get_by_role("button", name="Send").click()
    assert (await telegram.hears(TOKEN, "message", has("video")))["video"]["file_name"] == "film.mp4"
    await expect(chat(page).locator(".card", has_text="Video")).to_be_visible(timeout=PATIENCE)


async def test_a_place_with_a_name_is_a_venue_and_without_one_a_place(
    telegram: Telegram, carla: Person, open_page: Open
) -> None:
    page = await open_page(telegram.url)
    for name in ("", "Nonna"):
        dialog = await attach(page, "📍 Place")
        await dialog.get_by_label("Latitude").fill("45.1")
        await dialog.get_by_label("Name").fill(name)
        await dialog.get_by_role("button", name="Send").click()
        message = await telegram.hears(TOKEN, "message", has("location"))
        assert (message["location"]["latitude"], message.get("venue", {}).get("title", "")) == (45.1, name)
    await expect(chat(page).locator(".map")).to_have_count(2, timeout=PATIENCE)
    await expect(chat(page)).to_contain_text("45.1000, 7.6869")


async def test_a_live_place_moves_until_it_is_stopped(telegram: Telegram, carla: Person, open_page: Open) -> None:
    page = await open_page(telegram.url)
    dialog = await attach(page, "🧭 Live place")
    await dialog.get_by_label("For").select_option("1 hour")
    await dialog.get_by_role("button", name="Share").click()
    start = (await telegram.hears(TOKEN, "message", has("location")))["location"]
    assert start["live_period"] == 3600
    await chat(page).get_by_role("button", name="Move on").click(timeout=PATIENCE)
    moved = (await telegram.hears(TOKEN, "edited_message"))["location"]
    assert moved["latitude"] > start["latitude"]
    await chat(page).get_by_role("button", name="Stop sharing").click()
    assert "live_period" not in (await telegram.hears(TOKEN, "edited_message"))["location"]
    await expect(chat(page).get_by_role("button", name="Stop sharing")).to_have_count(0)


async def test_the_own_number_is_shared_after_a_question(telegram: Telegram, carla: Person, open_page: Open) -> None:
    page = await open_page(telegram.url)
    dialog = await attach(page, "👤 Contact")
    await dialog.get_by_role("button", name="Share").click()
    assert (await telegram.hears(TOKEN, "message", has("contact")))["contact"]["user_id"] == carla.id


async def test_attaching_needs_no_mouse(telegram: Telegram, carla: Person, open_page: Open) -> None:
    page = await open_page(telegram.url)
    await expect(chat(page)).to_contain_text("/start", timeout=PATIENCE)
    await phone(page).get_by_role("button", name="Attach").focus()
    await page.keyboard.press("Enter")
    await expect(phone(page).get_by_role("button", name="Photo")).to_be_focused()
    for _ in range(2):
        await page.keyboard.press("ArrowDown")
    await expect(phone(page).get_by_role("button", name="Voice note")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.type("Listen")
    await page.keyboard.press("Enter")
    assert (await telegram.hears(TOKEN, "message", has("voice")))["caption"] == "Listen"
    await phone(page).get_by_role("button", name="Attach").click()
    await page.keyboard.press("Escape")
    await expect(phone(page).get_by_role("group", name="What to send")).to_be_hidden()
