"""Web apps in front of a phone: what they are told, what they send, and that they stay in their frame."""

from __future__ import annotations

import json
from typing import Any

from aiogram.utils.web_app import check_webapp_signature
from playwright.async_api import FrameLocator, Locator, Page, Route, expect

from tests.page.conftest import PATIENCE, Open
from tests.page.talk import TOKEN, chat, phone, say
from tests.people import Person, Telegram

SHOP = {"url": "https://shop.example/menu"}
# Says what it is told, and sends events as telegram-web-app.js does.
APP = """<!doctype html><title>Shop</title><p id="told"></p><button>Order</button><button>Leave</button>
<script>
const tell = (eventType, eventData = {}) => parent.postMessage(JSON.stringify({ eventType, eventData }), "*");
document.getElementById("told").textContent = new URLSearchParams(location.hash.slice(1)).get("tgWebAppData");
const [order, leave] = document.querySelectorAll("button");
order.onclick = () => tell("web_app_data_send", { data: "2 pizzas" });
leave.onclick = () => tell("web_app_close");
addEventListener("message", ({ data }) => (document.title = JSON.parse(data).eventType));
addEventListener("message", ({ data }) => JSON.parse(data).eventType === "main_button_pressed" && order.click());
tell("web_app_ready");
tell("web_app_setup_main_button", { is_visible: true, is_active: true, text: "PAY" });
</script>"""


async def serve_shop(page: Page) -> None:
    """The web app's own site, which the test does not reach."""

    async def answer(route: Route) -> None:
        await route.fulfill(content_type="text/html", body=APP)

    await page.route("https://shop.example/**", answer)


def app(page: Page) -> tuple[Locator, FrameLocator]:
    box = phone(page).get_by_role("dialog", name="Web app")
    return box, box.frame_locator("iframe")


async def show_key(telegram: Telegram, carla: Person, key: dict[str, Any]) -> None:
    await say(telegram, carla, "Hungry?", reply_markup={"keyboard": [[key]]})


async def test_what_a_key_s_page_sends_reaches_the_bot(telegram: Telegram, carla: Person, open_page: Open) -> None:
    page = await open_page(telegram.url)
    await serve_shop(page)
    await show_key(telegram, carla, {"text": "Shop", "web_app": SHOP})
    await phone(page).locator(".reply-keys").get_by_role("button", name="Shop").click(timeout=PATIENCE)
    box, frame = app(page)
    await frame.get_by_role("button", name="Order").click(timeout=PATIENCE)
    sent = await telegram.hears(TOKEN, "message", lambda one: "web_app_data" in one)
    assert sent["web_app_data"] == {"data": "2 pizzas", "button_text": "Shop"}
    await expect(box).to_have_count(0)
    await expect(chat(page)).to_contain_text("Carla sent data from “Shop”", timeout=PATIENCE)


async def test_a_button_s_page_knows_who_opened_it_and_can_send_nothing(
    telegram: Telegram, carla: Person, open_page: Open
) -> None:
    page = await open_page(telegram.url)
    await serve_shop(page)
    keys = {"inline_keyboard": [[{"text": "Shop", "web_app": SHOP}]]}
    await say(telegram, carla, "Hungry?", reply_markup=keys)
    await chat(page).get_by_role("button", name="Shop").click(timeout=PATIENCE)
    box, frame = app(page)
    told = await frame.locator("#told").text_content(timeout=PATIENCE)
    assert told is not None
    assert check_webapp_signature(TOKEN, told)
    await frame.get_by_role("button", name="Order").click()
    await frame.get_by_role("button", name="Leave").click()
    await expect(box).to_have_count(0)
    log = await telegram.look("log")
    assert "web_app_data" not in [entry.get("control") for entry in log]


async def test_the_main_button_below_the_page_is_the_page_s(telegram: Telegram, carla: Person, open_page: Open) -> None:
    page = await open_page(telegram.url)
    await serve_shop(page)
    await show_key(telegram, carla, {"text": "Shop", "web_app": SHOP})
    await phone(page).locator(".reply-keys").get_by_role("button", name="Shop").click(timeout=PATIENCE)
    box, _ = app(page)
    await box.get_by_role("button", name="PAY").click(timeout=PATIENCE)
    assert await telegram.hears(TOKEN, "message", lambda one: "web_app_data" in one)


async def test_the_menu_button_opens_one_and_it_is_closed_by_hand(
    telegram: Telegram, carla: Person, open_page: Open
) -> None:
    page = await open_page(telegram.url)
    await serve_shop(page)
    menu = {"type": "web_app", "text": "Menu", "web_app": SHOP}
    await telegram.call(TOKEN, "setChatMenuButton", menu_button=menu)
    opener = phone(page).get_by_role("button", name="Menu", exact=True)
    await opener.click(timeout=PATIENCE)
    box, frame = app(page)
    await expect(frame.get_by_role("button", name="Order")).to_be_visible(timeout=PATIENCE)
    await box.get_by_role("button", name="Close the web app").click()
    await expect(box).to_have_count(0)
    await expect(opener).to_be_focused()


async def test_the_frame_holds_it_back_from_the_page_around_it(
    telegram: Telegram, carla: Person, open_page: Open
) -> None:
    page = await open_page(telegram.url)
    await serve_shop(page)
    await show_key(telegram, carla, {"text": "Shop", "web_app": SHOP})
    await phone(page).locator(".reply-keys").get_by_role("button", name="Shop").click(timeout=PATIENCE)
    box, frame = app(page)
    await expect(frame.locator("#told")).to_be_attached(timeout=PATIENCE)
    allowed = (await box.locator("iframe").get_attribute("sandbox") or "").split()
    assert "allow-scripts" in allowed
    assert "allow-top-navigation" not in allowed
    reach = "() => { try { return top.document.title } catch (error) { return error.name } }"
    assert await frame.locator("body").evaluate(reach) == "SecurityError"


async def test_this_very_page_is_not_opened_within_itself(telegram: Telegram, carla: Person, open_page: Open) -> None:
    page = await open_page(telegram.url)
    await show_key(telegram, carla, {"text": "Shop", "web_app": {"url": f"{telegram.url}/"}})
    await phone(page).locator(".reply-keys").get_by_role("button", name="Shop").click(timeout=PATIENCE)
    await expect(phone(page).get_by_role("status")).to_contain_text("this page itself", timeout=PATIENCE)
    await expect(page.locator("iframe")).to_have_count(0)


async def test_what_is_no_event_is_passed_over(telegram: Telegram, carla: Person, open_page: Open) -> None:
    page = await open_page(telegram.url)
    await serve_shop(page)
    await show_key(telegram, carla, {"text": "Shop", "web_app": SHOP})
    await phone(page).locator(".reply-keys").get_by_role("button", name="Shop").click(timeout=PATIENCE)
    box, frame = app(page)
    await expect(frame.locator("#told")).to_be_attached(timeout=PATIENCE)
    for said in ("hello", json.dumps({"eventType": "constructor"}), json.dumps(None), json.dumps({"eventType": 1})):
        await frame.locator("body").evaluate("(_, said) => parent.postMessage(said, '*')", said)
    await frame.get_by_role("button", name="Leave").click()
    await expect(box).to_have_count(0)
