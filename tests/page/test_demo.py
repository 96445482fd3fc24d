"""The page of the demo: an order goes from one phone to the other, whatever trouble is made on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.conftest import a_free_port
from tests.page.conftest import PATIENCE, Open
from tests.platform.test_demo import demo

MAIN_LINE = ["order_placed", "restaurant_notified", "order_accepted", "user_notified", "order_fulfilled"]

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = a_free_port()
    with demo(tmp_path_factory.mktemp("demo"), port) as one:
        one.until_it_says("Comanda is ready")
        yield f"http://127.0.0.1:{port}"


async def tap(page: Page, side: str, *labels: str) -> None:
    """Tap the newest button of that name on a phone, one after the other."""
    phone = page.locator(f"[data-side={side}]")
    for label in labels:
        await phone.locator(".keyboard button").filter(has_text=re.compile(label)).last.click(timeout=PATIENCE)
        await expect(phone.locator(".waiting")).to_have_count(0, timeout=PATIENCE)


async def order(page: Page) -> None:
    """Carla writes /start nonna and orders a pizza."""
    await page.locator("[data-side=left] .write input").fill("/start nonna")
    await page.keyboard.press("Enter")
    await tap(page, "left", "Pizza", "Margherita", "Large", "Add to cart", "Cart", "Place order")


async def events(page: Page) -> list[str]:
    """The events of the newest order, as the timeline shows them."""
    rows = page.locator("#threads details").first.locator("li:not(.trouble) .what")
    titles: list[str] = await rows.evaluate_all("found => found.map((one) => one.title)")
    return titles


async def happens(page: Page, event: str) -> None:
    newest = page.locator("#threads details").first
    await expect(newest.get_by_title(event).first).to_be_visible(timeout=PATIENCE)


async def test_an_order_moves_from_phone_to_phone_and_the_timeline_shows_it(
    url: str, open_page: Open, screenshots: Path
) -> None:
    page, other = await open_page(url), await open_page(url)
    await order(page)
    await tap(page, "right", "Accept", "20 min")
    await expect(page.locator("[data-side=left] .chat")).to_contain_text("accepted your order", timeout=PATIENCE)
    await happens(page, "user_notified")
    # The other browser has seen the same, and so does this one after a reload.
    await expect(other.locator("[data-side=left] .chat")).to_contain_text("accepted your order", timeout=PATIENCE)
    await page.reload()
    await happens(page, "user_notified")
    await expect(page.locator("[data-side=right] .chat")).to_contain_text("ACCEPTED", timeout=PATIENCE)
    await expect(page.locator(".gauge.busy")).to_have_count(0, timeout=PATIENCE)
    await page.screenshot(path=screenshots / "two-phones.png")
    await tap(page, "right", "Picked up", "Yes, picked up")
    await happens(page, "order_fulfilled")
    found = await events(page)
    assert [event for event in dict.fromkeys(found) if event in MAIN_LINE] == MAIN_LINE
    await happens(other, "order_fulfilled")


async def test_an_order_gets_through_a_429_and_a_killed_worker(url: str, open_page: Open) -> None:
    page = await open_page(url)
    await order(page)
    await happens(page, "restaurant_notified")
    slow = page.get_by_role("switch", name=re.compile("Telegram answers 429"))
    await slow.click()
    await expect(slow).to_be_checked()
    await page.get_by_role("button", name=re.compile("Kill a worker")).click()
    await happens(page, "worker killed")
    await tap(page, "right", "Accept", "10 min")
    await page.get_by_role("button", name="API log").click()
    await expect(page.locator("#calls .trouble", has_text="sendMessage").first).to_be_visible(timeout=PATIENCE)
    await page.get_by_role("button", name="API log").click()
    await slow.click()
    await expect(slow).not_to_be_checked()
    await happens(page, "user_notified")
    await tap(page, "right", "Picked up", "Yes, picked up")
    await happens(page, "order_fulfilled")


async def test_the_ticket_of_another_restaurant_is_offered_on_the_staff_s_phone(url: str, open_page: Open) -> None:
    page = await open_page(url)
    await page.locator("[data-side=left] .write input").fill("/start momiji")
    await page.keyboard.press("Enter")
    await tap(page, "left", "Sides", "Gyōza", "Add to cart", "Cart", "Place order")
    right = page.locator("[data-side=right]")
    await right.get_by_role("button", name="New in Momiji Ramen").click(timeout=PATIENCE)
    await tap(page, "right", "Accept", "10 min")
    await expect(page.locator("[data-side=left] .chat")).to_contain_text("accepted your order", timeout=PATIENCE)


async def test_an_order_needs_no_mouse(url: str, open_page: Open) -> None:
    page = await open_page(url)
    field = page.locator("[data-side=left] .write input")
    await expect(field).to_be_visible(timeout=PATIENCE)
    await field.focus()
    await page.keyboard.type("/start nonna")
    await page.keyboard.press("Enter")
    for label in ("Pizza", "Margherita", "Large", "Add to cart", "Cart", "Place order"):
        await press(page, "left", label)
    for label in ("Accept", "10 min"):
        await press(page, "right", label)
    await happens(page, "user_notified")


async def press(page: Page, side: str, label: str) -> None:
    """Go from the field up to the newest keys, along them to the one of that name, and press it."""
    phone = page.locator(f"[data-side={side}]")
    key = phone.locator(".keyboard button").filter(has_text=re.compile(label)).last
    await expect(key).to_be_visible(timeout=PATIENCE)
    await phone.locator(".write input").focus()
    await page.keyboard.press("ArrowUp")
    for _ in range(20):
        if await key.evaluate("key => key === document.activeElement"):
            break
        await page.keyboard.press("ArrowDown")
    await expect(key).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(phone.locator(".waiting")).to_have_count(0, timeout=PATIENCE)


async def test_on_a_small_screen_one_panel_shows_at_a_time(url: str, open_page: Open, screenshots: Path) -> None:
    page = await open_page(url, (390, 800))
    await expect(page.locator("[data-side=left]")).to_be_visible()
    await expect(page.locator("[data-side=right]")).to_be_hidden()
    await order(page)
    await page.locator("[data-tab=right]").click()
    await expect(page.locator("[data-side=left]")).to_be_hidden()
    await tap(page, "right", "Decline", "Too busy")
    await page.locator("[data-tab=left]").click()
    await expect(page.locator("[data-side=left] .chat")).to_contain_text("too busy right now", timeout=PATIENCE)
    await page.screenshot(path=screenshots / "one-phone.png")
