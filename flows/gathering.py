"""What many tasks ask for at once, done together: while one batch is under way, the next one gathers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Gathering(Generic[Asked, Answer]):
    """Calls `work` with all that was asked for since its last call, one call at a time.

    So nobody waits for a batch to fill: one alone goes at once, and the more are asking, the larger the batches get.
    `work` answers each, in their order; an exception among the answers is raised for whoever asked.
    """

    def __init__(
        self, work: Callable[[list[Asked]], Awaitable[Sequence[Answer | Exception]]], pause: float = 0.0
    ) -> None:
        """After a batch of several the next one gathers for `pause` seconds, where nobody is in a hurry."""
        self._work = work
        self._pause = pause
        self._waiting: list[tuple[Asked, asyncio.Future[Answer]]] = []
        self._working: asyncio.Task[None] | None = None

    async def __call__(self, asked: Asked) -> Answer:
        """The answer. Raises what `work` raises."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        if self._working is None:
            self._working = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._do(batch)
                if self._pause and len(batch) > 1:
                    await asyncio.sleep(self._pause)
        finally:
            self._working = None

    async def _do(self, batch: list[tuple[Asked, asyncio.Future[Answer]]]) -> None:
        found: Sequence[Answer | BaseException]
        try:
            found = await self._work([asked for asked, _ in batch])
        except BaseException as error:  # whoever asked gets to know; a cancellation ends this task as well
            found = [error] * len(batch)
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            for (_, answer), one in zip(batch, found, strict=True):
                if answer.done():  # whoever asked was cancelled
                    continue
                if isinstance(one, BaseException):
                    answer.set_exception(one)
                else:
                    answer.set_result(one)
