"""Updates in, for both bots: stored first, acknowledged then, and struck off only after their effect and their reply.

As they come, both libraries tell Telegram "received" before a handler has run, and lose what is in hand when they are
killed. Here the poller asks for the next updates (which acknowledges the former ones) only when those are on disk, and
a consumer works them off: in order within a chat, concurrently across chats. Whatever a crash leaves in the inbox is
handled after the restart, so a handler may see an update twice; its effect is guarded by the update's id (see
`flows.ledger`), and its reply is simply given again.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import random
import time
import traceback
from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

from redis import Redis
from redis.exceptions import RedisError

from bot.inbox import Inbox, Update, chat_of, offset_after
from bot.polling import NotNow, Poller, Refused

__all__ = ["CONCURRENT", "Backoff", "Intake", "Refused", "TryLater"]

log = logging.getLogger(__name__)

MOST_IN_HAND = 1000  # updates in the inbox above which no more are asked for
CONCURRENT = 64  # handlers that run at a time
TRIES = 5  # of a handler that fails, before the update is set aside
REPLY_LIFE = 3600.0  # seconds that a reply is tried while Telegram does not take it
DRAIN = 10.0  # seconds that running handlers have to finish once the intake is to stop

T = TypeVar("T")


class TryLater(Exception):
    """Raised by a handler: its reply could not be sent just now, through no fault of the update's.

    `seconds` is how long Telegram wants to be left alone (429), None where it did not say.
    """

    def __init__(self, reason: str, seconds: float | None = None) -> None:
        super().__init__(reason)
        self.seconds = seconds


class Intake:
    """Polls one bot's updates and has them handled. `run` it once, until `stop` is set."""

    def __init__(
        self,
        *,
        bot: Literal["customer", "restaurant"],
        token: str,
        api_url: str,
        redis: Redis,
        handle: Callable[[Update], Awaitable[None]],
        apologise: Callable[[int], Awaitable[None]],
        allowed_updates: list[str],
    ) -> None:
        """`handle` takes effect and replies, and raises to be tried again; `apologise` tells a chat that it failed."""
        self._inbox = Inbox(redis, bot)
        self._name = bot
        self._token = token
        self._open_poller = functools.partial(Poller, bot, token, api_url, allowed_updates)
        self._handle_update = handle
        self._apologise = apologise
        self._chats: dict[int, asyncio.Queue[Update]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._free = asyncio.Semaphore(CONCURRENT)
        self._in_hand: set[int] = set()
        self._closing = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Handle what is left from before, then poll. Raises `Refused` when Telegram refuses the token.

        Once `stop` is set, handlers that run may finish within `DRAIN`; all else stays in the inbox for the next
        start. When `run` is cancelled, nothing of it goes on.
        """
        poller = asyncio.create_task(self._poll())
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({poller, stopped}, return_when=asyncio.FIRST_COMPLETED)
            self._closing.set()
            poller.cancel()
            log.info("%s bot: asks for no more updates, and has %d in hand", self._name, len(self._in_hand))
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=DRAIN)
        finally:
            self._closing.set()
            tasks = [poller, stopped, *self._tasks]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if not poller.cancelled():
            poller.result()

    # Taking in

    async def _poll(self) -> None:
        for update in await self._persist(self._inbox.waiting) or []:
            self._dispatch(update)
        offset = await self._persist(self._inbox.offset) or 0
        await self._persist(lambda: self._inbox.tell(""))
        backoff = Backoff()
        async with self._open_poller() as poller:
            while not self._closing.is_set():
                if len(self._in_hand) >= MOST_IN_HAND:
                    await self._pause(0.1)
                    continue
                try:
                    batch = await poller.ask(offset)
                except NotNow as reason:
                    wait = backoff.next(reason.seconds)
                    log.warning("%s bot: %s; next try in %.1f s", self._name, reason, wait)
                    await self._persist(functools.partial(self._inbox.tell, str(reason)))
                    await self._pause(wait)
                    continue
                backoff.reset()
                if batch:
                    await self._store(batch)
                    offset = offset_after(batch)
                else:
                    await self._persist(lambda: self._inbox.tell(""))

    async def _store(self, batch: list[Update]) -> None:
        """Store a batch, and hand out what of it is neither in hand nor was when the batch came."""
        before = frozenset(self._in_hand)
        for update in await self._persist(lambda: self._inbox.store(batch)) or []:
            if update["update_id"] not in before:
                self._dispatch(update)

    def _dispatch(self, update: Update) -> None:
        """Queue an update behind the others of its chat."""
        self._in_hand.add(update["update_id"])
        chat = chat_of(update) or 0
        if chat not in self._chats:
            self._chats[chat] = asyncio.Queue()
            task = asyncio.create_task(self._work_off(chat, self._chats[chat]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._chats[chat].put_nowait(update)

    # Handling

    async def _work_off(self, chat: int, queue: asyncio.Queue[Update]) -> None:
        while not queue.empty():
            update = queue.get_nowait()
            await self._handle(chat, update)
            self._in_hand.discard(update["update_id"])
        del self._chats[chat]

    async def _handle(self, chat: int, update: Update) -> None:
        """Have an update handled, trying again until the intake closes; one that keeps failing is set aside."""
        backoff, failures, began = Backoff(), 0, time.monotonic()
        while not self._closing.is_set():
            wait = None
            try:
                async with self._free:  # for this try only: who waits for the next one holds up nobody
                    await self._handle_update(update)
            except RedisError as error:  # the store's fault, not the update's: however long it takes
                log.warning("%s bot: the store is out of reach (%s)", self._name, type(error).__name__)
            except TryLater as later:
                wait = later.seconds
                log.warning("%s bot: the reply to update %s must wait: %s", self._name, update["update_id"], later)
                if time.monotonic() - began > REPLY_LIFE:
                    await self._give_up(chat, update, self._trace(later))
                    return
            except Exception as error:  # whatever it is: the chat's next update must have its turn
                failures += 1
                trace = self._trace(error)
                log.error(  # noqa: TRY400 - the traceback as it is would not have the token taken out
                    "%s bot: update %s failed (%d of %d)\n%s", self._name, update["update_id"], failures, TRIES, trace
                )
                if failures >= TRIES:
                    await self._give_up(chat, update, trace)
                    return
            else:
                await self._persist(lambda: self._inbox.done(update))
                return
            await self._pause(backoff.next(wait))

    async def _give_up(self, chat: int, update: Update, trace: str) -> None:
        await self._persist(lambda: self._inbox.set_aside(update, trace))
        if chat:
            try:
                await self._apologise(chat)
            except Exception as error:  # it was set aside and logged; the chat's next update must have its turn
                log.warning("%s bot: chat %s could not be told either (%s)", self._name, chat, type(error).__name__)

    def _trace(self, error: Exception) -> str:
        """The traceback without the token, which a library's error may show in a URL."""
        return "".join(traceback.format_exception(error)).replace(self._token, "<token>")

    # Waiting

    async def _persist(self, call: Callable[[], T]) -> T | None:
        """The result of a call on the store, however long the store is out of reach; None if the intake closes first.

        It is tried at least once, so that a handler which finished last has its update struck off.
        """
        backoff = Backoff()
        while True:
            try:
                return await asyncio.to_thread(call)
            except RedisError as error:
                log.warning("%s bot: the store is out of reach (%s)", self._name, type(error).__name__)
            if self._closing.is_set():
                return None
            await self._pause(backoff.next())

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond the closing."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)


class Backoff:
    """Waits that double from 0.2 s up to 30 s, each with jitter so that many waiters don't come back at once."""

    def __init__(self) -> None:
        self._wait = 0.1

    def next(self, at_least: float | None = None) -> float:
        """Seconds to wait now; never less than `at_least`."""
        self._wait = min(self._wait * 2, 30.0)
        return max(self._wait * random.uniform(0.5, 1.0), at_least or 0.0)  # noqa: S311 - jitter, no secret

    def reset(self) -> None:
        self._wait = 0.1
