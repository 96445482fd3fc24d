"""Updates in, for both bots: stored first, acknowledged then, and struck off only after their effect and their reply.

As they come, both libraries tell Telegram "received" before a handler has run, and lose what is in hand when they are
killed. Here a source (`bot.polling` or `bot.webhook`) acknowledges updates only when they are on disk, and a consumer
works them off: in order within a chat, concurrently across chats. What an update leaves to be shown (see
`bot.pictures`) waits for Telegram's limits and holds up none of its chat's later updates; until it is drawn, or a later
one in its place, the update stays in the inbox.

Whatever a crash leaves in the inbox is handled by another process or after the restart, so a handler may see an update
twice; its effect is guarded by the update's id (see `flows.ledger`), and its reply is simply given again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import time
import traceback
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import datetime
from functools import partial
from typing import Any, Literal, Protocol, TypeVar

from redis import Redis
from redis.exceptions import RedisError

from bot.excuses import Excuses
from bot.inbox import LISTENING_LIFE, First, Inbox, Next, Ours, Update
from bot.pictures import Picture, Pictures, Wanted
from flows.backoff import Backoff, pause
from flows.gate import NotYet
from flows.ledger import Superseded, having_read, only_while
from flows.session import REMEMBERED
from flows.store import Command, is_outage, trouble

log = logging.getLogger(__name__)

MOST_IN_HAND = 10_000  # updates in the inbox above which no more are taken in: more than some chats can fill alone
CONCURRENT = 64  # handlers that run at a time
TRIES = 5  # of a handler that fails, before the update is set aside
REPLY_LIFE = 3600.0  # seconds that a reply is tried while Telegram does not take it
MOST_BEHIND = REMEMBERED - 5  # updates of a chat that have taken effect while the first of them waits for its picture
DRAIN = 10.0  # seconds that running handlers have to finish once the intake is to stop
RENEW = 1.0  # seconds between two signs of life
TELL_AGAIN = LISTENING_LIFE / 4  # seconds until the same word is left again: each costs the store a write to disk
HEAR_AGAIN = 1.0  # seconds until it is noted again that all has been taken in
HEAD_START = 0.003  # seconds that handlers have before the next batch is asked for, which takes the loop a while
SAY_SORRY_AFTER = 1.0  # seconds of an outage of the store until people are told to try again

T = TypeVar("T")


_came: ContextVar[datetime | None] = ContextVar("came", default=None)


@contextmanager
def _came_at(came: datetime | None) -> Iterator[None]:
    token = _came.set(came)
    try:
        yield
    finally:
        _came.reset(token)


def came_at(now: datetime) -> datetime:
    """When the update that is being handled was taken in first, however late or often it is handled; else `now`."""
    came = _came.get()
    return now if came is None else min(came, now)


class Refused(Exception):
    """Telegram does not accept the token, or what was asked for with it: nothing will come of trying again."""


class TokenRefused(Refused):
    """Telegram does not accept the token. For a moment it says so of good ones, too."""


class TryLater(Exception):
    """Raised by a handler: its reply could not be sent just now, through no fault of the update's.

    `seconds` is how long Telegram wants to be left alone (429), None where it did not say.
    """

    def __init__(self, reason: str, seconds: float | None = None) -> None:
        super().__init__(reason)
        self.seconds = seconds


class Face(Protocol):
    """A bot, as the intake calls it."""

    def reads(self, update: Update) -> Sequence[Command]:
        """What `handle` will ask the store for at first: it is read together with the storing of the update."""

    async def handle(self, update: Update) -> Picture | None:
        """Take effect, and answer the tap. Returns what is then to be shown.

        Raises `TryLater`, or whatever went wrong: then it is called again.
        """

    async def draw(self, update: Update, picture: Picture) -> None:
        """Show what `handle` has left, if it is the chat's turn. Raises `NotYet`, and what `handle` raises."""

    async def apologise(self, chat_id: int) -> None:
        """Say that the handling of an update has failed for good; its effect may stand all the same."""

    async def try_again(self, update: Update) -> None:
        """Say, without the store, that it is out of reach and that nothing has been done yet."""


class Source(Protocol):
    """Where updates come from."""

    async def run(self, intake: Intake) -> None:
        """Have updates taken in until cancelled. Raises `Refused` when that is hopeless."""


