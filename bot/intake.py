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
import json
import logging
import random
import time
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import httpx
from redis import Redis
from redis.exceptions import RedisError

from flows import keys
from flows.store import text

log = logging.getLogger(__name__)

Update = dict[str, Any]

POLL = 50  # seconds; Bot API, the longest getUpdates
PATIENCE = 15.0  # seconds more until a silent connection is given up
SEEN_LIFE = 25 * 3600  # seconds that ids are remembered; Telegram keeps an update for 24 h
MOST_IN_HAND = 1000  # updates in the inbox above which no more are asked for
CONCURRENT = 64  # chats worked on at a time
TRIES = 5  # of a handler that fails, before the update is set aside
DRAIN = 10.0  # seconds that handlers have to finish after the first signal


REPLY_LIFE = 3600.0  # seconds that a reply is tried while Telegram does not take it


class TryLater(Exception):
    """Raised by a handler: its reply could not be sent just now, through no fault of the update's.

    `seconds` is how long Telegram wants to be left alone (429), None where it did not say.
    """

    def __init__(self, reason: str, seconds: float | None = None) -> None:
        super().__init__(reason)
        self.seconds = seconds


class Refused(Exception):
    """Telegram does not accept the token: nothing will come of trying again."""


class Inbox:
    """The updates of one bot that are stored and not yet dealt with. All of its writes can be repeated."""

    def __init__(self, redis: Redis, bot: str) -> None:
        self._redis = redis
        self._bot = bot

    def store(self, batch: list[Update]) -> list[Update]:
        """Store what is new of a batch in one write. Returns those of it that are still to be handled.

        Asked again after a lost reply, it finds the batch stored and returns the same.
        """
        seen = keys.inbox_seen(self._bot)
        now = time.time()
        scores = self._redis.zmscore(seen, [str(update["update_id"]) for update in batch])
        new = [update for update, score in zip(batch, scores, strict=True) if score is None]
        with self._redis.pipeline(transaction=True) as pipe:
            for update in new:
                pipe.hset(keys.inbox(self._bot), str(update["update_id"]), json.dumps(update))
                pipe.zadd(seen, {str(update["update_id"]): now})
            pipe.zremrangebyscore(seen, 0, now - SEEN_LIFE)
            pipe.execute()
        kept = self._redis.hmget(keys.inbox(self._bot), [str(update["update_id"]) for update in batch])
        return [update for update, raw in zip(batch, kept, strict=True) if raw is not None]

    def waiting(self) -> list[Update]:
        """What a former process has left, in the order of the ids."""
        stored: list[Update] = [json.loads(raw) for raw in self._redis.hvals(keys.inbox(self._bot))]
        return sorted(stored, key=lambda update: int(update["update_id"]))

    def done(self, update: Update) -> None:
        """Strike an update off."""
        self._redis.hdel(keys.inbox(self._bot), str(update["update_id"]))

    def set_aside(self, update: Update, trace: str) -> None:
        """Keep an update that can't be handled, with its traceback, out of the way."""
        entry = json.dumps({"update": update, "traceback": trace, "at": time.time()})
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(keys.inbox_dead(self._bot), str(update["update_id"]), entry)
            pipe.hdel(keys.inbox(self._bot), str(update["update_id"]))
            pipe.execute()

    def offset(self) -> int:
        """From which id on to ask: one above the last that was stored, 0 when none was."""
        raw = self._redis.get(keys.inbox_offset(self._bot))
        return 0 if raw is None else int(text(raw))

    def remember_offset(self, offset: int) -> None:
        self._redis.set(keys.inbox_offset(self._bot), offset)


