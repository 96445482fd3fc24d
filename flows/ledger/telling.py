"""What a delivery reads and writes about a side of an order: each step of it in one round trip, shared with others.

Whatever a step writes is decided by what the step before has read or written, and goes in only if that still stands.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from flows import keys
from flows.commands import RecordNotified, RecordUnreachable
from flows.events import Side
from flows.ledger.orders import Ledger, read_events, stage_settled
from flows.ledger.shown import (
    IN_DOUBT,
    Shown,
    is_being_edited,
    is_up_to_date,
    known_message,
    new_edit,
    note_edit,
    note_shown,
    read_shown,
    stored,
)
from flows.ledger.transaction import Transaction, confirming, entries_of, transact_together
from flows.menu import Service
from flows.order import Order, decide, fold
from flows.store import Command, Script, Together

LOCK = 6  # seconds that the lock on a side outlives its holder at most; a worker's does not outlive its lease
PROLONG = 2.0  # seconds between two prolongations

# The lock is free if the lease of who holds it is gone. Who takes it notes that the first message may be out from now
# on, unless it is known which it is, or nothing is to be told any more. Returns whether the lock was free, whether
# nobody had noted that before, and the record of the message.
_LOCK = Script(
    """#!lua
local lock, token, life, records, side, job = unpack(ARGV)
local holder = redis.call('GET', lock)
local lease = holder and string.match(holder, '^(%S+) ')
if holder and not (lease and redis.call('EXISTS', lease) == 0) then return {0, 0, false} end
redis.call('SET', lock, token, 'PX', life)
local is_first = redis.call('HEXISTS', records, job) == 1 and redis.call('HSETNX', records, side, '') or 0
return {1, is_first, redis.call('HGET', records, side)}
""",
    lasting=False,
)
_PROLONG = Script(
    """#!lua
if redis.call('GET', ARGV[1]) == ARGV[2] then redis.call('PEXPIRE', ARGV[1], ARGV[3]) end
""",
    lasting=False,
)
_UNLOCK = Script(
    """#!lua
