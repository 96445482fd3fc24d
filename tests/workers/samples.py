"""Jobs for the worker's tests; RQ finds them by their dotted names."""

from __future__ import annotations

import asyncio

meeting = asyncio.Barrier(1)


async def double(number: int) -> int:
    return 2 * number


async def fail() -> None:
    raise RuntimeError("out of basil")


async def hang() -> None:
    await asyncio.Event().wait()


async def meet() -> None:
    """Ends only when as many run at the same time as the test expects."""
    await meeting.wait()
