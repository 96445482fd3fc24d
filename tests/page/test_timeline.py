"""What the page tells of what goes on behind: the events, each in its thread, and the trouble on the way."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page, expect

from bot.sandbox.server import Sandbox
from tests.page.conftest import PATIENCE, Open
from tests.page.talk import TOKEN, say
from tests.people import Person, Telegram


async def note(telegram: Telegram, thread: str, title: str, at: float = 1.0) -> None:
    await telegram.act("note", thread=thread, title=title, at=at)


async def threads(page: Page) -> list[tuple[str, bool]]:
    """Their names from the top, and whether they are open."""
    found: list[Any] = await page.locator("#threads details").evaluate_all(
        "all => all.map((one) => [one.querySelector('summary').textContent, one.open])"
    )
    return [(name, is_open) for name, is_open in found]


async def test_an_event_of_an_older_order_is_in_sight(telegram: Telegram, open_page: Open) -> None:
    page = await open_page(telegram.url)
    for number in (1, 2):
        await note(telegram, f"Order #{number}", "order_placed")
    await expect(page.locator("#threads")).to_contain_text("Order #2", timeout=PATIENCE)
    assert await threads(page) == [("Order #2", True), ("Order #1", False)]
    await note(telegram, "Order #1", "order_accepted")
    await expect(page.locator("#threads").get_by_title("order_accepted")).to_be_visible(timeout=PATIENCE)
    assert await threads(page) == [("Order #1", True), ("Order #2", True)]


async def test_the_trouble_on_the_way_stands_between_the_events(
    telegram: Telegram, carla: Person, open_page: Open
) -> None:
    page = await open_page(telegram.url)
    await note(telegram, "Order #1", "order_placed")
    await telegram.act("fault", kind="429", method="sendMessage", times=None, retry_after=3)
    for _ in range(2):
        await telegram._http.post(f"/bot{TOKEN}/sendMessage", json={"chat_id": carla.id, "text": "x"})
    await telegram.delete("faults")
    await telegram.act("block", user=carla.id, bot=TOKEN)
    await telegram._http.post(f"/bot{TOKEN}/sendMessage", json={"chat_id": carla.id, "text": "x"})
    await telegram.act("offline", user=carla.id)
    rows = page.locator("#threads details").first.locator(".trouble .what")
    told = [
        "Fault on: 429 for sendMessage",
        "sendMessage refused: 429, again in 3 s",
        "Fault off: 429 for sendMessage",
        "Carla blocked Some bot",
        "sendMessage refused: 403, bot was blocked by the user",
        "Carla’s phone is offline",
    ]
    await expect(rows).to_have_text(told, timeout=PATIENCE)
    await expect(page.locator(".trouble", has_text="again in 3 s")).to_contain_text("× 2")
    await page.reload()
    await expect(rows.last).to_have_text(told[-1], timeout=PATIENCE)


async def test_the_timeline_is_shown_as_soon_as_a_product_tells_anything(telegram: Telegram, open_page: Open) -> None:
    page = await open_page(telegram.url)
    await expect(page.get_by_role("heading", name="API log")).to_be_visible(timeout=PATIENCE)
    await telegram.act("offer", actions=[{"name": "kill", "label": "Kill"}])
    await expect(page.get_by_role("heading", name="Timeline")).to_be_visible(timeout=PATIENCE)


async def test_the_log_says_why_telegram_refused(telegram: Telegram, carla: Person, open_page: Open) -> None:
    page = await open_page(telegram.url)
    await telegram._http.post(f"/bot{TOKEN}/sendMessage", json={"chat_id": carla.id, "text": ""})
    await expect(page.locator("#calls li").first).to_contain_text(
        "Bad Request: message text is empty", timeout=PATIENCE
    )
    await expect(page.get_by_role("heading", name="API log")).to_be_visible()


async def test_a_page_goes_on_when_the_sandbox_starts_again(open_page: Open) -> None:
    async with Sandbox().serve() as first:
        port = int(first.url.rpartition(":")[2])
        telegram = Telegram(first.url)
        for title in ("order_placed", "order_accepted"):
            await note(telegram, "Order #1", title)
        page = await open_page(first.url)
        await expect(page.locator("#threads").get_by_title("order_accepted")).to_be_visible(timeout=PATIENCE)
        await telegram.close()
    await expect(page.locator("#away")).to_be_visible(timeout=PATIENCE)
    async with Sandbox().serve(port=port) as second:
        telegram = Telegram(second.url)
        await telegram.act("bot", token=TOKEN)
        carla = await telegram.person("Carla", bot=TOKEN)
        await carla.send("/start")
        await note(telegram, "Order #2", "order_placed")
        await expect(page.locator("#threads")).to_contain_text("Order #2", timeout=PATIENCE)
        assert await threads(page) == [("Order #2", True)]
        await page.get_by_role("button", name="API log").click()
        await say(telegram, carla, "hi")
        await expect(page.locator("#calls")).to_contain_text("sendMessage", timeout=PATIENCE)
        await telegram.close()
