"""Jobs for the worker's tests; RQ finds them by their dotted names."""

from __future__ import annotations

import asyncio
from collections import Counter

from redis import Redis
from rq.job import Job, Retry

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


async def set_of_one() -> object:
    """What JSON has no form for."""
    return {1}


def plain(word: str) -> str:
    """No coroutine."""
    return word.upper()


tries: Counter[str] = Counter()


async def succeed_at(attempt: int, name: str) -> int:
    """Raises until it is tried so often."""
    tries[name] += 1
    if tries[name] < attempt:
        raise RuntimeError(f"attempt {tries[name]}")
    return tries[name]


async def again(name: str) -> object:
    """Asks RQ for another try, once."""
    tries[name] += 1
    return Retry(max=1) if tries[name] == 1 else tries[name]


def mark(job: Job, connection: Redis, *outcome: object) -> None:
    """A callback, for success and for failure."""
    connection.rpush("marks", f"{job.func_name} {outcome[0]}")


def refuse(job: Job, connection: Redis, *outcome: object) -> None:
    """A callback that fails."""
    raise RuntimeError("the callback is out of basil")
