"""The restaurant bot, on aiogram: taps on tickets to commands, and the settings of a staff chat."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from aiogram import Bot, Dispatcher, F, Router
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramAPIError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.filters import Command, CommandObject, CommandStart
from aiogram.types import (
    BotCommand,
    CallbackQuery,
    ChatMemberUpdated,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    Message,
    User,
)

from bot.intake import Backoff, Intake, Refused, TryLater
from bot.process import settings_or_exit, stop_on_signals
from flows import serving
from flows.callbacks import BadPayload, Pause, Resume, SetItem, ShowItems, StaffTap, decode
from flows.events import Person, Side
from flows.ledger import JoinOutcome, Ledger, Shown
from flows.menu import Restaurant
from flows.messages import staff
from flows.messages.text import NOTICE_LIMIT, plain, refusal
from flows.order import Order
from flows.order import Refused as RefusedByRules
from flows.screens import Screen
from flows.serving import TicketTap
from flows.store import connect

log = logging.getLogger(__name__)

UPDATES = ["message", "callback_query", "my_chat_member"]
COMMANDS = {
    "orders": "Open orders",
    "items": "Hide a dish, or show it again",
    "pause": "Take no new orders",
    "resume": "Take orders again",
    "help": "How it works",
}
APOLOGY = "Sorry, something went wrong with the last tap or message. Please look at the ticket and try again."
NOT_YOURS = "This order belongs to another restaurant's chat."
UNKNOWN_BUTTON = "That button does nothing."
OLD_BUTTON = "That button is from an older version. Use the buttons of the newest message."


class RestaurantBot:
    """A `bot.intake.Handler` for the staff chats."""

    def __init__(self, token: str, api_url: str, ledger: Ledger) -> None:
        self._ledger = ledger
        session = AiohttpSession(api=TelegramAPIServer.from_base(api_url), timeout=15.0)
        defaults = DefaultBotProperties(parse_mode="HTML", link_preview=LinkPreviewOptions(is_disabled=True))
        self._bot = Bot(token, session=session, default=defaults)
        self._dispatcher = Dispatcher(disable_fsm=True)  # it would remember every stranger
        self._dispatcher.include_router(self._routes())

    def _routes(self) -> Router:
        router = Router()
        router.message.register(self._moved, F.migrate_to_chat_id)
        router.message.register(self._ignore, F.migrate_from_chat_id)
        router.message.register(self._start, CommandStart())
        router.message.register(self._command, Command(*COMMANDS))
        router.message.register(self._other, F.chat.type == "private")
        router.callback_query.register(self._tap)
        router.my_chat_member.register(self._membership)
        return router

    async def open(self) -> None:
        """Set the command menu. Raises `TelegramAPIError`."""
        await self._bot.set_my_commands([BotCommand(command=name, description=text) for name, text in COMMANDS.items()])

    async def close(self) -> None:
        await self._bot.session.close()

    async def handle(self, update: dict[str, Any]) -> None:
        """Take effect and reply."""
        try:
            await self._dispatcher.feed_raw_update(self._bot, update)
        except TelegramRetryAfter as error:
            raise TryLater("429", error.retry_after) from error
        except (TelegramNetworkError, TelegramServerError) as error:
            raise TryLater(f"Telegram is out of reach ({type(error).__name__})") from error
        except TelegramForbiddenError:
            log.info("update %s: the reply was refused, the bot is not in that chat", update["update_id"])

    async def apologise(self, chat_id: int) -> None:
        """Say that the last tap or message could not be handled."""
        await self._bot.send_message(chat_id, APOLOGY)

    # The chat itself

    async def _ignore(self, message: Message) -> None:
        """The other half of a migration, which the old chat has told already."""

    async def _moved(self, message: Message) -> None:
        """The group has become a supergroup: same people, another id."""
        if message.migrate_to_chat_id is not None:
            slug = await asyncio.to_thread(self._ledger.move_staff_chat, message.chat.id, message.migrate_to_chat_id)
            log.info("chat %s of %s is %s now", message.chat.id, slug, message.migrate_to_chat_id)

    async def _membership(self, change: ChatMemberUpdated) -> None:
        """Removed from a chat: its restaurant can't be told of orders any more, so it takes none."""
        if change.new_chat_member.status in ("left", "kicked"):
            slug = await asyncio.to_thread(self._ledger.leave, change.chat.id)
            if slug is not None:
                log.warning("%s has lost its staff chat %s and takes no orders", slug, change.chat.id)

    async def _start(self, message: Message, command: CommandObject) -> None:
        token = (command.args or "").strip()
        if not token:
            await self._say_who_we_are(message)
            return
        result = await asyncio.to_thread(self._ledger.join, token, message.chat.id)
        match result.outcome:
            case JoinOutcome.JOINED if result.restaurant:
                log.info("chat %s is the staff chat of %s now", message.chat.id, result.restaurant.slug)
                await message.answer(staff.joined(result.restaurant))
                if result.former_chat is not None:
                    await self._say_goodbye(result.former_chat, staff.replaced(result.restaurant))
            case JoinOutcome.ALREADY_HERE if result.restaurant:
                await message.answer(staff.already_here(result.restaurant))
            case JoinOutcome.OTHER_RESTAURANT if result.restaurant:
                await message.answer(staff.serves_another(result.restaurant))
            case _:
                await message.answer(staff.BAD_INVITE)

    async def _say_goodbye(self, chat_id: int, text: str) -> None:
        try:
            await self._bot.send_message(chat_id, text)
        except (TelegramForbiddenError, TelegramBadRequest) as error:
            log.info("the former staff chat %s could not be told: %s", chat_id, error.message)

    async def _say_who_we_are(self, message: Message) -> None:
        restaurant = await asyncio.to_thread(self._restaurant_of, message.chat.id)
        await message.answer(staff.already_here(restaurant) if restaurant else staff.STRANGER)

    def _restaurant_of(self, chat_id: int) -> Restaurant | None:
        slug = self._ledger.staff_restaurant(chat_id)
        return None if slug is None else self._ledger.restaurant(slug)

    # Commands

    async def _command(self, message: Message, command: CommandObject) -> None:
        restaurant = await asyncio.to_thread(self._restaurant_of, message.chat.id)
        if restaurant is None:
            await message.answer(staff.STRANGER)
            return
        match command.command:
            case "orders":
                screen = staff.open_orders_screen(await asyncio.to_thread(self._ledger.open_orders, restaurant.slug))
            case "items":
                service = await asyncio.to_thread(self._ledger.service, restaurant.slug)
                screen = staff.items_screen(restaurant, service, 0)
            case "pause":
                service = await asyncio.to_thread(self._ledger.service, restaurant.slug)
                screen = staff.pause_screen(restaurant, service, self._ledger.clock())
            case "resume":
                service = await asyncio.to_thread(self._ledger.set_service, restaurant.slug, serving.resume)
                screen = staff.pause_screen(restaurant, service, self._ledger.clock())
            case _:
                screen = Screen(staff.STAFF_HELP)
        await message.answer(screen.text, reply_markup=_markup(screen))

    async def _other(self, message: Message) -> None:
        await message.answer("Please use the buttons on the tickets, or a command. /help tells more.")

    # Taps

    async def _tap(self, query: CallbackQuery) -> None:
        message = query.message
        if not isinstance(message, Message):
            await self._answer(query, "This message is too old. The newest ticket is below.", alert=True)
            return
        try:
            tap = decode(query.data or "")
            if not isinstance(tap, StaffTap):
                raise BadPayload(outdated=False)
            if isinstance(tap, TicketTap):
                await self._tap_on_ticket(query, message, tap)
            else:
                await self._tap_on_setting(query, message, tap)
        except BadPayload as bad:
            await self._answer(query, OLD_BUTTON if bad.outdated else UNKNOWN_BUTTON, alert=True)

    async def _tap_on_ticket(self, query: CallbackQuery, message: Message, tap: TicketTap) -> None:
        order = await asyncio.to_thread(self._ledger.order, tap.order)
        service = await asyncio.to_thread(self._ledger.service, order.placed.restaurant.slug) if order else None
        if order is None or service is None or service.staff_chat != message.chat.id:
            log.warning("user %s in chat %s tapped on order %s", query.from_user.id, message.chat.id, tap.order)
            await self._answer(query, NOT_YOURS, alert=True)
            return
        step = serving.on_ticket(tap, _person(query.from_user))
        notice, alert = step.notice, False
        if step.command is not None:
            cause = f"restaurant-{query.id}"
            try:
                order = await asyncio.to_thread(self._ledger.execute, order.id, step.command, cause)
            except RefusedByRules as refused:
                order = refused.order or order
                notice, alert = refusal(refused.why, refused.order), True
        await self._answer(query, notice, alert)
        await self._show_ticket(message, order, step.mode)

    async def _show_ticket(self, message: Message, order: Order, mode: staff.Mode) -> None:
        """Show the ticket, and look again: a worker may have shown a newer state in between."""
        while await self._edit(message, staff.ticket_screen(order, mode)):
            shown = Shown(chat_id=message.chat.id, message_id=message.message_id, version=order.version)
            await asyncio.to_thread(self._ledger.record_shown, order.id, Side.RESTAURANT, shown)
            now = await asyncio.to_thread(self._ledger.order, order.id)
            if now is None or now.changed <= order.version:
                return
            order, mode = now, staff.Mode.TICKET

    async def _tap_on_setting(self, query: CallbackQuery, message: Message, tap: serving.SettingTap) -> None:
        restaurant = await asyncio.to_thread(self._restaurant_of, message.chat.id)
        if restaurant is None:
            log.warning("user %s in chat %s tapped on a setting", query.from_user.id, message.chat.id)
            await self._answer(query, "This is not a staff chat any more.", alert=True)
            return
        match tap:
            case ShowItems(category):
                service = await asyncio.to_thread(self._ledger.service, restaurant.slug)
                await self._answer(query, "")
                await self._edit(message, staff.items_screen(restaurant, service, category))
            case SetItem():
                await self._set_item(query, message, restaurant, tap)
            case Pause(minutes):
                change = serving.pause(minutes, self._ledger.clock())
                await self._set_pause(query, message, restaurant, change, "Paused")
            case Resume():
                await self._set_pause(query, message, restaurant, serving.resume, "Taking orders")

    async def _set_item(self, query: CallbackQuery, message: Message, restaurant: Restaurant, tap: SetItem) -> None:
        item = restaurant.item(tap.item)
        if item is None:
            await self._answer(query, "That dish is no longer on the menu.", alert=True)
            return
        change = serving.set_item(item.id, bool(tap.hidden))
        service = await asyncio.to_thread(self._ledger.set_service, restaurant.slug, change)
        await self._answer(query, f"{plain(item.name, 60)} is {'hidden' if tap.hidden else 'shown again'}")
        if tap.category >= 0:
            await self._edit(message, staff.items_screen(restaurant, service, tap.category))

    async def _set_pause(
        self,
        query: CallbackQuery,
        message: Message,
        restaurant: Restaurant,
        change: serving.ServiceChange,
        notice: str,
    ) -> None:
        """Set it and show it: in the pause's own message, or (where a ticket offered it) in a new one below."""
        service = await asyncio.to_thread(self._ledger.set_service, restaurant.slug, change)
        screen = staff.pause_screen(restaurant, service, self._ledger.clock())
        await self._answer(query, notice)
        if message.text is not None and message.text.startswith("#"):
            await message.answer(screen.text, reply_markup=_markup(screen))
        else:
            await self._edit(message, screen)

    # Messages

    async def _answer(self, query: CallbackQuery, text: str, alert: bool = False) -> None:
        try:
            await query.answer(plain(text, NOTICE_LIMIT) or None, show_alert=alert)
        except TelegramBadRequest as error:  # too old: it came while we were down; the effect stands
            log.info("a tap could not be answered: %s", error.message)

    async def _edit(self, message: Message, screen: Screen) -> bool:
        """Edit the tapped message; False when it can't be, so that a worker sends the ticket anew."""
        try:
            await message.edit_text(screen.text, reply_markup=_markup(screen))
        except TelegramBadRequest as error:
            words = error.message.lower()
            if "not modified" in words:
                return True
            if "message to edit not found" in words or "can't be edited" in words:
                return False
            raise
        return True


