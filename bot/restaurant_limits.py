"""Telegram's limits in aiogram: a middleware of its requests."""

from __future__ import annotations

import math

from aiogram import Bot
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.exceptions import TelegramRetryAfter
from aiogram.methods import Response, TelegramMethod
from aiogram.methods.base import TelegramType

from bot.limiting import NotYet, slow_down, wait_for_turn
from flows.gate import Gate


class Limiter(BaseRequestMiddleware):
    """Has each request of the bot wait for its turn."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def __call__(
        self,
        make_request: NextRequestMiddlewareType[TelegramType],
        bot: Bot,
        method: TelegramMethod[TelegramType],
    ) -> Response[TelegramType]:
        """Make the request in its turn. Raises `TelegramRetryAfter` when that takes too long, as Telegram would."""
        chat_id = getattr(method, "chat_id", None)
        try:
            await wait_for_turn(self._gate, chat_id, method.__api_method__)
        except NotYet as not_yet:
            raise TelegramRetryAfter(method, str(not_yet), math.ceil(not_yet.seconds)) from None
        try:
            return await make_request(bot, method)
        except TelegramRetryAfter as error:
            await slow_down(self._gate, chat_id, method.__api_method__, error.retry_after)
            raise