class Intake:
    """Has one bot's updates handled. `run` it once, until `stop` is set."""

    def __init__(
        self, *, bot: Literal["customer", "restaurant"], token: str, redis: Redis, face: Face, replicas: int = 0
    ) -> None:
        me = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._inbox = Inbox(redis, bot, me, replicas)
        self._excuses = Excuses(me)
        self._name = bot
        self._token = token
        self._face = face
        self._chats: dict[str, bool] = {}  # chats worked on -> whether to look once more before letting go
        self._read: dict[str, First] = {}  # chats -> what has been read for the update that was stored last there
        self._pictures: dict[str, Pictures] = {}  # chats that are being drawn in
        self._storing: list[set[str]] = []  # for each batch that is being stored, the chats let go since it began
        self._tasks: set[asyncio.Task[None]] = set()
        self._free = asyncio.Semaphore(CONCURRENT)
        self._waiting = 0
        self._out_since: float | None = None  # since when the store has been out of reach
        self._prompt = ThreadPoolExecutor(1, thread_name_prefix="lease")  # whose work waits for no handler's
        self._last_word: tuple[str | None, float] = None, 0.0  # what was told last, and when
        self._heard = float("-inf")  # until when it is noted that all was taken in
        self._closing = asyncio.Event()

    async def run(self, source: Source, stop: asyncio.Event) -> None:
        """Handle what is left from before, and what the source brings. Raises what the source raises.

        Once `stop` is set, handlers that run may finish within `DRAIN`; all else stays in the inbox for another
        process or the next start. When `run` is cancelled, nothing of it goes on.
        """
        bringing = asyncio.create_task(source.run(self))
        renewing = asyncio.create_task(self._renew())
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({bringing, renewing, stopped}, return_when=asyncio.FIRST_COMPLETED)
            self._closing.set()
            bringing.cancel()
            log.info("%s bot: takes no more updates, and works on %d chats", self._name, len(self._chats))
            with suppress(TimeoutError):
                async with asyncio.timeout(DRAIN):
                    while self._tasks:
                        await asyncio.wait(set(self._tasks))
        finally:
            self._closing.set()
            tasks = [bringing, renewing, stopped, *self._tasks]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await self._at_once(self._inbox.release)  # after a renewal that is still under way in the same thread
        for task in (bringing, renewing):
            if not task.cancelled():
                task.result()

    # Taking in

    @property
    def full(self) -> bool:
        """Whether more is waiting than should: whoever brings updates had better wait."""
        return self._waiting >= MOST_IN_HAND

    @property
    def closing(self) -> bool:
        return self._closing.is_set()

    async def offset(self) -> int:
        """The update id from which to ask on."""
        return await self.persist(self._inbox.offset) or 0

    async def tell(self, problem: str) -> None:
        """Leave word for `comanda doctor` of what hinders the source; empty for nothing.

        Without the store there is none to leave, and the source has to go on: people are to be told.
        """
        before, at = self._last_word
        if problem == before and time.monotonic() <= at + TELL_AGAIN:
            return
        try:
            await asyncio.to_thread(self._inbox.tell, problem)
            self._last_word = problem, time.monotonic()
        except RedisError as error:
            log.warning("%s bot: %s", self._name, trouble(error))

    async def remember_webhook(self, url: str) -> None:
        """Note that this webhook is ours, before Telegram is told of it."""
        await self.persist(partial(self._inbox.remember_webhook, url))

    async def our_webhooks(self) -> Collection[str]:
        """The webhooks that this bot's processes have set at any time."""
        return await self.persist(self._inbox.our_webhooks) or ()

    async def hear(self, since: float) -> None:
        """All that people did until `since` (by `time.monotonic`) has been taken in: note that now and then.

        Where that can't be noted, orders wait for their answers as if we had not heard.
        """
        if since - self._heard < HEAR_AGAIN:
            return
        try:
            await asyncio.to_thread(self._inbox.hear, since)
            self._heard = since
        except RedisError as error:
            log.warning("%s bot: %s", self._name, trouble(error))

    async def take(self, batch: list[Update], offset: int | None = None) -> None:
        """Store a batch and have it handled. Raises redis-py's errors: then it may or may not be stored."""
        let_go = set[str]()
        self._storing.append(let_go)
        try:
            ours = await asyncio.to_thread(self._inbox.store, batch, offset, self._face.reads)
        except RedisError as error:
            if is_outage(error):
                await self._excuse(batch)
            raise
        finally:
            self._storing = [one for one in self._storing if one is not let_go]
        self._look_at(ours, let_go)
        self._out_since = None
        await asyncio.sleep(HEAD_START)

    async def _renew(self) -> None:
        """Show the others that we are alive until the end, and take what dead ones leave until the closing."""
        while True:
            if self.closing:
                await self._at_once(self._inbox.stay)
            elif (ours := await self._at_once(partial(self._inbox.renew, self._in_all_hands()))) is not None:
                self._look_at(ours)
            await asyncio.sleep(RENEW)

    def _look_at(self, ours: Ours, let_go: Collection[str] = ()) -> None:
        """Work on our chats. Of those `let_go` since the store was asked the next update may be another by now."""
        self._waiting = ours.waiting
        for chat, first in ours.chats.items():
            if first is not None:
                self._read[chat] = first
            self._work_on(chat, None if chat in let_go else first)

    async def _excuse(self, batch: list[Update]) -> None:
        """The store is out of reach. When that lasts, tell those who wait for an answer, once for each update."""
        now = time.monotonic()
        self._out_since = self._out_since or now
        if now - self._out_since < SAY_SORRY_AFTER:
            return
        due = self._excuses.due(batch, self._inbox.fellows)
        for answer in await asyncio.gather(*map(self._face.try_again, due), return_exceptions=True):
            if isinstance(answer, Exception):
                log.info("%s bot: somebody could not be told to try again (%s)", self._name, type(answer).__name__)

    def _work_on(self, chat: str, first: First | None) -> None:
        if self.closing:
            return
        if chat in self._chats:
            self._chats[chat] = True
            return
        self._chats[chat] = False
        self._start(self._work_off(chat, first))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._let_go)

    def _let_go(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):  # the next look at our chats takes it up again
            log.error("%s bot: a chat's updates can't be worked off\n%s", self._name, self._trace(error))

    # Handling

    async def _work_off(self, chat: str, first: First | None) -> None:
        """Handle a chat's updates one after the other, as long as there are any and the chat is ours."""
        try:
            if first is not None and first.update["update_id"] in self._in_hand(chat):
                first = None
            is_alone = first is not None and first.alone
            found = await self._next(chat) if first is None else Next(self._waiting, first.update, first.came)
            while found.update is not None and not self.closing and not self._is_far_behind(chat):
                work, read = partial(self._handle, found.update, found.came), self._read_for(chat, found.update)
                result = await self._tried(found.update, work, read)
                if result is None:
                    return
                if chat in self._pictures:
                    self._pictures[chat].handled += 1
                if isinstance(result, Picture):
                    self._want(chat, found.update, result)
                    is_alone = is_alone and not self._pictures[chat].overtaken() and not self._chats[chat]
                    if is_alone:
                        return
                    await self._strike_off_overtaken(chat)
                    found = await self._next(chat)
                else:
                    await self._apologise_after(result, chat)
                    found = await self._next(chat, found.update, result)
                is_alone = False
        finally:
            del self._chats[chat]
            self._read.pop(chat, None)
            for let_go in self._storing:
                let_go.add(chat)

    def _read_for(self, chat: str, update: Update) -> Mapping[Command, Any]:
        """What was read for an update when it was stored, also where its chat was still worked on then."""
        known = self._read.pop(chat, None)
        return known.read if known is not None and known.update["update_id"] == update["update_id"] else {}

    async def _next(self, chat: str, done: Update | None = None, trace: str = "") -> Next:
        """The chat's next update, once `done` is struck off. None only if nothing came while we asked."""
        while True:
            self._chats[chat] = False
            found = await self._strike_off(chat, done, trace)
            if found.update is not None or not self._chats[chat]:
                return found

    async def _strike_off(self, chat: str, done: Update | None, trace: str) -> Next:
        """Strike `done` off, if there is such an update, and look what comes next in its chat."""
        if done is not None:
            self._excuses.settled(done)
        call = partial(self._inbox.next, chat, done, trace, self._in_hand(chat))
        found = await self.persist(call) or Next(self._waiting, None)
        self._waiting = found.waiting
        return found

    async def _handle(self, update: Update, came: datetime | None) -> Picture | None:
        """Have an update handled that came then, as `came_at` tells its handler."""
        async with self._free:  # for this try only: who waits for the next one holds up nobody
            with _came_at(came):
                return await self._face.handle(update)

    # Drawing

    def _in_hand(self, chat: str) -> set[int]:
        """The chat's updates that wait for their pictures."""
        return self._pictures[chat].updates if chat in self._pictures else set()

    def _in_all_hands(self) -> set[int]:
        return {update for pictures in self._pictures.values() for update in pictures.updates}

    def _want(self, chat: str, update: Update, picture: Picture) -> None:
        """Have a picture drawn."""
        if chat not in self._pictures:
            self._pictures[chat] = Pictures()
            self._start(self._draw_all(chat))
        self._pictures[chat].add(Wanted(update, picture, self._pictures[chat].handled))

    def _is_far_behind(self, chat: str) -> bool:
        """Whether a private chat's next updates had better wait until something is drawn.

        Its session knows the last updates that have taken effect, and of those alone one may come again. What is
        tapped in groups is about orders, and they know all.
        """
        return int(chat) > 0 and chat in self._pictures and self._pictures[chat].behind >= MOST_BEHIND

    async def _strike_off_overtaken(self, chat: str) -> None:
        pictures = self._pictures.get(chat, Pictures())
        for overtaken in pictures.overtaken():
            await self._strike_off(chat, overtaken.update, "")
            pictures.forget(overtaken)

    async def _draw_all(self, chat: str) -> None:
        """Draw what is wanted in a chat, one picture after the other, until nothing is left.

        When the intake closes, what can't be drawn at once stays in the inbox.
        """
        pictures = self._pictures[chat]
        try:
            while (wanted := pictures.take()) is not None:
                result = await self._tried(wanted.update, partial(self._draw, pictures, wanted), {})
                if not isinstance(result, str):
                    return
                await self._apologise_after(result, chat)
                found = await self._strike_off(chat, wanted.update, result)
                pictures.done(wanted)  # not before, for what is not in hand is handled
                await self._strike_off_overtaken(chat)
                if found.update is not None:
                    self._work_on(chat, None)
        finally:
            del self._pictures[chat]

    async def _draw(self, pictures: Pictures, wanted: Wanted) -> None:
        """Draw it, unless a newer picture has taken its place."""
        if not pictures.begin(wanted):
            return
        try:
            async with self._free:
                await self._face.draw(wanted.update, wanted.picture)
        finally:
            pictures.pause()

    # Trying

    async def _tried(
        self, update: Update, work: Callable[[], Awaitable[Picture | None]], read: Mapping[Command, Any]
    ) -> Picture | str | None:
        """Do `work` on behalf of an update, once at least, and trying again until the intake closes; then None.

        Returns what it gives, "" for nothing, and the traceback of one that keeps failing. `read` is what was read for
        it before.
        """
        backoff, failures, began = Backoff(), 0, time.monotonic()
        while True:
            try:
                with only_while(self._inbox.holds(update)), having_read(read):
                    return await work() or ""
            except Superseded:
                log.info("%s bot: update %s is in other hands by now", self._name, update["update_id"])
                return ""
            except (NotYet, TryLater) as later:
                wait = self._until(later, update, backoff)
                if time.monotonic() - began > REPLY_LIFE:
                    return self._trace(later)
            except Exception as error:  # whatever it is: the chat's next update must have its turn
                wait = backoff.next()
                if isinstance(error, RedisError) and is_outage(error):  # however long it takes
                    log.warning("%s bot: %s", self._name, trouble(error))
                    await self._excuse([update])
                else:
                    failures += 1
                    trace = self._trace(error)
                    words = "%s bot: update %s failed (%d of %d)\n%s"
                    # Not the traceback as it is, which would not have the token taken out.
                    log.error(words, self._name, update["update_id"], failures, TRIES, trace)  # noqa: TRY400
                    if failures >= TRIES:
                        return trace
            read = {}
            await self.pause(wait)
            if self.closing:
                return None

    def _until(self, later: NotYet | TryLater, update: Update, backoff: Backoff) -> float:
        """Seconds until the next try of what could not be done now."""
        if isinstance(later, NotYet):  # it was not tried
            return later.seconds
        log.warning("%s bot: the reply to update %s must wait: %s", self._name, update["update_id"], later)
        return backoff.next(later.seconds)

    async def _apologise_after(self, trace: str, chat: str) -> None:
        if not trace or not int(chat):
            return
        try:
            await self._face.apologise(int(chat))
        except Exception as error:  # it is logged and will be set aside; the chat's next update must have its turn
            log.warning("%s bot: chat %s could not be told either (%s)", self._name, chat, type(error).__name__)

    def _trace(self, error: BaseException) -> str:
        """The traceback without the token, which a library's error may show in a URL."""
        return "".join(traceback.format_exception(error)).replace(self._token, "<token>")

    # Waiting

    async def persist(self, call: Callable[[], T]) -> T | None:
        """The result of a call on the store, however long that takes; None if the intake closes first.

        It is tried at least once, so that a handler which finished last has its update struck off.
        """
        backoff = Backoff()
        while True:
            try:
                return await asyncio.to_thread(call)
            except RedisError as error:
                log.warning("%s bot: %s", self._name, trouble(error))
            if self.closing:
                return None
            await self.pause(backoff.next())

    async def _at_once(self, call: Callable[[], T]) -> T | None:
        """The result of one try of a call that must not wait for a thread; None where the store is out of reach."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._prompt, call)
        except RedisError as error:
            log.warning("%s bot: %s", self._name, trouble(error))
            return None

    async def pause(self, seconds: float) -> None:
        """Wait, but not beyond the closing."""
        await pause(seconds, self._closing)
