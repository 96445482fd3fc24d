"""What python-telegram-bot's errors mean (see `flows.telegram_errors`)."""

from __future__ import annotations

from telegram.error import BadRequest, ChatMigrated, Forbidden, RetryAfter, TelegramError

from flows.telegram_errors import Meaning, meaning

_NO_JSON = "Parsing the server response"  # what the library puts into its words then: they are a proxy's, say


def meaning_of(error: TelegramError) -> Meaning:
    """What to do about a request that raised this."""
    match error:
        case RetryAfter():
            return Meaning.TOO_MANY
        case ChatMigrated():
            return Meaning.MOVED
        case BadRequest() | Forbidden() if _NO_JSON not in error.message:
            return meaning(400 if isinstance(error, BadRequest) else 403, error.message)
        case _:  # no answer, one that is not Telegram's, its 5xx, or 401 and 404
            return Meaning.NOT_NOW
