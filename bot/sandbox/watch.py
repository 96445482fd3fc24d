"""Waiting for something in the world to change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Watch:
    """Wakes those who wait whenever somebody says that something changed."""

    def __init__(self) -> None:
        self._condition = asyncio.Condition()

    async def changed(self) -> None:
        """Let everyone who waits look again."""
        async with self._condition:
            self._condition.notify_all()

    async def until(self, condition: Callable[[], object], seconds: float | None = None) -> bool:
        """Wait until the condition holds. Returns False when it does not within that time."""
        async with self._condition:
            try:
                # Not by wait_for: in Python 3.11 it loses a cancellation that comes with the notification.
                async with asyncio.timeout(seconds):
                    await self._condition.wait_for(lambda: bool(condition()))
            except TimeoutError:
                return False
        return True
