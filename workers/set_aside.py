"""Updates whose handler failed each time: what there is to see of them, and another try."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ValidationError
from redis import Redis
from redis.client import Pipeline

from flows import keys
from flows.store import text
from workers.key_types import BOTS
from workers.reading import watched


@dataclass(frozen=True)
class SetAside:
    """Such an update; `error` is the last line of its traceback."""

    bot: str
    update_id: str
    at: datetime
    chat: int | None
    error: str
    traceback: str


class _Entry(BaseModel):
    """What a bot stores of an update that it sets aside (`bot.inbox`)."""

    update: dict[str, Any]
    chat: int | None = None
    traceback: str
    at: float


def set_aside(redis: Redis) -> list[SetAside]:
    """All of them, oldest first."""
    found = []
    for bot in BOTS:
        stored: Any = redis.hgetall(keys.inbox_dead(bot))
        for update_id, raw in stored.items():
            entry = _read(raw) or _Entry(update={}, traceback="its entry can't be read", at=0)
            trace = entry.traceback.strip()
            last = trace.splitlines()[-1] if trace else ""
            at = datetime.fromtimestamp(entry.at, UTC)
            found.append(SetAside(bot, text(update_id), at, entry.chat, last, trace))
    return sorted(found, key=lambda one: one.at)


def _read(raw: bytes) -> _Entry | None:
    try:
        return _Entry.model_validate_json(raw)
    except ValidationError:
        return None


def retry(redis: Redis, update_id: str) -> list[str]:
    """Put an update back into its inbox, for its bot to find. Returns the bots that had it."""
    return [bot for bot in BOTS if _take(redis, bot, update_id, again=True)]


def forget(redis: Redis, update_id: str) -> list[str]:
    """Forget an update for good. Returns the bots that had it."""
    return [bot for bot in BOTS if _take(redis, bot, update_id, again=False)]


def _take(redis: Redis, bot: str, update_id: str, *, again: bool) -> bool:
    def work(pipe: Pipeline) -> bool:
        raw: Any = pipe.hget(keys.inbox_dead(bot), update_id)
        entry = None if raw is None else _read(raw)
        if raw is None or (again and entry is None):
            return False
        pipe.multi()
        if again and entry is not None:
            chat = str(entry.chat or 0)
            pipe.hset(keys.inbox(bot), update_id, json.dumps(entry.update))
            pipe.rpush(keys.inbox_chat(bot, chat), update_id)
            pipe.hsetnx(keys.inbox_owners(bot), chat, "")  # nobody's, so that a process of the bot takes it
        pipe.hdel(keys.inbox_dead(bot), update_id)
        return True

    return watched(redis, [keys.inbox_dead(bot)], work)
