"""What type of value each key of the store has that is there once: another one in its place stops what uses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redis import Redis

from flows import keys
from flows.reactions import QUEUE
from flows.store import text

BOTS = ("customer", "restaurant")

_OF_BOTS = {
    keys.inbox: "hash",
    keys.inbox_owners: "hash",
    keys.inbox_dead: "hash",
    keys.inbox_seen: "zset",
    keys.inbox_handled: "set",
    keys.inbox_offset: "string",
    keys.inbox_processes: "zset",
    keys.webhooks: "set",
    keys.listening: "string",
    keys.heard: "hash",
}
TYPES = {
    keys.DUE: "zset",
    keys.ORDERS: "zset",
    keys.EVENTS: "stream",
    keys.RESTAURANTS: "hash",
    keys.SERVICES: "hash",
    keys.CATALOGUE: "string",
    keys.STAFF: "hash",
    keys.WORKERS: "set",
    keys.BEAT: "string",
    keys.DOWNTIMES: "zset",
    f"rq:queue:{QUEUE}": "list",
    **{key(bot): type_ for bot in BOTS for key, type_ in _OF_BOTS.items()},
}


_OF_RESTAURANTS = {
    keys.open_orders: "set",
    keys.taken: "hash",
    keys.invite_of: "string",
    keys.staff_trouble: "string",
}


@dataclass(frozen=True)
class OtherType:
    """A key that is a `there`, where a `right` belongs."""

    key: str
    there: str
    right: str

    @property
    def says(self) -> str:
        """What to say of it behind its name."""
        return f"is a {self.there}, where a {self.right} belongs"

    @property
    def cure(self) -> str:
        """What to do about it."""
        return f"see what wrote it, `RENAME {self.key} {self.key}.old`, then `comanda verify --repair`"


def of_another_type(redis: Redis) -> list[OtherType]:
    """The keys which all processes share that have a value of another type than they should."""
    return _compare(redis, TYPES)


def of_restaurants(redis: Redis) -> list[OtherType]:
    """The same of the keys that each restaurant has. Raises redis-py's errors where these can't be listed."""
    slugs: Any = redis.hkeys(keys.RESTAURANTS)
    return _compare(redis, {key(text(slug)): right for slug in slugs for key, right in _OF_RESTAURANTS.items()})


def _compare(redis: Redis, types: Mapping[str, str]) -> list[OtherType]:
    with redis.pipeline(transaction=False) as pipe:
        for key in types:
            pipe.type(key)
        found = [text(raw) for raw in pipe.execute()]
    rows = zip(types.items(), found, strict=True)
    return [OtherType(key, there, right) for (key, right), there in rows if there not in (right, "none")]
