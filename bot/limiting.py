"""Keeping to Telegram's limits in answers to people (see `flows.gate`), whichever library makes the request."""

from __future__ import annotations

import logging

from redis.exceptions import RedisError

from flows.gate import Gate, NotYet
from flows.store import trouble

log = logging.getLogger(__name__)

PATIENCE = 2.0  # seconds that a request waits for its chat's turn; beyond, the update is handled again later


def makes_a_message(method: str) -> bool | None:
    """Whether a method of the Bot API makes a message or changes one; None for those that Telegram does not count."""
    if method == "sendChatAction" or not method.startswith(("send", "edit")):
        return None
    return method.startswith("send")


async def wait_for_turn(gate: Gate, chat_id: object, method: str) -> None:
    """Wait until the request may be made. Raises `NotYet`.

    Without the store nobody can tell: then people are answered, and should that be too much, Telegram says so.
    """
    new = makes_a_message(method)
    if new is None or not isinstance(chat_id, int):
        return
    try:
        await gate.through(chat_id, new=new, patience=PATIENCE)
    except RedisError as error:
        log.debug("%s goes unlimited: %s", method, trouble(error))


async def slow_down(gate: Gate, chat_id: object, seconds: float) -> None:
    """Telegram has said "too many": everybody who sends as this bot should know, if the store can be reached."""
    try:
        await gate.slow_down(chat_id if isinstance(chat_id, int) else 0, seconds)
    except RedisError as error:
        log.debug("that Telegram asked to slow down can't be noted: %s", trouble(error))


__all__ = ["NotYet", "makes_a_message", "slow_down", "wait_for_turn"]
