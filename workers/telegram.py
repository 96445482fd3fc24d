"""One sender for both bots, and one mapping of Telegram's errors to what a delivery does about them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache
from ssl import SSLContext

from httpx import create_ssl_context
from redis import Redis
from telegram import Bot, InlineKeyboardMarkup, LinkPreviewOptions, ReplyParameters
from telegram.constants import ParseMode
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)
from telegram.request import HTTPXRequest

from flows.backoff import LONGEST
from flows.events import Side
from flows.gate import Gate, NotYet
from flows.screens import Screen

# python-telegram-bot warns that the seconds of a 429 become a timedelta, unless one takes them as such already.
os.environ.setdefault("PTB_TIMEDELTA", "true")

CONNECTIONS = 64  # per bot; what one worker process keeps in flight at most

_GONE = (
    "chat not found",
    "user not found",
    "group chat was deactivated",
    "peer_id_invalid",
    "have no rights to send",
    "not enough rights to send",
    "chat_write_forbidden",
    "chat_restricted",
    "topic_closed",
)
_VANISHED = ("message to edit not found", "message can't be edited", "message_id_invalid")


class Later(Exception):
    """Not now. `seconds` is what Telegram asked for (429), or None where a backoff decides."""

    def __init__(self, seconds: float | None, reason: str) -> None:
        super().__init__(reason)
        self.seconds = seconds


class Unreachable(Exception):
    """This chat can't be written to, and trying again won't help: blocked, kicked, gone."""


class Moved(Exception):
    """The group has become a supergroup with another id."""

    def __init__(self, chat_id: int) -> None:
        super().__init__(f"moved to {chat_id}")
        self.chat_id = chat_id


class Vanished(Exception):
    """The message to edit is no longer there, or too old to edit."""


def may_have_arrived(error: Exception) -> bool:
    """Whether a request that ended like this may have taken effect, or still will: nobody answered it."""
    return isinstance(error, Later) and error.seconds is None


class Sender:
    """Sends and edits messages as either bot. Keeps its connections open; `close` them in the end."""

    def __init__(self, api_url: str, customer_token: str, restaurant_token: str, redis: Redis) -> None:
        """`redis` is where Telegram's limits are kept, for bots and workers together."""
        self._gates = {side: Gate(redis, str(side), bulk=True) for side in Side}
        self._bots = {
            Side.CUSTOMER: _bot(api_url, customer_token),
            Side.RESTAURANT: _bot(api_url, restaurant_token),
        }
        self._tokens = (customer_token, restaurant_token)

    async def send(self, side: Side, chat_id: int, screen: Screen, reply_to: int | None = None) -> int:
        """Send a new message, which rings. Returns its id. Raises `Later`, `Unreachable` or `Moved`."""
        reply = None if reply_to is None else ReplyParameters(reply_to, allow_sending_without_reply=True)
        async with self._allowed(side, chat_id, new=True):
            message = await self._bots[side].send_message(
                chat_id,
                screen.text,
                parse_mode=ParseMode.HTML,
                reply_markup=_markup(screen),
                reply_parameters=reply,
                link_preview_options=LinkPreviewOptions(is_disabled=True),
            )
        return message.message_id

    async def edit(self, side: Side, chat_id: int, message_id: int, draw: Callable[[], Awaitable[Screen]]) -> None:
        """Bring a message up to date, silently; no change counts as done. Raises also `Vanished`.

        `draw` is called when it is our turn.
        """
        async with self._allowed(side, chat_id, new=False):
            screen = await draw()
            try:
                await self._bots[side].edit_message_text(
                    screen.text,
                    chat_id,
                    message_id,
                    parse_mode=ParseMode.HTML,
                    reply_markup=_markup(screen),
                    link_preview_options=LinkPreviewOptions(is_disabled=True),
                )
            except BadRequest as error:
                if "message is not modified" not in error.message.lower():
                    raise

    @asynccontextmanager
    async def _allowed(self, side: Side, chat_id: int, *, new: bool) -> AsyncIterator[None]:
        """A request that is made when Telegram's limits allow it. Raises what its error means for a delivery."""
        gate = self._gates[side]
        try:
            await gate.through(chat_id, new=new)
        except NotYet as not_yet:
            raise Later(not_yet.seconds, str(not_yet)) from None
        try:
            yield
        except TelegramError as error:
            self._hush(error)
            if isinstance(error, RetryAfter):
                await gate.slow_down(chat_id, _seconds(error))
            raise _meaning(error) from error

    def _hush(self, error: TelegramError) -> None:
        """RQ keeps the traceback of a job; who repeats our request in the words of an error would show the token."""
        for token in self._tokens:
            error.message = error.message.replace(token, "<token>")

    async def close(self) -> None:
        for bot in self._bots.values():
            await bot.request.shutdown()


def _bot(api_url: str, token: str) -> Bot:
    tls = {"verify": _tls()}
    request = HTTPXRequest(
        connection_pool_size=CONNECTIONS, read_timeout=10, write_timeout=10, connect_timeout=5, httpx_kwargs=tls
    )
    unused = HTTPXRequest(httpx_kwargs=tls)  # for getUpdates, which workers do not call
    return Bot(token, base_url=f"{api_url}/bot", request=request, get_updates_request=unused)


@cache
def _tls() -> SSLContext:
    """The authorities that are trusted; reading them takes a tenth of a second, and each client would do it."""
    return create_ssl_context()


def _markup(screen: Screen) -> InlineKeyboardMarkup | None:
    return InlineKeyboardMarkup.de_json(screen.keyboard(), None) if screen.rows else None


def _seconds(error: RetryAfter) -> float:
    wait = error.retry_after
    return min(wait.total_seconds() if isinstance(wait, timedelta) else wait, LONGEST)


def _meaning(error: TelegramError) -> Exception:
    """What a delivery should do about an error of python-telegram-bot; unknown ones are themselves."""
    words = str(error).lower()
    match error:
        case RetryAfter():
            return Later(_seconds(error), "Telegram asked to slow down")
        case ChatMigrated():
            return Moved(error.new_chat_id)
        case Forbidden():
            return Unreachable(str(error))
        case BadRequest() if any(sign in words for sign in _VANISHED):
            return Vanished(str(error))
        case BadRequest() if any(sign in words for sign in _GONE):
            return Unreachable(str(error))
        case BadRequest():
            return error
        case InvalidToken():
            return Later(None, "Telegram refused the bot's token")
        case NetworkError():
            return Later(None, f"Telegram is out of reach: {type(error.__cause__ or error).__name__}")
        case _:
            return error
