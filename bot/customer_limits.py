"""Telegram's limits in python-telegram-bot: its own hook for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from telegram.error import RetryAfter
from telegram.ext import BaseRateLimiter

from bot.limiting import NotYet, slow_down, wait_for_turn
from flows.gate import Gate

Answer = bool | dict[str, Any] | list[dict[str, Any]]


class Limiter(BaseRateLimiter[None]):
    """Has each request of the bot wait for its turn."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def initialize(self) -> None:
        """Nothing to get ready."""

    async def shutdown(self) -> None:
        """Nothing to close."""

    async def process_request(  # noqa: PLR0917 - the library's signature
        self,
        callback: Callable[..., Coroutine[Any, Any, Answer]],
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: None,
    ) -> Answer:
        """Make the request in its turn. Raises `RetryAfter` when that takes too long, as Telegram itself would."""
        chat_id = data.get("chat_id")
        try:
            await wait_for_turn(self._gate, chat_id, endpoint)
        except NotYet as not_yet:
            raise RetryAfter(timedelta(seconds=math.ceil(not_yet.seconds))) from None
        try:
            return await callback(*args, **kwargs)
        except RetryAfter as error:
            wait = error.retry_after
            seconds = wait.total_seconds() if isinstance(wait, timedelta) else wait
            await slow_down(self._gate, chat_id, endpoint, seconds)
            raise
