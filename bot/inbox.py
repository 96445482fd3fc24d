"""The updates of one bot that are stored and not yet dealt with."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

from redis import Redis

from flows import keys
from flows.store import text

log = logging.getLogger(__name__)

Update = dict[str, Any]

SEEN_LIFE = 25 * 3600  # seconds that ids are remembered; Telegram keeps an update for 24 h


class Inbox:
    """One bot's updates in the store. Each write can be repeated when its reply was lost: that changes nothing more."""

    def __init__(self, redis: Redis, bot: str) -> None:
        self._redis = redis
        self._bot = bot

    def store(self, batch: list[Update]) -> list[Update]:
        """Store what is new of a batch, and from which id on to ask next, in one transaction.

        Returns those of the batch that are still to be handled. Asked again after a lost reply, it finds the batch
        stored and returns the same.
        """
        ids = [str(update["update_id"]) for update in batch]
        seen = keys.inbox_seen(self._bot)
        now = time.time()
        scores = self._redis.zmscore(seen, ids)
        with self._redis.pipeline(transaction=True) as pipe:
            for update, score in zip(batch, scores, strict=True):
                if score is None:
                    pipe.hset(keys.inbox(self._bot), str(update["update_id"]), json.dumps(update))
                    pipe.zadd(seen, {str(update["update_id"]): now})
            pipe.zremrangebyscore(seen, 0, now - SEEN_LIFE)
            pipe.set(keys.inbox_offset(self._bot), offset_after(batch))
            pipe.hmget(keys.inbox(self._bot), ids)
            kept = pipe.execute()[-1]
        return [update for update, raw in zip(batch, kept, strict=True) if raw is not None]

    def waiting(self) -> list[Update]:
        """What a former process has left, in the order of the ids. What can't be read is set aside."""
        found = []
        stored: dict[bytes, bytes] = self._redis.hgetall(keys.inbox(self._bot))  # type: ignore[assignment]
        for field, raw in stored.items():
            try:
                found.append(_read(field, raw))
            except (ValueError, RecursionError) as error:
                log.warning("%s bot: what is stored as update %r can't be read: %s", self._bot, field, error)
                self._move(field, {"unreadable": raw.decode("utf-8", "backslashreplace")}, str(error))
        return sorted(found, key=lambda update: int(update["update_id"]))

    def done(self, update: Update) -> None:
        """Strike an update off."""
        self._redis.hdel(keys.inbox(self._bot), str(update["update_id"]))

    def set_aside(self, update: Update, trace: str) -> None:
        """Keep an update that can't be handled, with its traceback, out of the way."""
        self._move(str(update["update_id"]).encode(), update, trace)

    def _move(self, field: bytes, update: Update, trace: str) -> None:
        entry = json.dumps({"update": update, "traceback": trace, "at": time.time()})
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(keys.inbox_dead(self._bot), field, entry)
            pipe.hdel(keys.inbox(self._bot), field)
            pipe.execute()

    def offset(self) -> int:
        """From which id on to ask: one above the last that was stored, 0 when none was.

        0 too where that can't be read: Telegram then gives all that it still has, and what was seen is known.
        """
        raw = self._redis.get(keys.inbox_offset(self._bot))
        try:
            return 0 if raw is None else int(text(raw))
        except ValueError:
            log.warning("%s bot: where it had come to can't be read; it asks from the oldest update on", self._bot)
            return 0


def _read(field: bytes, raw: bytes) -> Update:
    """A stored update. Raises `ValueError` (or `RecursionError`) for what is none, or not the one of that number."""
    update = json.loads(raw)
    if not isinstance(update, dict) or str(update.get("update_id")).encode() != field:
        raise ValueError("this is not the update of that number")
    return update


def offset_after(batch: list[Update]) -> int:
    """From which id on to ask after a batch: its last one's, not the highest; after a week they may start anywhere."""
    return int(batch[-1]["update_id"]) + 1


def chat_of(update: Update) -> int | None:
    """The chat (or else the person) that an update belongs to; updates of one are handled in order."""
    for kind, content in update.items():
        if kind == "update_id" or not isinstance(content, dict):
            continue
        message = content.get("message")
        places = (content.get("chat"), message.get("chat") if isinstance(message, dict) else None, content.get("from"))
        found = next((place for place in places if isinstance(place, dict)), {}).get("id")
        return found if isinstance(found, int) else None
    return None
