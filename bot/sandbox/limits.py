"""Telegram's limits on sending and editing: per bot, per chat, and per group.

Telegram publishes rough figures only (its Bots FAQ: about 30 messages a second overall, one a second in a chat with
short bursts, 20 a minute in a group) and lets `retry_after` rule. So does this: each limit is a bucket that fills at
its rate, and a bot that finds one empty is told after how many seconds it will not be.

What counts is known from its developers' words on tdlib: edits take from the same limit as messages (tdlib/td 2592 and
3034), and so does what leaves a service message, as a new topic (2592). Answers to taps are free
(tdlib/telegram-bot-api 648), and of deletions more may be asked for than any bot needs (572).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from bot.sandbox.errors import ApiError

FORGET_ABOVE = 10_000  # buckets: from there on the full ones are forgotten


class Limits(BaseModel):
    """How much a bot may send and edit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bot: float = Field(default=30, gt=0)  # messages a second, to all chats together
    chat: float = Field(default=1, gt=0)  # messages a second to a private chat
    burst: int = Field(default=5, ge=1)  # messages to one chat that may come at once
    group: float = Field(default=20, gt=0)  # messages a minute to a group

    @classmethod
    def parse(cls, text: str) -> Limits:
        """From `bot=30,chat=1`; what is not named keeps its default. Raises `ValueError`."""
        pairs = [part.partition("=") for part in text.split(",") if part.strip()]
        return cls.model_validate({name.strip(): value.strip() for name, _, value in pairs})


@dataclass
class _Bucket:
    """`size` messages at most, `rate` a second more; `level` of them could be sent at `at`."""

    rate: float
    size: float
    level: float
    at: float

    def fill(self, now: float) -> None:
        self.level = min(self.size, self.level + max(0.0, now - self.at) * self.rate)
        self.at = now

    @property
    def missing(self) -> float:
        """Seconds until a message can be sent."""
        return max(0.0, (1 - self.level) / self.rate)


class Meter:
    """Counts what bots send and edit. `now` gives seconds; without limits nothing is refused."""

    def __init__(self, limits: Limits | None, now: Callable[[], float]) -> None:
        self._limits = limits
        self._now = now
        self._buckets: dict[tuple[int, str], _Bucket] = {}

    def count(self, method: str, bot: int, chat: str) -> ApiError | None:
        """Count a request of a bot. Returns what Telegram answers when it is one too many, which is not counted.

        A chat with a negative id is a group. `method` in lower case.
        """
        if self._limits is None or not _is_counted(method):
            return None
        buckets = [self._bucket((bot, ""), self._limits.bot, max(1.0, self._limits.bot))]
        if chat:
            rate = self._limits.group / 60 if chat.startswith("-") else self._limits.chat
            size = self._limits.group if chat.startswith("-") else float(self._limits.burst)
            buckets.append(self._bucket((bot, chat), rate, max(1.0, size)))
        wait = max(bucket.missing for bucket in buckets)
        if wait > 0:
            seconds = math.ceil(wait)
            return ApiError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
        for bucket in buckets:
            bucket.level -= 1
        return None

    def _bucket(self, key: tuple[int, str], rate: float, size: float) -> _Bucket:
        now = self._now()
        if len(self._buckets) > FORGET_ABOVE:
            self._forget(now)
        bucket = self._buckets.setdefault(key, _Bucket(rate, size, size, now))
        bucket.fill(now)
        return bucket

    def _forget(self, now: float) -> None:
        for bucket in self._buckets.values():
            bucket.fill(now)
        self._buckets = {key: one for key, one in self._buckets.items() if one.level < one.size}


_MAKE_OR_CHANGE = ("send", "forward", "copy", "editmessage", "stoppoll", "stopmessagelivelocation", "setgamescore")
_MAKE_NONE = ("sendchataction", "sendmessagedraft")
_OF_TOPICS = ("create", "edit", "close", "reopen", "hide", "unhide")


def _is_counted(method: str) -> bool:
    """Whether a method makes a message (a service message too), or changes one.

    "typing…", an answer to a tap and a deletion do neither.
    """
    if method.endswith("forumtopic"):
        return method.startswith(_OF_TOPICS)
    return method.startswith((*_MAKE_OR_CHANGE, "pinchatmessage")) and method not in _MAKE_NONE
