"""Answers to taps: a line at the top of the screen, which is given soon or not at all.

The tap has taken effect. So neither what follows from it on screen nor the chat's next tap waits for Telegram to take
the answer: a button that goes on turning stops by itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from flows.backoff import Backoff
from flows.telegram_errors import Meaning

log = logging.getLogger(__name__)

WITHIN = 3.0  # seconds in which an answer is tried


async def toast(
    give: Callable[[], Awaitable[object]],
    refusals: type[Exception] | tuple[type[Exception], ...],
    meaning_of: Callable[[Any], Meaning],
) -> None:
    """Answer a tap by calling `give`, again while Telegram is not itself. Raises none of the `refusals`."""
    backoff = Backoff()
    try:
        async with asyncio.timeout(WITHIN):
            while True:
                try:
                    await give()
                    return
                except refusals as error:
                    if not _is_worth_another_try(meaning_of(error), str(error)):
                        return
                await asyncio.sleep(backoff.next())
    except TimeoutError:
        log.warning("a tap has taken effect and could not be answered within %.0f s", WITHIN)


def _is_worth_another_try(meaning: Meaning, words: str) -> bool:
    """Whether the same answer may be taken a moment later; else the log says why it is left out."""
    match meaning:
        case Meaning.NOT_NOW:
            return True
        case Meaning.OLD_TAP:
            log.debug("a tap was answered too late")
        case Meaning.MISTAKE:
            log.error("a tap has taken effect and could not be answered: %s", words)
        case _:
            log.info("a tap has taken effect and could not be answered: %s", words)
    return False
