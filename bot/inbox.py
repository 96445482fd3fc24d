"""The updates of one bot that are stored and not yet dealt with."""

from __future__ import annotations

import json
import time
from typing import Any

from redis import Redis

from flows import keys
from flows.store import text

Update = dict[str, Any]

LISTENING_LIFE = 120  # seconds that a bot's last word on its polling stands; a poll takes up to 65
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
            pipe.set(keys.listening(self._bot), _word(""), ex=LISTENING_LIFE)
            pipe.hmget(keys.inbox(self._bot), ids)
            kept = pipe.execute()[-1]
        return [update for update, raw in zip(batch, kept, strict=True) if raw is not None]

    def waiting(self) -> list[Update]:
        """What a former process has left, in the order of the ids."""
        stored: list[Update] = [json.loads(raw) for raw in self._redis.hvals(keys.inbox(self._bot))]
        return sorted(stored, key=lambda update: int(update["update_id"]))

    def done(self, update: Update) -> None:
        """Strike an update off."""
        self._redis.hdel(keys.inbox(self._bot), str(update["update_id"]))

    def set_aside(self, update: Update, trace: str) -> None:
        """Keep an update that can't be handled, with its traceback, out of the way."""
        entry = json.dumps({"update": update, "chat": chat_of(update), "traceback": trace, "at": time.time()})
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(keys.inbox_dead(self._bot), str(update["update_id"]), entry)
            pipe.hdel(keys.inbox(self._bot), str(update["update_id"]))
            pipe.execute()

    def tell(self, problem: str) -> None:
        """Leave word for `comanda doctor` that this bot asks for updates, and what hinders it; empty for nothing."""
        self._redis.set(keys.listening(self._bot), _word(problem), ex=LISTENING_LIFE)

    def offset(self) -> int:
        """From which id on to ask: one above the last that was stored, 0 when none was."""
        raw = self._redis.get(keys.inbox_offset(self._bot))
        return 0 if raw is None else int(text(raw))


def _word(problem: str) -> str:
    return json.dumps({"at": time.time(), "problem": problem})


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
