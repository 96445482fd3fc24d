"""What aiogram's errors mean (see `flows.telegram_errors`)."""

from __future__ import annotations

from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramRetryAfter,
)

from flows.telegram_errors import Meaning, meaning

Refusal = TelegramAPIError | ClientDecodeError
REFUSALS = (TelegramAPIError, ClientDecodeError)
"""What a request raises that has not succeeded."""

LATER = frozenset({Meaning.TOO_MANY, Meaning.NOT_NOW})
"""The same request may succeed later."""


def meaning_of(error: Refusal) -> Meaning:
    """What to do about a request that raised this."""
    match error:
        case TelegramRetryAfter():
            return Meaning.TOO_MANY
        case TelegramMigrateToChat():
            return Meaning.MOVED
        case TelegramBadRequest():
            return meaning(400, error.message)
        case TelegramForbiddenError():
            return Meaning.GONE
        case _:  # no answer, one that is not Telegram's, its 5xx, or 401 and 404
            return Meaning.NOT_NOW
