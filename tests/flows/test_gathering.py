"""Asking together: nobody waits for others, and who asks meanwhile is answered by the next batch."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from flows.gathering import Gathering


class Doubling:
    """Doubles numbers, and notes what came together; it waits before each batch until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = asyncio.Semaphore(0)

    async def __call__(self, asked: list[int]) -> Sequence[int | Exception]:
        self.batches.append(asked)
        await self.go.acquire()
        if 13 in asked:
            raise RuntimeError("thirteen")
        return [ValueError("odd") if number % 2 else 2 * number for number in asked]


async def started(*askings: asyncio.Task[int]) -> None:
    for _ in askings:
        await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_one_alone_goes_at_once_and_the_next_batch_gathers_meanwhile() -> None:
    work = Doubling()
    double = Gathering(work)
    first = asyncio.create_task(double(2))
    await started(first)
    others = [asyncio.create_task(double(number)) for number in (4, 6, 8)]
    await started(*others)
    assert work.batches == [[2]]
    work.go.release()
    assert await first == 4
    work.go.release()
    assert await asyncio.gather(*others) == [8, 12, 16]
    assert work.batches == [[2], [4, 6, 8]]


async def test_an_error_among_the_answers_is_raised_for_whoever_asked() -> None:
    work = Doubling()
    work.go.release()
    double = Gathering(work)
    even, odd = await asyncio.gather(double(2), double(3), return_exceptions=True)
    assert even == 4
    assert isinstance(odd, ValueError)
    assert work.batches == [[2, 3]]


async def test_an_error_of_the_work_is_raised_for_all_and_the_next_batch_goes_on() -> None:
    work = Doubling()
    work.go.release()
    double = Gathering(work)
    found = await asyncio.gather(double(13), double(2), return_exceptions=True)
    assert [str(error) for error in found] == ["thirteen", "thirteen"]
    work.go.release()
    assert await double(4) == 8


async def test_who_is_cancelled_keeps_nobody_from_their_answer() -> None:
    work = Doubling()
    double = Gathering(work)
    gone, waiting = asyncio.create_task(double(2)), asyncio.create_task(double(4))
    await started(gone, waiting)
    gone.cancel()
    work.go.release()
    work.go.release()
    assert await waiting == 8
    with pytest.raises(asyncio.CancelledError):
        await gone
