"""Until when a bot has heard everything that people did in its chats.

An order must not end for want of an answer that was given: Telegram may have it, and we not yet. So each bot notes
until when all is in its inbox, and what ends an order by itself waits until that is known of its deadline.

The times are by the store's clock alone, because processes of a bot may run on several hosts.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flows import keys
from flows.store import Command, Script

log = logging.getLogger(__name__)

DEAF = timedelta(seconds=30)
"""A gap between two times of hearing that counts as deafness. A bot that runs hears every few seconds."""

LIFE = 30 * 86_400  # seconds that a note stands: of a bot that was given up nothing is left

MADE_UP = "made_up"
"""The field that tells for which deafness waiting orders have got their time back."""

# A hearing is never taken back, except where the store's clock was. Returns the time by that clock.
_HEAR = Script(
    """#!lua
local key, heard, deaf, life = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
if redis.call('TYPE', key).ok ~= 'hash' then redis.call('DEL', key) end
heard = math.min(heard or now, now)
local last = tonumber(redis.call('HGET', key, 'until') or '') or heard
if last > now then last = heard end
if heard < last then return clock end
redis.call('HSET', key, 'until', string.format('%.3f', heard))
redis.call('EXPIRE', key, life)
if heard - last > deaf then
  redis.call('HSET', key, 'deaf_since', string.format('%.3f', last), 'deaf_until', string.format('%.3f', heard))
end
return clock
""",
    lasting=False,
)


def hear(bot: str, until: datetime | None = None) -> Command:
    """Note that all is in this bot's inbox that people did until then, by the store's clock; None for now.

    It answers what `store_time` reads.
    """
    at = "" if until is None else f"{until.timestamp():.3f}"
    return (_HEAR, keys.heard(bot), at, DEAF.total_seconds(), LIFE)


@dataclass(frozen=True)
class Deafness:
    """A time in which a bot could not hear, and the `mark` by which it is known."""

    since: datetime
    until: datetime
    mark: str


@dataclass(frozen=True)
class Hearing:
    """Until when a bot has heard, and its last deafness unless waiting orders have got that time back."""

    until: datetime
    deafness: Deafness | None = None


def read_hearing(stored: Mapping[bytes, bytes], ahead: timedelta = timedelta()) -> Hearing | None:
    """What is noted of a bot, None where nothing can be read; the reader's clock is `ahead` of the store's."""

    def time(name: bytes) -> datetime:
        return datetime.fromtimestamp(float(stored[name]), UTC) + ahead

    if not stored:
        return None
    try:
        mark = stored.get(b"deaf_until", b"").decode()
        is_new = bool(mark) and stored.get(MADE_UP.encode()) != mark.encode()
        return Hearing(time(b"until"), Deafness(time(b"deaf_since"), time(b"deaf_until"), mark) if is_new else None)
    except (KeyError, ValueError, OverflowError, OSError) as error:
        log.warning("until when a bot has heard can't be read: %s", error)
        return None


def store_time(reply: Any) -> datetime:
    """The answer to TIME."""
    seconds, microseconds = reply
    return datetime.fromtimestamp(int(seconds), UTC) + timedelta(microseconds=int(microseconds))
