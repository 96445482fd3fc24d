"""Waiting for what another task, thread or process brings about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

WITHIN = 20.0  # seconds until something that should happen counts as missing


async def until(condition: Callable[[], object], within: float = WITHIN) -> None:
    """Wait for a condition; it is asked in a thread, so it may use the store. Raises `TimeoutError`."""
    async with asyncio.timeout(within):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - the store has no event to wait for
            await asyncio.sleep(0.02)
