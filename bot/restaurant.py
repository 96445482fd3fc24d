"""The restaurant bot, on aiogram: an update becomes a step of `flows.serving`, is committed, and replied to.

Nothing here decides anything about an order.
"""

from __future__ import annotations

import bot.aiogram_on_demand  # noqa: F401 - before aiogram itself

# isort: split

import asyncio
import logging
from typing import Any

from aiogram import Bot, Dispatcher, F, Router
from aiogram.client.default import DefaultBotProperties
from aiogram.exceptions import (
    AiogramError,
    TelegramMigrateToChat,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.filters import Command, CommandObject, CommandStart
from aiogram.types import (
    BotCommand,
    CallbackQuery,
    ChatMemberUpdated,
    LinkPreviewOptions,
    Message,
    Update,
    User,
)

from bot.inbox import button_of, chat_of
from bot.intake import TokenRefused, TryLater, came_at
from bot.limiting import turn_in
from bot.pictures import Picture
from bot.process import run_bot
from bot.restaurant_errors import REFUSALS, Refusal, meaning_of
from bot.restaurant_http import Session
from bot.restaurant_limits import Limiter
from bot.restaurant_replies import Replies, Tapped, thread, topic_of
from flows import serving
from flows.callbacks import BadPayload, ShowOpenOrders, StaffTap, decode, order_of
from flows.commands import AnyCommand
from flows.events import Person
from flows.gate import Gate
from flows.http import UNANSWERED, out_of_reach
from flows.incoming import Kind, is_automatic, sent
from flows.ledger import JoinOutcome, JoinResult, Ledger
from flows.ledger.orders import reads_of_staff
from flows.menu import Restaurant
from flows.messages import staff_chat
from flows.messages.staff import open_orders_screen
from flows.messages.text import refusal
from flows.order import Order
from flows.order import Refused as RefusedByRules
from flows.screens import Screen
from flows.serving import SettingStep, SettingTap, TicketStep, TicketTap
from flows.store import Command as StoreCommand
from flows.telegram_errors import Meaning

log = logging.getLogger(__name__)

UPDATES = ["message", "callback_query", "my_chat_member"]

# What staff may type for a command: the menu's names, and the trade's word for a dish that has run out.
_ALIASES = {"86": "items", "open": "orders"}
_NAMES = (*(name for name, _ in staff_chat.COMMANDS), *_ALIASES)


class RestaurantBot:
    """The staff chats, as the intake calls them."""

    def __init__(self, token: str, api_url: str, ledger: Ledger, gate: Gate) -> None:
        self._ledger = ledger
        self._gate = gate
        session = Session(api_url)
        session.middleware(Limiter(gate))
        defaults = DefaultBotProperties(parse_mode="HTML", link_preview=LinkPreviewOptions(is_disabled=True))
        self._bot = Bot(token, session=session, default=defaults)
        self._replies = Replies(self._bot, ledger)
        self._dispatcher = Dispatcher(disable_fsm=True)
        self._dispatcher.include_router(self._routes())

    def _routes(self) -> Router:
        router = Router()
        router.message.register(self._moved_to, F.migrate_to_chat_id.as_("new"))
        router.message.register(self._moved_from, F.migrate_from_chat_id.as_("old"))
        router.message.register(self._reopened, F.forum_topic_reopened | F.general_forum_topic_unhidden)
        router.message.register(self._start, CommandStart())
        router.message.register(self._command, Command(*_NAMES))
        router.message.register(self._other, F.chat.type == "private")
        router.callback_query.register(self._tap)
        router.my_chat_member.register(self._membership)
        return router

    async def open(self) -> None:
        """Learn who this bot is, and set its command menu. Raises `TryLater`, and `Refused` for the token."""
        try:
            await self._bot.me()
        except (TelegramUnauthorizedError, TelegramNotFound):
            raise TokenRefused("Telegram refuses the restaurant bot's token: check RESTAURANT_BOT_TOKEN") from None
        except AiogramError as error:
            raise _later(error) from None
        try:
            known = [(one.command, one.description) for one in await self._bot.get_my_commands()]
            if known != list(staff_chat.COMMANDS):  # else not: Telegram grants setting them a few times a day
                menu = [BotCommand(command=name, description=words) for name, words in staff_chat.COMMANDS]
                await self._bot.set_my_commands(menu)
        except AiogramError as error:
            log.warning("the commands could not be set, the next start tries again (%s)", type(error).__name__)

    async def close(self) -> None:
        await self._bot.session.close()

    def reads(self, update: dict[str, Any]) -> list[StoreCommand]:
        """What a tap on a ticket will ask the store for."""
        chat_id, order_id = chat_of(update), order_of(button_of(update))
        return [] if chat_id is None or order_id is None else reads_of_staff(chat_id, order_id)

    async def handle(self, update: dict[str, Any]) -> Picture | None:
        """Take effect, and answer a tap. Returns what is then to be shown, and raises what a handler raised."""
        if not any(kind in update for kind in UPDATES):
            log.debug("update %s is of a kind that was not asked for", update["update_id"])
            return None
        if is_automatic(update):
            log.debug("update %s is written by no person", update["update_id"])
            return None
        try:
            # Not `feed_raw_update`: it logs errors itself, and those of the network may show the token.
            parsed = Update.model_validate(update, context={"bot": self._bot})
            left = await self._dispatcher.feed_update(self._bot, parsed, kind=sent(update))
        except REFUSALS as error:
            await self._refused(update, error)
            return None
        return left if isinstance(left, Picture) else None

    async def draw(self, update: dict[str, Any], picture: Picture) -> None:
        """Show what `handle` has left, if it is the chat's turn."""
        try:
            async with turn_in(self._gate, picture.chat_id):
                await picture.draw()
        except REFUSALS as error:
            await self._refused(update, error)

    async def _refused(self, update: dict[str, Any], error: Refusal) -> None:
        """The reply was refused: raise what the intake should do about it, unless there is no writing into the chat."""
        match meaning_of(error):
            case Meaning.TOO_MANY | Meaning.NOT_NOW:
                raise _later(error) from error
            case Meaning.MOVED if isinstance(error, TelegramMigrateToChat) and (chat_id := chat_of(update)):
                await self._moved(chat_id, error.migrate_to_chat_id)
            case Meaning.GONE | Meaning.MOVED | Meaning.TOPIC:
                log.info("update %s: the bot can't write into its chat (%s)", update["update_id"], error.message)
            case _:
                raise error

    async def apologise(self, chat_id: int) -> None:
        """Say that the last tap or message could not be handled."""
        await self._bot.send_message(chat_id, staff_chat.APOLOGY)

    async def try_again(self, update: dict[str, Any]) -> None:
        """Say that nothing has been done yet, for the store is out of reach."""
        given = Update.model_validate(update, context={"bot": self._bot})
        if given.callback_query is not None:
            await given.callback_query.answer(staff_chat.TRY_AGAIN, show_alert=True)
        elif given.message is not None and (given.message.text or "").startswith("/"):
            await given.message.answer(staff_chat.TRY_AGAIN)

    # The chat itself

    async def _moved_to(self, message: Message, new: int) -> None:
        await self._moved(message.chat.id, new)

    async def _moved_from(self, message: Message, old: int) -> None:
        await self._moved(old, message.chat.id)

    async def _moved(self, old: int, new: int) -> None:
        """The group has become a supergroup: same people, another id. Both chats are told; either is enough."""
        slug = await thread(self._ledger.move_staff_chat, old, new)
        if slug is not None:
            log.info("the staff chat %s of %s is %s now", old, slug, new)

    async def _reopened(self, message: Message) -> None:
        """A topic is open again: tickets that wait for it need not wait longer."""
        await thread(self._ledger.reopen, message.chat.id)

    async def _membership(self, change: ChatMemberUpdated) -> None:
        """Removed from a chat: its restaurant can't be told of orders any more, so it takes none."""
        if change.new_chat_member.status in ("left", "kicked"):
            slug = await thread(self._ledger.leave, change.chat.id)
            if slug is not None:
                log.warning("%s has lost its staff chat %s and takes no orders", slug, change.chat.id)

    async def _start(self, message: Message, command: CommandObject) -> Picture:
        token = (command.args or "").strip()
        if token:
            return await self._join(message, await thread(self._ledger.join, token, message.chat.id, topic_of(message)))
        restaurant = await self._restaurant_of(message.chat.id)
        about = Screen(staff_chat.STRANGER) if restaurant is None else staff_chat.already_here(restaurant)
        return self._replies.to_message(message, about)

    async def _join(self, message: Message, result: JoinResult) -> Picture:
        match result.outcome:
            case JoinOutcome.JOINED if result.restaurant:
                log.info("chat %s is the staff chat of %s now", message.chat.id, result.restaurant.slug)
                if result.former_chat is not None:  # first: repeated after a failure, joining knows no former chat
                    await self._say_goodbye(result.former_chat, result.former_topic, result.restaurant)
                return self._replies.to_message(message, staff_chat.joined(result.restaurant))
            case JoinOutcome.ALREADY_HERE if result.restaurant:
                return self._replies.to_message(message, staff_chat.already_here(result.restaurant))
            case JoinOutcome.OTHER_RESTAURANT if result.restaurant:
                return self._replies.to_message(message, staff_chat.serves_another(result.restaurant))
            case _:
                log.info("chat %s used an invite that is not open", message.chat.id)
                return self._replies.to_message(message, Screen(staff_chat.BAD_INVITE))

    async def _say_goodbye(self, chat_id: int, topic: int | None, restaurant: Restaurant) -> None:
        try:
            await self._bot.send_message(chat_id, staff_chat.replaced(restaurant).text, message_thread_id=topic)
        except AiogramError as error:  # a courtesy; its buttons do nothing any more either way
            log.info("the former staff chat %s could not be told (%s)", chat_id, type(error).__name__)

    async def _restaurant_of(self, chat_id: int) -> Restaurant | None:
        slug = await thread(self._ledger.staff_restaurant, chat_id)
        return None if slug is None else await thread(self._ledger.restaurant, slug)

    # What is typed

    async def _command(self, message: Message, command: CommandObject) -> Picture | None:
        restaurant = await self._restaurant_of(message.chat.id)
        if restaurant is None:
            log.info("chat %s is no staff chat: /%s refused", message.chat.id, command.command)
            return self._replies.to_message(message, Screen(staff_chat.STRANGER))
        screen: Screen | None = staff_chat.already_here(restaurant)
        match _ALIASES.get(command.command, command.command):
            case "orders":
                screen = await self._open_orders(restaurant)
            case "items" | "pause" | "resume" as name:
                screen = await self._carry_out(serving.on_command(name, restaurant, self._ledger.clock()), restaurant)
        return None if screen is None else self._replies.to_message(message, screen)

    async def _open_orders(self, restaurant: Restaurant, row: int = 0) -> Screen:
        return open_orders_screen(await thread(self._ledger.open_orders, restaurant.slug), row)

    async def _other(self, message: Message, event_update: Update, kind: Kind | None) -> Picture | None:
        """Something that is no command, in a private chat; in a group people talk to each other.

        Of what can't be read, one of a kind after the other, only the first is answered.
        """
        chat_id = message.chat.id
        if kind is None:
            return None
        is_first = kind is Kind.TEXT or await thread(
            self._ledger.is_first_hint, chat_id, kind, str(event_update.update_id)
        )
        if not is_first:
            return None
        restaurant = await self._restaurant_of(chat_id)
        hint = staff_chat.HINT if kind is Kind.TEXT else f"{staff_chat.UNREAD} {staff_chat.HINT}"
        return self._replies.to_message(message, Screen(hint if restaurant else staff_chat.STRANGER))

    # Taps

    async def _tap(self, query: CallbackQuery, event_update: Update) -> Picture | None:
        try:
            tap = decode(query.data or "")
            if query.message is None or not isinstance(tap, StaffTap) or self._is_others(query):
                raise BadPayload(outdated=False)
            tapped = Tapped(query.message.chat.id, query.message.message_id, topic_of(query.message))
            if isinstance(tap, TicketTap):
                cause = f"restaurant-{event_update.update_id}"
                return await self._tap_on_ticket(query, tap, tapped, cause)
            return await self._tap_on_setting(query, tap, tapped)
        except BadPayload as bad:
            words = staff_chat.OLD_BUTTON if bad.outdated else staff_chat.UNKNOWN_BUTTON
            await self._replies.answer(query, words, alert=True)
            return None

    def _is_others(self, query: CallbackQuery) -> bool:
        """Whether the tapped message is somebody else's; of an old one Telegram does not say, nor of a chat's own."""
        message = query.message
        if not isinstance(message, Message) or message.from_user is None or message.sender_chat is not None:
            return False
        if message.from_user.id == self._bot.id:
            return False
        log.warning("user %s tapped on a message that is not the bot's: refused", query.from_user.id)
        return True

    async def _tap_on_ticket(self, query: CallbackQuery, tap: TicketTap, tapped: Tapped, cause: str) -> Picture | None:
        step = TicketStep()

        def decided(order: Order) -> AnyCommand | None:
            nonlocal step
            step = serving.on_ticket(tap, order, _person(query.from_user))
            return step.command

        why_not = None
        try:
            order = await thread(self._ledger.execute_as_staff, tapped.chat_id, tap.order, cause, decided)
        except RefusedByRules as refused:
            order, why_not = refused.order, refused.why
        if order is None:
            log.warning("user %s in chat %s tapped on order %s: refused", query.from_user.id, tapped.chat_id, tap.order)
            await self._replies.answer(query, staff_chat.NOT_YOURS, alert=True)
            return None
        if why_not is None:
            await self._replies.answer(query, step.notice, step.alert)
        else:
            await self._replies.answer(query, refusal(why_not, order), alert=True)
        return self._replies.to_ticket_tap(tapped, order.id, step, refused=why_not is not None)

    async def _tap_on_setting(
        self, query: CallbackQuery, tap: SettingTap | ShowOpenOrders, tapped: Tapped
    ) -> Picture | None:
        restaurant = await self._restaurant_of(tapped.chat_id)
        if restaurant is None:
            log.warning("user %s in chat %s tapped on a setting: refused", query.from_user.id, tapped.chat_id)
            await self._replies.answer(query, staff_chat.NO_STAFF_CHAT, alert=True)
            return None
        if isinstance(tap, ShowOpenOrders):
            await self._replies.answer(query, "")
            return self._replies.to_tap(query, tapped, await self._open_orders(restaurant, tap.row), "")
        now = self._ledger.clock()
        step = serving.on_setting(tap, restaurant, now, came_at(now))
        screen = await self._carry_out(step, restaurant)
        await self._replies.answer(query, step.notice, step.alert)
        return self._replies.to_tap(query, tapped, screen, step.settled)

    async def _carry_out(self, step: SettingStep, restaurant: Restaurant) -> Screen | None:
        """Make the change, if there is one. Returns what is to be shown then."""
        if step.change is None:
            service = await thread(self._ledger.service, restaurant.slug)
        else:
            service = await thread(self._ledger.set_service, restaurant.slug, step.change)
        return None if step.screen is None else step.screen(service)


def _person(user: User) -> Person:
    return Person(id=user.id, name=serving.name_of(user.full_name))


def _later(error: AiogramError) -> TryLater:
    """What the intake is told of an error that is not the update's fault."""
    if isinstance(error, TelegramRetryAfter):
        return TryLater("429", error.retry_after)
    if isinstance(error.__cause__, UNANSWERED):
        return TryLater(out_of_reach(error.__cause__))
    return TryLater(f"Telegram is out of reach ({type(error).__name__})")


if __name__ == "__main__":
    asyncio.run(run_bot("restaurant", RestaurantBot, UPDATES))