class Intake:
    """Polls one bot's updates and has them handled. `run` it until `stop` is set."""

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
        self._url = f"{api_url}/bot{token}/getUpdates"
        self._handle_update = handle
        self._apologise = apologise
        self._allowed = allowed_updates
        self._chats: dict[int, asyncio.Queue[Update]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._free = asyncio.Semaphore(CONCURRENT)
        self._in_hand: set[int] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Handle what is left from before, then poll. Raises `Refused` when Telegram refuses the token."""
        for update in await self._persist(self._inbox.waiting, stop) or []:
            self._dispatch(update)
        poller = asyncio.create_task(self._poll(stop))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({poller, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        poller.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=DRAIN)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(asyncio.CancelledError):
            await poller

    # Polling

    async def _poll(self, stop: asyncio.Event) -> None:
        offset = await self._persist(self._inbox.offset, stop) or 0
        backoff = Backoff()
        async with httpx.AsyncClient(timeout=httpx.Timeout(POLL + PATIENCE, connect=10.0)) as http:
            while not stop.is_set():
                if len(self._in_hand) >= MOST_IN_HAND:
                    await asyncio.sleep(0.1)
                    continue
                try:
                    batch = await self._ask(http, offset)
                except _NotNow as reason:
                    wait = backoff.next(reason.seconds)
                    log.warning("%s bot: %s; next try in %.1f s", self._name, reason, wait)
                    await asyncio.sleep(wait)
                    continue
                backoff.reset()
                if batch:
                    offset = await self._take(batch, stop)

    async def _take(self, batch: list[Update], stop: asyncio.Event) -> int:
        """Store a batch and hand out what is new of it. Returns the next offset."""
        for update in await self._persist(lambda: self._inbox.store(batch), stop) or []:
            self._dispatch(update)
        # The last id, not the highest: after a week of silence they may start anywhere.
        offset = int(batch[-1]["update_id"]) + 1
        await self._persist(lambda: self._inbox.remember_offset(offset), stop)
        return offset

    async def _ask(self, http: httpx.AsyncClient, offset: int) -> list[Update]:
        body = {"offset": offset, "timeout": POLL, "allowed_updates": self._allowed}
        try:
            answer = (await http.post(self._url, json=body)).json()
        except (httpx.HTTPError, ValueError) as error:
            # The error's own text would show the URL, and with it the token.
            raise _NotNow(f"Telegram is out of reach ({type(error).__name__})") from None
        if answer.get("ok"):
            return [update for update in answer["result"] if isinstance(update.get("update_id"), int)]
        code, reason = answer.get("error_code"), answer.get("description", "")
        match code:
            case 401 | 404:
                raise Refused(f"Telegram refuses the {self._name} bot's token: check {self._name.upper()}_BOT_TOKEN")
            case 409 if "webhook" in reason:
                raise _NotNow("a webhook is set for this bot, so it can't be polled: call deleteWebhook", 30.0)
            case 409:
                raise _NotNow("another process polls with the same token: stop it, or use another bot", 10.0)
            case _:
                raise _NotNow(f"getUpdates: {code} {reason}", answer.get("parameters", {}).get("retry_after"))

    # Handling

    def _dispatch(self, update: Update) -> None:
        """Queue an update behind the others of its chat, unless it is in hand already."""
        if update["update_id"] in self._in_hand:
            return
        self._in_hand.add(update["update_id"])
        chat = chat_of(update) or 0
        if chat not in self._chats:
            self._chats[chat] = asyncio.Queue()
            task = asyncio.create_task(self._work_off(chat, self._chats[chat]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._chats[chat].put_nowait(update)

    async def _work_off(self, chat: int, queue: asyncio.Queue[Update]) -> None:
        while not queue.empty():
            update = queue.get_nowait()
            async with self._free:
                await self._handle(chat, update)
            self._in_hand.discard(update["update_id"])
        del self._chats[chat]

    async def _handle(self, chat: int, update: Update) -> None:
        """Have an update handled, trying again; one that fails each time is set aside with an apology."""
        backoff, failures, began = Backoff(), 0, time.monotonic()
        while True:
            wait = None
            try:
                await self._handle_update(update)
                await asyncio.to_thread(self._inbox.done, update)
            except RedisError as error:  # the store's fault, not the update's: however long it takes
                log.warning("%s bot: the store is out of reach (%s)", self._name, type(error).__name__)
            except TryLater as later:
                wait = later.seconds
                log.warning("%s bot: the reply to update %s must wait: %s", self._name, update["update_id"], later)
                if time.monotonic() - began > REPLY_LIFE:
                    await self._give_up(chat, update, later)
                    return
            except Exception as error:
                failures += 1
                log.exception("%s bot: update %s failed (%d of %d)", self._name, update["update_id"], failures, TRIES)
                if failures >= TRIES:
                    await self._give_up(chat, update, error)
                    return
            else:
                return
            await asyncio.sleep(backoff.next(wait))

    async def _give_up(self, chat: int, update: Update, error: Exception) -> None:
        trace = "".join(traceback.format_exception(error))
        await self._persist(lambda: self._inbox.set_aside(update, trace), asyncio.Event())
        if chat:
            try:
                await self._apologise(chat)
            except Exception:
                log.exception("%s bot: chat %s could not be told either", self._name, chat)

    async def _persist(self, call: Callable[[], Any], stop: asyncio.Event) -> Any:
        """The result of a call on the store, however long the store is out of reach; None once `stop` is set."""
        backoff = Backoff()
        while not stop.is_set():
            try:
                return await asyncio.to_thread(call)
            except RedisError as error:
                wait = backoff.next()
                log.warning("%s bot: the store is out of reach (%s)", self._name, type(error).__name__)
                await asyncio.sleep(wait)
        return None


class _NotNow(Exception):
    """Telegram could not be asked; `seconds` is how long it wants to be left alone, if it said so."""

    def __init__(self, reason: str, seconds: float | None = None) -> None:
        super().__init__(reason)
        self.seconds = seconds


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


def chat_of(update: Update) -> int | None:
    """The chat (or else the person) that an update belongs to; updates of one are handled in order."""
    for kind, content in update.items():
        if kind == "update_id" or not isinstance(content, dict):
            continue
        chat = content.get("chat") or (content.get("message") or {}).get("chat") or content.get("from") or {}
        number = chat.get("id")
        return number if isinstance(number, int) else None
    return None
