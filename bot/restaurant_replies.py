"""What a staff chat shows after an update: the tapped message edited in place, or a new one below."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ParamSpec, TypeVar

from aiogram import Bot
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, MaybeInaccessibleMessageUnion, Message

from bot.pictures import BELOW, Picture
from bot.restaurant_errors import LATER, REFUSALS, meaning_of
from bot.toasts import toast
from flows.events import Side
from flows.ledger import Ledger, Shown
from flows.messages.staff import ticket_screen
from flows.messages.text import NOTICE_LIMIT, plain
from flows.screens import Screen
from flows.serving import TicketStep
from flows.telegram_errors import Meaning

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Tapped:
    """The message on which somebody tapped; `topic` is that of a group with topics, None for General."""

    chat_id: int
    message_id: int
    topic: int | None = None


class Replies:
    """The replies of the restaurant bot. Whatever fails here, the update's effect has been committed before."""

    def __init__(self, bot: Bot, ledger: Ledger) -> None:
        self._bot = bot
        self._ledger = ledger

    def to_message(self, message: Message, screen: Screen) -> Picture:
        """The reply to something typed, below it."""
        draw = partial(message.answer, screen.text, reply_markup=_markup(screen))
        return Picture(message.chat.id, (BELOW, message.message_id), draw)

    async def answer(self, query: CallbackQuery, text: str, alert: bool = False) -> None:
        """Answer a tap, so that its button stops turning. Whether Telegram takes that or not, the effect stands."""
        give = partial(query.answer, plain(text, NOTICE_LIMIT) or None, show_alert=alert)
        await toast(give, REFUSALS, meaning_of)

    def to_tap(self, query: CallbackQuery, tapped: Tapped, screen: Screen | None, settled: str) -> Picture:
        """What a tap on a setting has led to: a screen in the tapped message, or in a new one where it can't be edited.

        With `settled` the tapped message is a ticket, and stays one without these offers (see `SettingStep`).
        """

        async def draw() -> None:
            if settled:
                await self._take_away(query, settled)
            if screen is not None and (settled or not await self._edit(tapped.chat_id, tapped.message_id, screen)):
                await self._send(tapped, screen)

        return Picture(tapped.chat_id, tapped.message_id, draw)

    async def _take_away(self, query: CallbackQuery, start: str) -> None:
        """Take the buttons whose payloads begin like that off the tapped message, where Telegram says what it has."""
        message = query.message
        if not isinstance(message, Message) or message.reply_markup is None:
            return
        rows = message.reply_markup.inline_keyboard
        left = [[button for button in row if not (button.callback_data or "").startswith(start)] for row in rows]
        keyboard = InlineKeyboardMarkup(inline_keyboard=[row for row in left if row])
        try:
            await self._bot.edit_message_reply_markup(
                chat_id=message.chat.id, message_id=message.message_id, reply_markup=keyboard
            )
        except REFUSALS as error:
            if meaning_of(error) not in {Meaning.UNCHANGED, Meaning.VANISHED, Meaning.TOPIC}:
                raise

    def to_ticket_tap(self, tapped: Tapped, order_id: str, step: TicketStep, *, refused: bool) -> Picture:
        """What a tap on a ticket has led to, in the tapped message.

        A question, and what it gives way to, only we show; the rest a worker may have shown already.
        """
        needed = step.command is None or refused
        draw = partial(self._show_ticket, tapped, order_id, step, needed=needed)
        return Picture(tapped.chat_id, tapped.message_id, draw)

    async def _show_ticket(self, tapped: Tapped, order_id: str, step: TicketStep, *, needed: bool) -> None:
        """Show the ticket as it is by now.

        After a command nothing has to be tried hard: the notification that follows from it brings the ticket up to
        date as well, and sends it anew where it is gone. A question is ours alone.
        """
        chat_id, message_id = tapped.chat_id, tapped.message_id
        begun = await thread(self._ledger.begin_edit, order_id, Side.RESTAURANT, chat_id, message_id, needed=needed)
        if begun is None:
            return
        order, edit = begun
        screen = ticket_screen(order, step.mode, step.page)
        try:
            edited = await self._edit(chat_id, message_id, screen)
        except REFUSALS as error:
            if meaning_of(error) is not Meaning.NOT_NOW:  # without an answer it may still arrive
                await thread(self._ledger.forget_edit, order.id, Side.RESTAURANT, edit)
            if step.command is None or meaning_of(error) not in LATER:
                raise
            log.info("order %s: the ticket is left to a worker (%s)", order.id, type(error).__name__)
            return
        if not edited:
            await thread(self._ledger.forget_edit, order.id, Side.RESTAURANT, edit)
        if not edited and step.command is not None:
            return
        showing = tapped if edited else await self._send(tapped, screen)
        shown = Shown(chat_id=chat_id, message_id=showing.message_id, version=order.version, topic=showing.topic)
        await self._remember(shown, message_id, order.id, edit)
        # A worker may have shown something newer in the meantime, which we have just painted over.
        now = await thread(self._ledger.order, order.id)
        if now is not None and now.changed > order.version:
            await self._show_ticket(showing, order_id, TicketStep(), needed=True)

    async def _remember(self, shown: Shown, tapped: int, order_id: str, edit: str) -> None:
        """Note what the ticket shows, unless the tapped message is a second copy: workers go on editing the first."""
        known = await thread(self._ledger.shown, order_id, Side.RESTAURANT)
        if known is None or known.chat_id != shown.chat_id or known.message_id == tapped:
            await thread(self._ledger.record_shown, order_id, Side.RESTAURANT, shown, edit)

    async def _send(self, tapped: Tapped, screen: Screen) -> Tapped:
        """Send a message into the topic of the tapped one; where that takes none any more, into General."""
        send = partial(self._bot.send_message, tapped.chat_id, screen.text, reply_markup=_markup(screen))
        try:
            sent = await send(message_thread_id=tapped.topic)
        except REFUSALS as error:
            if tapped.topic is None or meaning_of(error) is not Meaning.TOPIC:
                raise
            sent = await send()
        return Tapped(sent.chat.id, sent.message_id, topic_of(sent))

    async def _edit(self, chat_id: int, message_id: int, screen: Screen) -> bool:
        """Edit a message in place; False when Telegram does not let us: it is gone, too old, or in a closed topic."""
        try:
            await self._bot.edit_message_text(
                screen.text, chat_id=chat_id, message_id=message_id, reply_markup=_markup(screen)
            )
        except REFUSALS as error:
            match meaning_of(error):
                case Meaning.UNCHANGED:
                    return True
                case Meaning.VANISHED | Meaning.TOPIC:
                    return False
                case _:
                    raise
        return True


def topic_of(message: MaybeInaccessibleMessageUnion) -> int | None:
    """The topic that a message stands in; None for General, and where Telegram does not tell: of a message too old."""
    return message.message_thread_id if isinstance(message, Message) and message.is_topic_message else None


def _markup(screen: Screen) -> InlineKeyboardMarkup | None:
    return InlineKeyboardMarkup.model_validate(screen.keyboard()) if screen.rows else None


async def thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a call of the (synchronous) ledger off the event loop."""
    return await asyncio.to_thread(call, *args, **kwargs)
