"""What the customer's chat shows after an update: which message is edited, which one is new, which one goes.

A private chat holds two kinds of our messages. An order's status message stays that order's for ever. Everything else
the customer walks through is one live menu message: taps edit it, a typed text moves it to the bottom.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from telegram import Bot, CallbackQuery, InlineKeyboardMarkup
from telegram.error import TelegramError

from bot.customer_errors import meaning_of
from bot.pictures import BELOW, Picture
from bot.toasts import toast
from flows.events import Side
from flows.ledger import Ledger, Shown
from flows.messages.customer import status_screen
from flows.messages.text import esc
from flows.order import Order
from flows.ordering import Notice, Turn, render
from flows.screens import Screen
from flows.session import OrderView, Session
from flows.telegram_errors import Meaning

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


class Replies:
    """The replies of the customer bot. Whatever fails here, the update's effect has been committed before."""

    def __init__(self, bot: Bot, ledger: Ledger) -> None:
        self._bot = bot
        self._ledger = ledger

    def to_message(self, chat_id: int, turn: Turn) -> Picture:
        """The reply to something typed: the screen as a new message at the bottom, below the notice if there is one."""

        async def draw() -> None:
            screen = await self._screen(turn, turn.session, chat_id)
            await self._send(chat_id, await self._live_menu(chat_id), screen, turn.notice)

        return Picture(chat_id, BELOW, draw)

    async def to_tap(self, query: CallbackQuery, chat_id: int, message_id: int, turn: Turn) -> Picture:
        """Answer a tap. Returns the screen that follows from it, in place where that may be."""
        await self.answer(query, turn.notice)
        return Picture(chat_id, message_id, partial(self._show, chat_id, message_id, turn))

    async def _show(self, chat_id: int, message_id: int, turn: Turn) -> None:
        view, menu = turn.session.view, await self._live_menu(chat_id)
        order = await thread(self._ledger.order, view.order_id) if isinstance(view, OrderView) else None
        if isinstance(view, OrderView) and order is not None:
            await self._show_order(chat_id, message_id, menu, view, order, needed=turn.command is None)
            return
        screen = await self._screen(turn, turn.session, chat_id)
        # Any other message may be an order's status, which must not turn into a menu.
        if message_id == menu and await self._edit(chat_id, message_id, screen):
            return
        await self._send(chat_id, menu, screen, None)

    async def _live_menu(self, chat_id: int) -> int | None:
        """The live menu message as it is by now: what was drawn since the update was handled may have moved it."""
        return (await thread(self._ledger.session, chat_id)).message_id

    async def _screen(self, turn: Turn, session: Session, chat_id: int) -> Screen:
        return await thread(render, session, turn.shop or self._ledger, chat_id, self._ledger.clock())

    async def answer(self, query: CallbackQuery, notice: Notice | None) -> None:
        """Answer a tap, so that its button stops turning. Whether Telegram takes that or not, the effect stands."""
        give = query.answer if notice is None else partial(query.answer, notice.text, show_alert=notice.alert)
        await toast(give, TelegramError, meaning_of)

    async def _show_order(
        self, chat_id: int, message_id: int, menu: int | None, view: OrderView, order: Order, *, needed: bool
    ) -> None:
        """Show an order in the tapped message: as its one live status, or as a copy looked up among the orders.

        Where it is not `needed` for more, a status that a worker has brought up to date meanwhile is left alone.
        """
        status = await thread(self._ledger.shown, order.id, Side.CUSTOMER)
        if status is not None and status.message_id != message_id:
            copy = status_screen(order, asking=view.asking, listed=view.page)
            if not await self._edit(chat_id, message_id, copy):
                await self._send(chat_id, menu, copy, None)
            elif message_id != menu:
                await thread(self._ledger.remember_message, chat_id, message_id)
            return
        if message_id == menu:
            await thread(self._ledger.remember_message, chat_id, None)
        begin = partial(self._ledger.begin_edit, order.id, Side.CUSTOMER, chat_id)
        begun = await thread(begin, message_id, needed=needed)
        while begun is not None:
            order, edit = begun
            screen = status_screen(order, asking=view.asking)
            try:
                edited = await self._edit(chat_id, message_id, screen)
            except TelegramError as error:
                if meaning_of(error) is not Meaning.NOT_NOW:  # without an answer it may still arrive
                    await thread(self._ledger.forget_edit, order.id, Side.CUSTOMER, edit)
                raise
            if not edited:
                await thread(self._ledger.forget_edit, order.id, Side.CUSTOMER, edit)
                message_id = await self._post(chat_id, screen)
            shown = Shown(chat_id=chat_id, message_id=message_id, version=order.version)
            await thread(self._ledger.record_shown, order.id, Side.CUSTOMER, shown, edit)
            # A worker may have shown something newer in the meantime, which we have just painted over.
            now = await thread(self._ledger.order, order.id)
            is_old = now is not None and now.changed > order.version
            begun = await thread(begin, message_id) if is_old else None

    async def _edit(self, chat_id: int, message_id: int, screen: Screen) -> bool:
        """Edit a message in place; False when Telegram does not let us, because it is gone or too old."""
        try:
            await self._bot.edit_message_text(screen.text, chat_id, message_id, reply_markup=_keyboard(screen))
        except TelegramError as error:
            match meaning_of(error):
                case Meaning.UNCHANGED:
                    return True
                case Meaning.VANISHED:
                    return False
                case _:
                    raise
        return True

    async def _send(self, chat_id: int, former: int | None, screen: Screen, notice: Notice | None) -> None:
        """Send the live menu message anew, and take the former one away so that the chat does not fill up."""
        if notice is not None:
            screen = Screen(f"{esc(notice.text)}\n\n{screen.text}", screen.rows)
        message_id = await self._post(chat_id, screen)
        await thread(self._ledger.remember_message, chat_id, message_id)
        if former is not None:
            try:
                await self._bot.delete_message(chat_id, former)
            except TelegramError as error:
                log.debug("a former menu message stays: %s", error.message)

    async def _post(self, chat_id: int, screen: Screen) -> int:
        sent = await self._bot.send_message(chat_id, screen.text, reply_markup=_keyboard(screen))
        return sent.message_id


async def thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a call of the (synchronous) ledger off the event loop."""
    return await asyncio.to_thread(call, *args, **kwargs)


def _keyboard(screen: Screen) -> InlineKeyboardMarkup | None:
    return InlineKeyboardMarkup.de_json(screen.keyboard(), None) if screen.rows else None