local lock, token, records, side, in_doubt = unpack(ARGV)
if redis.call('GET', lock) ~= token then return end
redis.call('DEL', lock)
if in_doubt == '0' and redis.call('HGET', records, side) == '' then redis.call('HDEL', records, side) end
""",
    lasting=False,
)


class Busy(Exception):
    """Somebody else is telling this side of this order right now, or editing its message."""


@dataclass(frozen=True)
class Look:
    """A side of an order as it was a moment ago: the order, the message that shows it, and the chat it belongs in."""

    order: Order
    shown: Shown | None
    chat_id: int | None
    topic: int | None = None


@dataclass(frozen=True)
class Painted:
    """A message that shows the order now, and the edit that made it so; none for a new message."""

    shown: Shown
    edit: str = ""


class Telling:
    """The right to tell that side of that order, for as long as `telling` holds it.

    `in_doubt` tells that a first message may be out which nobody has recorded: a worker that died over it does not say.
    """

    in_doubt = False

    def __init__(
        self, ledger: Ledger, store: Together, order_id: str, side: Side, *, restaurant: str, lease: str
    ) -> None:
        self._ledger = ledger
        self._store = store
        self.order_id = order_id
        self.side = side
        self._lock = keys.delivery_lock(order_id, side)
        self._token = f"{lease} {secrets.token_hex(8)}"
        self._history = entries_of(keys.order(order_id))
        self._record: Command = ("HGET", keys.delivery(order_id), str(side))
        self._reads = [self._history, self._record]
        if side is Side.RESTAURANT and restaurant:
            self._reads.append(_switches(restaurant))
        self._seen: dict[Command, Any] = {}
        self._is_fresh = False  # whether nobody has looked yet at what was read together with the lock
        self._is_held = False
        self._folded: tuple[int, Order | None] = 0, None  # so many events, and the order that they make

    async def lock(self) -> bool:
        """Take the lock if it is free, and read for the first look in the same round trip."""
        records, job = keys.delivery(self.order_id), f"{self.side}:job"
        lock = (_LOCK, self._lock, self._token, LOCK * 1000, records, str(self.side), job)
        beside = [command for command in self._reads if command != self._record]
        [[taken, is_first, record], *read] = await self._store.run(lock, *beside, *confirming(self._store))
        self._seen = {self._record: record, **dict(zip(beside, read, strict=False))}
        self._is_fresh = True
        self.in_doubt = record == IN_DOUBT and not is_first
        self._is_held = bool(taken)
        return self._is_held

    async def prolong(self) -> None:
        """Keep the lock for as long as this runs."""
        while True:
            await asyncio.sleep(PROLONG)
            with suppress(RedisError):
                await self._store.run((_PROLONG, self._lock, self._token, LOCK * 1000))

    async def unlock(self) -> None:
        """Let others tell this side, unless what was recorded last has done so already."""
        if not self._is_held:
            return
        records = keys.delivery(self.order_id)
        await self._store.run((_UNLOCK, self._lock, self._token, records, str(self.side), int(self.in_doubt)))

    async def look(self) -> Look:
        """Raises `LookupError` if there is no such order, and `ValueError` if it can't be read."""
        if not self._is_fresh:
            read = await self._store.run(*self._reads, *confirming(self._store))
            self._seen = dict(zip(self._reads, read, strict=False))
        self._is_fresh = False
        record = self._seen[self._record]
        order = self._order(self._seen[self._history])
        return Look(order, read_shown(record), *await self._place(order))

    async def _place(self, order: Order) -> tuple[int | None, int | None]:
        """The chat and its topic."""
        if self.side is Side.CUSTOMER:
            return order.placed.customer.id, None
        command = _switches(order.placed.restaurant.slug)
        if command not in self._seen:
            [self._seen[command]] = await self._store.run(command)
        raw = self._seen[command]
        service = Service() if raw is None else Service.model_validate_json(raw)
        return service.staff_chat, service.staff_topic

    def _order(self, history: Sequence[bytes]) -> Order:
        """What these events make. They are only ever added to, so as many of them are the same ones."""
        number, order = self._folded
        if order is None or number != len(history):
            order = fold(read_events(self.order_id, history))
            self._folded = len(history), order
        if order is None:
            raise LookupError(f"a notification for order {self.order_id}, which does not exist")
        return order

    async def begin_edit(self, look: Look, covered: Collection[str]) -> tuple[Look, str]:
        """Note that the message that shows the order is about to be edited. Returns how things are now, and the edit;
        "" if somebody else has brought it up to date meanwhile, with no edits in doubt but those that are `covered`.

        Raises `Busy` while somebody else is editing it: most likely a bot that answers a tap. To paint over that would
        also paint over the question that the next tap may bring up.
        """
        shown = look.shown
        now = self._ledger.clock()
        edit, until = new_edit(now)

        def work(attempt: Transaction) -> tuple[Order, Shown | None, str]:
            order = self._order(attempt.entries(keys.order(self.order_id)))
            known = known_message(attempt, self.order_id, self.side)
            if _is_shown(order, known, look.chat_id, covered):
                return order, known, ""
            if known is not None and is_being_edited(known, now, edit):
                raise Busy(self.order_id)
            message = (0, 0) if shown is None else (shown.chat_id, shown.message_id)
            known = note_edit(attempt, self.order_id, self.side, message, edit=edit, until=until)
            return order, known, edit

        order, known, begun = await transact_together(self._store, work, self._seen)
        self._seen[self._record] = None if known is None else stored(known)
        return Look(order, known, look.chat_id, look.topic), begun

    async def tell(
        self,
        look: Look,
        painted: Painted | None,
        fact: RecordNotified | RecordUnreachable | None = None,
        covered: Collection[str] = (),
    ) -> bool:
        """Record what was painted and told since `look`. `covered` are edits of others that have been painted over.

        True when nothing is left to tell: then the notification is struck off, and the lock let go. Raises `Refused`.
        """
        # The version makes the cause unique: the same news can be owed again later (a second reminder).
        cause = "" if fact is None else f"delivery-{fact.side}-{fact.about}-{look.order.version}"

        def work(attempt: Transaction) -> tuple[bool, Shown | None]:
            order = self._order(attempt.entries(keys.order(self.order_id)))
            is_news = order.version != look.order.version
            if painted is None:
                known = known_message(attempt, self.order_id, self.side)
            else:
                now = self._ledger.clock()
                known = note_shown(attempt, self.order_id, self.side, painted.shown, edit=painted.edit, now=now)
            if fact is not None and cause not in order.causes:
                new = decide(order, fact, self._ledger.clock())
                order = self._ledger.stage(attempt.writes, order, new, cause) or order
            if is_news or order.owed_to(self.side) or not _is_shown(order, known, look.chat_id, covered):
                return False, known
            settled = stage_settled(attempt, order, self.side, look.chat_id)
            if settled:
                attempt.releases = self._lock, self._token
            return settled, known

        done, known = await transact_together(self._store, work, self._seen)
        self._seen[self._record] = None if known is None else stored(known)
        self._is_held = not done
        return done


def _is_shown(order: Order, known: Shown | None, chat_id: int | None, covered: Collection[str]) -> bool:
    if known is None or known.chat_id != chat_id:
        return False
    return is_up_to_date(order, known, covered)


def _switches(restaurant: str) -> Command:
    """What asks for a restaurant's switches, and so for its staff chat (see `restaurants.stored_service`)."""
    return ("HGET", keys.SERVICES, restaurant)


@asynccontextmanager
async def telling(
    ledger: Ledger, store: Together, order_id: str, side: Side, *, restaurant: str = "", lease: str = ""
) -> AsyncIterator[Telling]:
    """Hold the lock of this side of this order; of the `restaurant`'s, if that is known. Raises `Busy`.

    It lives for seconds and is prolonged meanwhile, and no longer than the key `lease` where there is one: so a process
    that dies holds up nobody for long. Who loses it nevertheless may say the same as another, which is no harm.
    """
    held = Telling(ledger, store, order_id, side, restaurant=restaurant, lease=lease)
    if not await held.lock():
        raise Busy(order_id)
    prolonging = asyncio.create_task(held.prolong())
    try:
        yield held
    finally:
        prolonging.cancel()
        with suppress(RedisError):  # it expires by itself
            await held.unlock()
