"""A real browser for the tests of the page, and what every page has to keep: no error in its console."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, ViewportSize, async_playwright

from bot.sandbox.limits import Limits
from bot.sandbox.server import Sandbox
from tests.page.talk import TOKEN
from tests.people import Person, Telegram
from workers.setup import browser as find_browser

# As root, without a graphics card, and without calls to the browser's maker.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE = (1280, 800)
PATIENCE = 60_000  # ms
NO_NETWORK = "Failed to load resource: net::"  # so a browser tells of a server that is away, whatever the page does

Open = Callable[..., Awaitable[Page]]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium, as the set-up found or installed it."""
    program = find_browser()
    assert program is not None, "./comanda-setup --dev installs Chromium"
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield running
        await running.close()


@pytest.fixture
async def open_page(browser: Browser) -> AsyncIterator[Open]:
    """Opens pages, each as another visitor; fails the test when one of them had an error."""
    errors: list[str] = []

    async def visit(url: str, size: tuple[int, int] = WIDE, dark: bool = False) -> Page:
        viewport = ViewportSize(width=size[0], height=size[1])
        page = await browser.new_page(viewport=viewport, color_scheme="dark" if dark else "light")
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(url)
        return page

    yield visit
    assert [error for error in errors if not error.startswith(NO_NETWORK)] == []


@pytest.fixture
def screenshots(tmp_path: Path) -> Path:
    """Where pictures go: `SCREENSHOTS`, or nowhere that lasts."""
    return Path(os.environ.get("SCREENSHOTS", tmp_path))


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Sandbox(limits=Limits(chat=1000, burst=1000)).serve() as sandbox:
        control = Telegram(sandbox.url)
        await control.act("bot", token=TOKEN, username="some_bot", name="Some bot")
        yield control
        await control.close()


@pytest.fixture
async def carla(telegram: Telegram) -> Person:
    person = await telegram.person("Carla", bot=TOKEN)
    await person.send("/start")
    return person
