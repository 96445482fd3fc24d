"""Telling a side of an order what it should know: its message brought up to date, and a new one for what rings.

`sendMessage` has no idempotency key: a process that dies between a send and its record sends again. So whatever can
be an edit is one, and only the short messages that ring (and the first ticket) can come twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import ParamSpec, TypeVar

from flows.commands import RecordNotified, RecordUnreachable
from flows.events import About, Side
from flows.gate import Urgency
from flows.ledger import Ledger, Shown
from flows.ledger.telling import Busy, Look, Painted, Telling, telling
from flows.messages import customer, staff
from flows.order import WAITING, Order, Owed
from flows.screens import Screen
from flows.store import Together
from workers.downtimes import time_running
from workers.telegram import Later, Moved, NoTopic, NotOurTurn, Sender, Unreachable, Vanished, may_have_arrived

log = logging.getLogger(__name__)

GIVE_UP = timedelta(hours=24)
"""How long a message is tried, while workers run, before the other side is told that it could not be delivered."""

SHORTEST, LONGEST = timedelta(seconds=1), timedelta(minutes=15)
"""Bounds of the wait between two tries. In between it is half the time already spent trying."""

LAST_TRY = timedelta(seconds=2)
"""How long before the time to answer is over a ticket is given up that no topic takes."""

P = ParamSpec("P")
T = TypeVar("T")


class Courier:
    """Carries out `notify`: renders the order as it is now, and looks again after sending."""

    def __init__(self, ledger: Ledger, store: Together, sender: Sender, lease: str = "") -> None:
        """`lease` is the key that says that this worker is alive: without it others tell what it was telling."""
        self._lease = lease
        self._ledger = ledger
        self._store = store
        self._sender = sender

    async def notify(self, order_id: str, side: Side, restaurant: str = "") -> None:
        """Tell `side` all that it is owed. What can't be delivered now is put down for a later try.

        With the order's `restaurant` its staff chat is read together with the order.
        """
        mine = {"restaurant": restaurant, "lease": self._lease}
        try:
            async with telling(self._ledger, self._store, order_id, side, **mine) as held:
                covered = set[str]()
                while not await self._step(held, covered):
                    pass
        except Busy:
            await self._postpone(order_id, side, SHORTEST)
        except Later as later:
            level = logging.DEBUG if isinstance(later, NotOurTurn) else logging.WARNING
            log.log(level, "order %s, %s: %s", order_id, side, later)
            await self._try_later(order_id, side, later)
        except Exception as error:
            await self._try_later(order_id, side, error)
            raise

    async def _step(self, held: Telling, covered: set[str]) -> bool:
        """Do the next thing towards that side; True when nothing is left to do.

        `covered` are edits of others that this delivery has painted over.
        """
        look = await held.look()
        order, side = look.order, held.side
        owed = next(iter(order.owed_to(side)), None)
        if owed is None and order.over and side is Side.RESTAURANT and look.shown is None and not held.in_doubt:
            # Over before its ticket went out: staff need not hear of it. If one may be out, a new one tells the end.
            return await self._settle(order, side, look.chat_id)
        try:
            return await self._tell(held, look, owed, covered)
        except Moved as moved:
            await self._follow(order, side, look.chat_id, moved)
        except Unreachable as reason:
            if side is Side.RESTAURANT:
                await _thread(self._ledger.note_trouble, order.placed.restaurant.slug, "gone")
            return await self._give_up(order, side, str(reason))
        return False

    async def _tell(self, held: Telling, look: Look, owed: Owed | None, covered: set[str]) -> bool:
        if look.chat_id is None:  # the bot was removed from it; another may join before the order expires
            raise Later(None, "the restaurant has no staff chat just now")
        side, chat_id, order = held.side, look.chat_id, look.order
        urgency = Urgency.ROUTINE if owed is None or owed.about is About.REMINDER else Urgency.NEWS
        look, painted = await self._show(held, look, chat_id, covered, urgency)
        if owed is None:
            return await held.tell(look, painted, covered=covered)
        fact = RecordNotified(side, owed.about)
        if owed.about is not About.PLACED:  # the ticket itself is the news of a new order
            if painted is not None:
                await held.tell(look, painted)
            card = look.shown if painted is None else painted.shown
            _, topic = await self._send(look, chat_id, side, _ring(order, owed), urgency=urgency, answered=card)
            painted = None
            if card is not None and card.topic != topic and not order.over:
                # The topic with the ticket is closed or deleted: it has to be where staff can answer it.
                painted = await self._send_card(look, chat_id, side, urgency)
        return await held.tell(look, painted, fact, covered)

    async def _settle(self, order: Order, side: Side, chat_id: int | None) -> bool:
        return await _thread(self._ledger.settle, order, side, chat_id)

    async def _show(
        self, held: Telling, look: Look, chat_id: int, covered: set[str], urgency: Urgency
    ) -> tuple[Look, Painted | None]:
        """Bring the message that shows the order up to date, or send it, unless it is. Returns what it was made by."""
        shown = look.shown
        if shown is not None and shown.chat_id == chat_id:
            if shown.version >= look.order.changed and covered.issuperset(shown.edits):
                return look, None
            before = frozenset(covered)
            covered.update(shown.edits)
            try:
                return await self._edit(held, look, shown, before, urgency)
            except (Vanished, NoTopic):
                log.info("order %s: the message shown to %s is gone, sending it anew", held.order_id, held.side)
        was_in_doubt, held.in_doubt = held.in_doubt, True
        try:
            return look, await self._send_card(look, chat_id, held.side, urgency)
        except Exception as error:
            held.in_doubt = was_in_doubt or may_have_arrived(error)
            raise

    async def _send_card(self, look: Look, chat_id: int, side: Side, urgency: Urgency) -> Painted:
        """Send a new message that shows the order."""
        message_id, topic = await self._send(look, chat_id, side, _card(look.order, side), urgency=urgency)
        return Painted(Shown(chat_id=chat_id, message_id=message_id, version=look.order.version, topic=topic))

    async def _send(
        self, look: Look, chat_id: int, side: Side, screen: Screen, *, urgency: Urgency, answered: Shown | None = None
    ) -> tuple[int, int | None]:
        """Send a message into the restaurant's topic, as an answer into that of the message that is `answered`.

        Where that topic takes none, into General, as no answer: that would stand in the topic of what it answers.
        Returns the message and its topic. Raises `NoTopic` if General is closed as well.
        """
        topic, reply_to = (look.topic, None) if answered is None else (answered.topic, answered.message_id)
        slug = look.order.placed.restaurant.slug
        try:
            if topic is not None:
                try:
                    return await self._sender.send(side, chat_id, screen, reply_to, topic, urgency=urgency), topic
                except NoTopic as reason:
                    log.warning("the staff chat of %s: %s; General is used", slug, reason)
                    await _thread(self._ledger.note_trouble, slug, "topic")
                    reply_to = None
            return await self._sender.send(side, chat_id, screen, reply_to, urgency=urgency), None
        except NoTopic as reason:
            log.error("the staff chat of %s: %s, nor does General: orders don't arrive", slug, reason)  # noqa: TRY400
            await _thread(self._ledger.note_trouble, slug, "all")
            raise

    async def _edit(
        self, held: Telling, look: Look, shown: Shown, covered: frozenset[str], urgency: Urgency
    ) -> tuple[Look, Painted | None]:
        """Edit what shows the order, which is read when it is our turn: that may take a while, and others edit, too."""
        edit = ""

        async def draw() -> Screen | None:
            nonlocal edit, look
            look, edit = await held.begin_edit(look, covered)
            return _card(look.order, held.side) if edit else None

        try:
            await self._sender.edit(held.side, shown.chat_id, shown.message_id, draw, urgency)
        except (Vanished, Unreachable, Moved, NoTopic):
            await _thread(self._ledger.forget_edits, held.order_id, held.side)
            raise
        except Exception as error:
            if edit and not may_have_arrived(error):
                await _thread(self._ledger.forget_edit, held.order_id, held.side, edit)
            raise
        if not edit:
            return look, None
        painted = shown.model_copy(update={"version": look.order.version, "edits": {}})
        return look, Painted(painted, edit)

    async def _record(self, order: Order, fact: RecordUnreachable) -> None:
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
        # After a downtime whoever is to answer gets time anew, and so does what they are to be told.
        since = order.changed_at if owed is None else max(owed.since, order.asked_at)
        now = self._ledger.clock()
        age = await _thread(time_running, self._store.redis, since, now)
        left = GIVE_UP - age
        if isinstance(error, NoTopic) and owed is not None and owed.about is About.PLACED and order.status in WAITING:
            left = order.answer_by - LAST_TRY - now  # later nobody could answer it, and the customer is to know why
        if left <= timedelta() and not isinstance(error, NotOurTurn):
            if not await self._give_up(order, side, f"not delivered within {age}: {error}"):
                await self._postpone(order_id, side, SHORTEST)
        elif isinstance(error, Later) and error.seconds is not None:
            await self._postpone(order_id, side, timedelta(seconds=error.seconds))
        else:
            await self._postpone(order_id, side, min(max(age / 2, SHORTEST), LONGEST, max(left, SHORTEST)))

    async def _postpone(self, order_id: str, side: Side, wait: timedelta) -> None:
        await _thread(self._ledger.postpone, order_id, side, self._ledger.clock() + wait)


def _card(order: Order, side: Side) -> Screen:
    return customer.status_screen(order) if side is Side.CUSTOMER else staff.ticket_screen(order)


def _ring(order: Order, owed: Owed) -> Screen:
    if owed.side is Side.CUSTOMER:
        return customer.ring(order, owed.about)
    return staff.ring(order, owed.about)


async def _thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return await asyncio.to_thread(call, *args, **kwargs)
