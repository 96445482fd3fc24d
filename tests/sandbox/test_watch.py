"""Waiting for changes: woken, in time, and never deaf to being stopped."""

from __future__ import annotations

import asyncio

import pytest

from bot.sandbox.watch import Watch


async def waiting(watch: Watch, seen: list[int]) -> asyncio.Task[bool]:
    """A task that waits until something was seen, and has begun to."""
    task = asyncio.create_task(watch.until(lambda: seen, 30))
    await asyncio.sleep(0)  # one turn of the loop, in which it looks for the first time
    return task


async def test_who_waits_is_woken_by_what_it_waits_for() -> None:
    watch, seen = Watch(), list[int]()
    task = await waiting(watch, seen)
    await watch.changed()
    assert not task.done()
    seen.append(1)
    await watch.changed()
    assert await task


async def test_waiting_ends_with_its_time() -> None:
    assert not await Watch().until(lambda: False, 0.01)


async def test_what_is_already_there_needs_no_waiting() -> None:
    assert await Watch().until(lambda: True, 0)


async def test_being_stopped_while_being_notified_is_being_stopped() -> None:
    watch, seen = Watch(), list[int]()
    task = await waiting(watch, seen)
    seen.append(1)
    await watch.changed()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
