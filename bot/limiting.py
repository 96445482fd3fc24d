"""Keeping to Telegram's limits in answers to people (see `flows.gate`), whichever library makes the request."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from redis.exceptions import RedisError

from flows.gate import Gate, NotYet
from flows.store import trouble

log = logging.getLogger(__name__)

# Seconds that a request waits for its chat's turn; beyond, the update is handled again later. They are more than lie
# between two turns: what takes two requests would else never get beyond the first one while the chat is busy.
PATIENCE = 2.0
OF_GROUPS = 4.0

_turns: ContextVar[list[int] | None] = ContextVar("turns", default=None)
"""The chats into which a request is granted already."""


def is_counted(method: str) -> bool:
    """Whether a method of the Bot API makes or changes a message, which Telegram limits; what it does otherwise is free
    (answers to taps), or has limits that have nothing to do with a chat (commands, descriptions).
    """
    return method.startswith(("send", "editMessage")) and method != "sendChatAction"


@asynccontextmanager
async def turn_in(gate: Gate, chat_id: int) -> AsyncIterator[None]:
    """Have the next counted request into this chat granted before anything is read or drawn for it.

    Raises `NotYet` when it is not the chat's turn. Without the store nobody can tell, see `wait_for_turn`.
    """
    try:
        await gate.through(chat_id)
    except RedisError as error:
        log.debug("chat %s is written to unlimited, for the store is out of reach (%s)", chat_id, type(error).__name__)
    token = _turns.set([chat_id])
    try:
        yield
    finally:
        _turns.reset(token)


async def wait_for_turn(gate: Gate, chat_id: object, method: str) -> None:
    """Wait until the request may be made. Raises `NotYet`.

    Without the store nobody can tell: then people are answered, and should that be too much, Telegram says so.
    """
    if not is_counted(method) or not isinstance(chat_id, int):
        return
    turns = _turns.get() or []
    if chat_id in turns:
        turns.remove(chat_id)
        return
    try:
        await gate.through(chat_id, patience=PATIENCE if chat_id > 0 else OF_GROUPS)
    except RedisError as error:
        log.debug("%s goes unlimited: %s", method, trouble(error))


async def slow_down(gate: Gate, chat_id: object, method: str, seconds: float) -> None:
    """Telegram has said "too many": everybody who writes into that chat should know, if the store can be reached.

    What is refused without a chat, or counts as no message, says nothing about any chat: that request alone waits.
    """
    if not is_counted(method) or not isinstance(chat_id, int):
        return
    try:
        await gate.slow_down(chat_id, seconds)
    except RedisError as error:
        log.debug("that Telegram asked to slow down can't be noted: %s", trouble(error))


__all__ = ["NotYet", "is_counted", "slow_down", "turn_in", "wait_for_turn"]