def _person(user: User) -> Person:
    return Person(id=user.id, name=plain(" ".join(user.full_name.split()), 64) or "Staff")


def _markup(screen: Screen) -> InlineKeyboardMarkup | None:
    return InlineKeyboardMarkup.model_validate(screen.keyboard()) if screen.rows else None


async def run() -> None:
    """Run the bot until SIGTERM. Raises `SystemExit` for settings or a token that won't do."""
    settings = settings_or_exit()
    stop = stop_on_signals()
    _, token = settings.tokens()
    redis = connect(settings.redis_url or "")
    bot = RestaurantBot(token, settings.telegram_api_url, Ledger(redis))
    try:
        if await _opened(bot, stop):
            log.info("the restaurant bot is listening")
            await Intake(
                bot="restaurant",
                token=token,
                api_url=settings.telegram_api_url,
                redis=redis,
                handle=bot.handle,
                apologise=bot.apologise,
                allowed_updates=UPDATES,
            ).run(stop)
    except (Refused, TelegramUnauthorizedError):
        raise SystemExit("Telegram refuses the token: check RESTAURANT_BOT_TOKEN") from None
    finally:
        await bot.close()


async def _opened(bot: RestaurantBot, stop: asyncio.Event) -> bool:
    """Open the bot, however long Telegram is out of reach; False when asked to stop meanwhile."""
    backoff = Backoff()
    stopped = asyncio.create_task(stop.wait())
    try:
        while not stop.is_set():
            opening = asyncio.create_task(bot.open())
            await asyncio.wait({opening, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not opening.done():
                opening.cancel()
                return False
            try:
                opening.result()
            except TelegramUnauthorizedError:
                raise
            except TelegramAPIError as error:
                wait = backoff.next()
                log.warning("Telegram is out of reach (%s); next try in %.1f s", type(error).__name__, wait)
                await asyncio.wait({stopped}, timeout=wait)
            else:
                return True
        return False
    finally:
        stopped.cancel()


if __name__ == "__main__":
    asyncio.run(run())
