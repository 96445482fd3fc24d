"""Telling a side of an order what it should know: its message brought up to date, and a new one for what rings.

`sendMessage` has no idempotency key: a process that dies between a send and its record sends again. So whatever can
be an edit is one, and only the short messages that ring (and the first ticket) can come twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import ParamSpec, TypeVar

from redis import Redis
from redis.exceptions import LockError, RedisError
from redis.lock import Lock

from flows import keys
from flows.commands import RecordNotified, RecordUnreachable
from flows.events import About, Side
from flows.ledger import Ledger, Shown
from flows.messages import customer, staff
from flows.order import Order, Owed
from flows.screens import Screen
from workers.telegram import Later, Moved, Sender, Unreachable, Vanished, may_have_arrived

log = logging.getLogger(__name__)

GIVE_UP = timedelta(hours=24)
"""How long a message is tried before the other side is told that it could not be delivered."""

SHORTEST, LONGEST = timedelta(seconds=1), timedelta(minutes=15)
"""Bounds of the wait between two tries. In between it is half the time already spent trying."""

LOCK, PROLONG = 6, 2.0  # seconds that a worker's lock on a side outlives the worker, and between two prolongations

P = ParamSpec("P")
T = TypeVar("T")


class Busy(Exception):
    """Another worker is telling this side of this order right now."""


class Courier:
    """Carries out `notify`: renders the order as it is now, and looks again after sending."""

    def __init__(self, ledger: Ledger, redis: Redis, sender: Sender) -> None:
        self._ledger = ledger
        self._redis = redis
        self._sender = sender

    async def notify(self, order_id: str, side: Side) -> None:
        """Tell `side` all that it is owed. What can't be delivered now is put down for a later try."""
        try:
            async with self._alone(order_id, side):
                covered = set[str]()
                while not await self._step(order_id, side, covered):
                    pass
        except Busy:
            await self._postpone(order_id, side, SHORTEST)
        except Later as later:
            log.warning("order %s, %s: %s", order_id, side, later)
            await self._try_later(order_id, side, later)
        except Exception as error:
            await self._try_later(order_id, side, error)
            raise

    async def _step(self, order_id: str, side: Side, covered: set[str]) -> bool:
        """Do the next thing towards that side; True when nothing is left to do.

        `covered` are edits of others that this delivery has painted over.
        """
        order = await _thread(self._ledger.order, order_id)
        if order is None:
            raise LookupError(f"a notification for order {order_id}, which does not exist")
        owed = next(iter(order.owed_to(side)), None)
        chat_id = await self._chat(order, side)
        if owed is None and await self._never_seen(order, side):
            return await self._settle(order, side, chat_id)
        try:
            if chat_id is None:  # the bot was removed from it; another may join before the order expires
                raise Later(None, "the restaurant has no staff chat just now")
            card = await self._show(order, side, chat_id, covered)
            if owed is None:
                return await self._settle(order, side, chat_id)
            if owed.about is not About.PLACED:  # the ticket itself is the news of a new order
                await self._sender.send(side, chat_id, _ring(order, owed), reply_to=card)
            await self._record(order, RecordNotified(side, owed.about))
        except Moved as moved:
            await self._follow(order, side, chat_id, moved)
        except Unreachable as reason:
            return await self._give_up(order, side, str(reason))
        return False

    async def _never_seen(self, order: Order, side: Side) -> bool:
        """An order that was over before its ticket went out: staff need not hear of it."""
        return order.over and side is Side.RESTAURANT and await _thread(self._ledger.shown, order.id, side) is None

    async def _settle(self, order: Order, side: Side, chat_id: int | None) -> bool:
        return await _thread(self._ledger.settle, order, side, chat_id)

    async def _show(self, order: Order, side: Side, chat_id: int, covered: set[str]) -> int:
        """Bring the message that shows the order up to date, or send it. Returns its id."""
        shown = await _thread(self._ledger.shown, order.id, side)
        if shown is not None and shown.chat_id == chat_id:
            if shown.version >= order.changed and covered.issuperset(shown.edits):
                return shown.message_id
            covered.update(shown.edits)
            try:
                return await self._edit(order.id, side, shown)
            except Vanished:
                log.info("order %s: the message shown to %s is gone, sending it anew", order.id, side)
        message_id = await self._sender.send(side, chat_id, _card(order, side))
        sent = Shown(chat_id=chat_id, message_id=message_id, version=order.version)
        await _thread(self._ledger.record_shown, order.id, side, sent)
        return message_id

    async def _edit(self, order_id: str, side: Side, shown: Shown) -> int:
        """Edit what shows the order, which is read when it is our turn: that may take a while. Returns its id."""
        edit, version = "", 0

        async def draw() -> Screen:
            nonlocal edit, version
            edit = await _thread(self._ledger.begin_edit, order_id, side, shown.chat_id, shown.message_id)
            order = await _thread(self._ledger.order, order_id)
            if order is None:
                raise LookupError(f"order {order_id} is gone")
            version = order.version
            return _card(order, side)

        try:
            await self._sender.edit(side, shown.chat_id, shown.message_id, draw)
        except (Vanished, Unreachable, Moved):
            await _thread(self._ledger.forget_edits, order_id, side)
            raise
        except Exception as error:
            if edit and not may_have_arrived(error):
                await _thread(self._ledger.forget_edit, order_id, side, edit)
            raise
        painted = Shown(chat_id=shown.chat_id, message_id=shown.message_id, version=version)
        await _thread(self._ledger.record_shown, order_id, side, painted, edit)
        return shown.message_id

    async def _record(self, order: Order, fact: RecordNotified | RecordUnreachable) -> None:
        # The version makes the cause unique: the same news can be owed again later (a second reminder).
        cause = f"delivery-{fact.side}-{fact.about}-{order.version}"
        await _thread(self._ledger.execute, order.id, fact, cause)

    async def _chat(self, order: Order, side: Side) -> int | None:
        if side is Side.CUSTOMER:
            return order.placed.customer.id
        service = await _thread(self._ledger.service, order.placed.restaurant.slug)
        return service.staff_chat

    async def _follow(self, order: Order, side: Side, chat_id: int | None, moved: Moved) -> None:
        if side is Side.CUSTOMER or chat_id is None:
            raise Unreachable("a private chat does not move")
        log.info("the staff chat of %s has become a supergroup", order.placed.restaurant.slug)
        await _thread(self._ledger.move_staff_chat, chat_id, moved.chat_id)

    async def _give_up(self, order: Order, side: Side, reason: str) -> bool:
        """Record that the oldest news can't be delivered; True when there is none, so that nothing is left to do."""
        owed = next(iter(order.owed_to(side)), None)
        if owed is None:
            return await self._settle(order, side, await self._chat(order, side))
        log.warning("order %s: %s can't be told %s: %s", order.id, side, owed.about, reason)
        await self._record(order, RecordUnreachable(side, owed.about, reason))
        return False

    async def _try_later(self, order_id: str, side: Side, error: Exception) -> None:
        """Put the delivery down for another try, or give it up when it has been tried for `GIVE_UP`."""
        try:
            order = await _thread(self._ledger.order, order_id)
        except ValueError:  # unreadable: the error that brought us here says so; others go first
            await self._postpone(order_id, side, LONGEST)
            return
        if order is None:
            return
        owed = next(iter(order.owed_to(side)), None)
        age = self._ledger.clock() - (order.changed_at if owed is None else owed.since)
        if age > GIVE_UP:
            if not await self._give_up(order, side, f"not delivered within {GIVE_UP}: {error}"):
                await self._postpone(order_id, side, SHORTEST)
        elif isinstance(error, Later) and error.seconds is not None:
            await self._postpone(order_id, side, timedelta(seconds=error.seconds))
        else:
            await self._postpone(order_id, side, min(max(age / 2, SHORTEST), LONGEST))

    async def _postpone(self, order_id: str, side: Side, wait: timedelta) -> None:
        await _thread(self._ledger.postpone, order_id, side, self._ledger.clock() + wait)

    @asynccontextmanager
    async def _alone(self, order_id: str, side: Side) -> AsyncIterator[None]:
        """Hold the lock of this side of this order. Raises `Busy`.

        It lives for seconds and is prolonged meanwhile, so that a worker that dies holds up nobody for long.
        """
        lock = self._redis.lock(keys.delivery_lock(order_id, side), timeout=LOCK, thread_local=False)
        if not await _thread(lock.acquire, blocking=False):
            raise Busy(order_id)
        prolonging = asyncio.create_task(_prolong(lock))
        try:
            yield
        finally:
            prolonging.cancel()
            try:
                await _thread(lock.release)
            except LockError:
                log.info("order %s: the lock of %s had expired", order_id, side)


async def _prolong(lock: Lock) -> None:
    try:
        while True:
            await asyncio.sleep(PROLONG)
            await _thread(lock.reacquire)
    except (LockError, RedisError):  # lost: the other worker may send the same once more, which is no harm
        log.info("the lock %s could not be prolonged", lock.name)


def _card(order: Order, side: Side) -> Screen:
    return customer.status_screen(order) if side is Side.CUSTOMER else staff.ticket_screen(order)


def _ring(order: Order, owed: Owed) -> Screen:
    if owed.side is Side.CUSTOMER:
        return customer.ring(order, owed.about)
    return staff.ring(order, owed.about)


async def _thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return await asyncio.to_thread(call, *args, **kwargs)
