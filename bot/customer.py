"""The customer bot, on python-telegram-bot: an update becomes a step of `flows.ordering`, is committed, and replied to.

Nothing here decides anything about an order.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from telegram import (
    BotCommand,
    Chat,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    Message,
    Update,
    User,
)
from telegram.constants import ParseMode
from telegram.error import InvalidToken, RetryAfter, TelegramError
from telegram.ext import (
    Application,
    CallbackQueryHandler,
    CommandHandler,
    ContextTypes,
    Defaults,
    MessageHandler,
    filters,
)

from bot.customer_errors import meaning_of
from bot.customer_http import OutOfReach, Request
from bot.customer_limits import Limiter
from bot.customer_replies import Replies
from bot.inbox import button_of, chat_of
from bot.intake import CONCURRENT, TokenRefused, TryLater
from bot.limiting import turn_in
from bot.pictures import BELOW, Picture
from bot.process import run_bot
from flows import ordering
from flows.callbacks import BadPayload, CustomerTap, decode, order_of
from flows.events import Person
from flows.gate import Gate
from flows.incoming import Kind, sent
from flows.ledger import Ledger
from flows.ledger.orders import reads_of_advance
from flows.messages import about
from flows.order import Refused as RefusedByRules
from flows.ordering import Moment, Notice, Shop, Turn
from flows.session import Session
from flows.store import Command
from flows.telegram_errors import Meaning

# How the library gives the seconds of a 429: as a timedelta, which is what its next version does anyway.
os.environ.setdefault("PTB_TIMEDELTA", "true")

log = logging.getLogger(__name__)

UPDATES = ["message", "edited_message", "callback_query"]

# 60 bits of letters and digits that can't be mistaken for each other: an order's id is typed by people, too.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_ID_LENGTH = 12

_PRIVATE = filters.ChatType.PRIVATE
_COMMAND = _PRIVATE & filters.UpdateType.MESSAGE
_TYPED = _PRIVATE & (filters.UpdateType.MESSAGE | filters.UpdateType.EDITED_MESSAGE)
_GROUP = filters.ChatType.GROUPS & filters.UpdateType.MESSAGE

App = Application[Any, Any, Any, Any, Any, Any]
Context = ContextTypes.DEFAULT_TYPE
Step = Callable[[Session, Shop, Moment], Turn]


class CustomerBot:
    """The customers' chats, as the intake calls them."""

    def __init__(self, token: str, api_url: str, ledger: Ledger, gate: Gate) -> None:
        self._ledger = ledger
        self._app = _application(token, api_url, gate)
        self._bot = self._app.bot
        self._replies = Replies(self._bot, ledger)
        self._gate = gate
        self._left: dict[int, Picture] = {}  # what handlers leave to be shown, by the update's number
        self._failed: dict[int, Exception] = {}
        self._app.add_handlers(
            [
                CallbackQueryHandler(self._tap),  # what comes most often is looked for first
                CommandHandler("start", self._start, _COMMAND),
                CommandHandler("orders", self._orders, _COMMAND),
                CommandHandler("help", self._help, _COMMAND),
                MessageHandler(_TYPED, self._text),
                MessageHandler(_GROUP, self._in_a_group),
            ]
        )
        self._app.add_error_handler(self._remember_error)

    async def open(self) -> None:
        """Learn who this bot is, and set what clients show of it. Raises `TryLater`, and `Refused` for the token."""
        try:
            await self._app.initialize()
        except InvalidToken:  # its words and its cause hold the token
            raise TokenRefused("Telegram refuses the customer bot's token: check CUSTOMER_BOT_TOKEN") from None
        except TelegramError as error:
            raise _later(error) from None
        for introduce in (self._set_commands, self._set_short_description, self._set_description):
            try:
                await introduce()
            except TelegramError as error:
                log.warning("a command or description could not be set, the next start tries again: %s", error.message)

    # What has changed is set, and nothing else: Telegram grants such calls a few times a day.

    async def _set_commands(self) -> None:
        commands = tuple(BotCommand(name, words) for name, words in about.COMMANDS)
        if await self._bot.get_my_commands() != commands:
            await self._bot.set_my_commands(commands)

    async def _set_short_description(self) -> None:
        if (await self._bot.get_my_short_description()).short_description != about.SHORT_DESCRIPTION:
            await self._bot.set_my_short_description(about.SHORT_DESCRIPTION)

    async def _set_description(self) -> None:
        if (await self._bot.get_my_description()).description != about.DESCRIPTION:
            await self._bot.set_my_description(about.DESCRIPTION)

    async def close(self) -> None:
        await self._app.shutdown()
        await self._bot.shutdown()  # for an application that never got to know who it is

    def reads(self, update: dict[str, Any]) -> list[Command]:
        """What committing it will ask the store for."""
        chat_id = chat_of(update)
        return [] if chat_id is None else reads_of_advance(chat_id, order_of(button_of(update)))

    async def handle(self, update: dict[str, Any]) -> Picture | None:
        """Take effect, and answer a tap. Returns what is then to be shown.

        python-telegram-bot keeps what a handler returns, and raises, to itself.
        """
        number = update["update_id"]
        if "callback_query" not in update and sent(update) is None:
            log.debug("update %s brings nothing to answer", number)
            return None
        await self._app.process_update(Update.de_json(update, self._bot))
        picture, error = self._left.pop(number, None), self._failed.pop(number, None)
        if error is not None:
            self._refused(number, error)
        return picture

    async def draw(self, update: dict[str, Any], picture: Picture) -> None:
        """Show what `handle` has left, if it is the chat's turn."""
        try:
            async with turn_in(self._gate, picture.chat_id):
                await picture.draw()
        except TelegramError as error:
            self._refused(update["update_id"], error)

    def _refused(self, number: int, error: Exception) -> None:
        """Raise what the intake should do about an error, unless there is no writing into the chat."""
        match meaning_of(error) if isinstance(error, TelegramError) else None:
            case Meaning.GONE | Meaning.MOVED | Meaning.TOPIC:
                log.info("update %s: the bot can't write into its chat (%s)", number, error)
            case Meaning.TOO_MANY | Meaning.NOT_NOW:
                raise _later(error) from error
            case _:
                raise error

    async def apologise(self, chat_id: int) -> None:
        """Say that something went wrong, and where to see what has counted."""
        await self._bot.send_message(chat_id, about.APOLOGY)

    async def try_again(self, update: dict[str, Any]) -> None:
        """Say that nothing has been done yet, for the store is out of reach."""
        given = Update.de_json(update, self._bot)
        if given.callback_query is not None:
            await given.callback_query.answer(about.TRY_AGAIN, show_alert=True)
        elif given.message is not None and given.message.text and given.message.chat.type == Chat.PRIVATE:
            await self._bot.send_message(given.message.chat_id, about.TRY_AGAIN)

    async def _remember_error(self, update: object, context: Context) -> None:
        if isinstance(update, Update) and isinstance(context.error, Exception):
            self._failed[update.update_id] = context.error

    # Messages

    async def _start(self, update: Update, context: Context) -> None:
        payload = " ".join(context.args or ())
        await self._typed(update, lambda session, shop, _: ordering.start(session, payload, shop))

    async def _orders(self, update: Update, context: Context) -> None:
        await self._command(update, "orders")

    async def _help(self, update: Update, context: Context) -> None:
        await self._command(update, "help")

    async def _command(self, update: Update, name: Literal["orders", "help"]) -> None:
        await self._typed(update, lambda session, shop, _: ordering.command(session, name))

    async def _text(self, update: Update, context: Context) -> None:
        text, kind = update.message.text if update.message else None, sent(update.to_dict())
        if text is not None:
            await self._typed(update, lambda session, shop, _: ordering.read(session, text, shop))
        elif kind is not None:
            await self._unread(update, kind)

    async def _unread(self, update: Update, kind: Kind) -> None:
        message, user, number = update.effective_message, update.effective_user, str(update.update_id)
        if message is None or user is None:
            return
        step: Step = lambda session, shop, _: ordering.unread(session, kind, number)  # noqa: E731
        turn = await self._advance(update.update_id, message.chat_id, user, step)
        if turn.session.hint == ordering.hint_of(kind, number):
            self._left[update.update_id] = self._replies.to_message(message.chat_id, turn)

    async def _typed(self, update: Update, step: Step) -> None:
        message, user = update.effective_message, update.effective_user
        if message is None or user is None:
            return
        turn = await self._advance(update.update_id, message.chat_id, user, step)
        self._left[update.update_id] = self._replies.to_message(message.chat_id, turn)

    async def _in_a_group(self, update: Update, context: Context) -> None:
        """A group that speaks to the bot is told where to order."""
        message = update.effective_message
        if message is not None and self._is_addressed(message):
            link = InlineKeyboardButton(about.OPEN_PRIVATE, url=f"https://t.me/{self._bot.username}")
            keyboard = InlineKeyboardMarkup([[link]])
            send = partial(self._bot.send_message, message.chat_id, about.ONLY_PRIVATE, reply_markup=keyboard)
            self._left[update.update_id] = Picture(message.chat_id, BELOW, send)

    def _is_addressed(self, message: Message) -> bool:
        """A command for nobody else, a mention, or an answer to the bot: an administrator bot is sent everything."""
        text, name = message.text or message.caption or "", f"@{self._bot.username}".lower()
        if not text:  # ten pictures in answer to the bot are ten messages
            return False
        if text.startswith("/"):
            command = text.split(maxsplit=1)[0].lower()
            return "@" not in command or command.endswith(name)
        answered = message.reply_to_message.from_user if message.reply_to_message else None
        return name in text.lower() or (answered is not None and answered.id == self._bot.id)

    # Taps

    async def _tap(self, update: Update, context: Context) -> None:
        query = update.callback_query
        if query is None:
            return
        if query.message is None or query.message.chat.type != Chat.PRIVATE:
            await self._replies.answer(query, Notice(about.ONLY_PRIVATE))
            return
        chat_id = query.message.chat.id
        sender = query.message.from_user if isinstance(query.message, Message) else None
        if sender is not None and sender.id != self._bot.id:
            log.warning("user %s tapped on a message that is not the bot's: refused", query.from_user.id)
            await self._replies.answer(query, Notice(about.UNKNOWN_BUTTON))
            return
        step, message_id = self._step_of(query.data or ""), query.message.message_id
        turn = await self._advance(update.update_id, chat_id, query.from_user, step, message_id)
        self._left[update.update_id] = await self._replies.to_tap(query, chat_id, message_id, turn)

    def _step_of(self, payload: str) -> Step:
        """What a button's payload means; one that is not ours is answered as such."""
        try:
            tap = decode(payload)
        except BadPayload as bad:
            outdated = bad.outdated
            return lambda session, shop, _: ordering.stale(session, outdated)
        if isinstance(tap, CustomerTap):
            return lambda session, shop, moment: self._apply(session, tap, shop, moment)
        return lambda session, shop, _: ordering.stale(session, outdated=False)

    def _apply(self, session: Session, tap: CustomerTap, shop: Shop, moment: Moment) -> Turn:
        turn = ordering.apply(session, tap, shop, moment)
        if turn.foreign:
            log.warning("user %s: %s is not theirs: refused", moment.customer.id, tap)
        return turn

    # The effect

    async def _advance(
        self, update_id: int, chat_id: int, user: User, step: Step, message_id: int | None = None
    ) -> Turn:
        """Commit a step with the update as its cause, or the answer to what the order's rules refuse."""
        name = user.full_name or ""  # None, whatever its type says, where the first name is empty
        moment = Moment(
            now=self._ledger.clock(),
            customer=Person(id=user.id, name=ordering.name_of(name)),
            new_id=lambda: "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH)),
            new_code=lambda: f"{secrets.randbelow(10_000):04}",
            number=self._ledger.next_number,
        )
        return await asyncio.to_thread(self._commit, chat_id, f"customer-{update_id}", step, moment, message_id)

    def _commit(self, chat_id: int, cause: str, step: Step, moment: Moment, message_id: int | None) -> Turn:
        try:
            return self._ledger.advance(chat_id, cause, lambda session, shop: step(session, shop, moment), message_id)
        except RefusedByRules as refusal:
            refused = refusal
        return self._ledger.advance(chat_id, cause, lambda session, _: ordering.refused(session, refused))


def _application(token: str, api_url: str, gate: Gate) -> App:
    """The library without its updater and its job queue: updates come from the intake, jobs are the workers'."""
    defaults = Defaults(parse_mode=ParseMode.HTML, link_preview_options=LinkPreviewOptions(is_disabled=True))
    builder = Application.builder().token(token).base_url(f"{api_url}/bot").rate_limiter(Limiter(gate))
    builder = builder.request(Request(api_url, CONCURRENT)).get_updates_request(Request(api_url, 1))
    return builder.updater(None).job_queue(None).defaults(defaults).build()


def _later(error: Exception) -> TryLater:
    """What the intake is told of an error that is not the update's fault."""
    if isinstance(error, RetryAfter):
        wait = error.retry_after
        return TryLater("429", wait if isinstance(wait, int) else wait.total_seconds())
    if isinstance(error, OutOfReach):
        return TryLater(error.message)
    return TryLater(f"Telegram is out of reach ({type(error).__name__})")


if __name__ == "__main__":
    asyncio.run(run_bot("customer", CustomerBot, UPDATES))
