"""What type of value each key of the store has that is there once: another one in its place stops what uses it."""

from __future__ import annotations

from collections.abc import Iterator

from redis import Redis

from flows import keys
from flows.reactions import QUEUE

BOTS = ("customer", "restaurant")

_OF_BOTS = {
    keys.inbox: "hash",
    keys.inbox_owners: "hash",
    keys.inbox_dead: "hash",
    keys.inbox_seen: "zset",
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


def of_another_type(redis: Redis) -> Iterator[tuple[str, str, str]]:
    """The keys that have a value of another type than they should: each with its type, and the right one."""
    with redis.pipeline(transaction=False) as pipe:
        for key in TYPES:
            pipe.type(key)
        found = pipe.execute()
    for (key, right), raw in zip(TYPES.items(), found, strict=True):
        there = raw.decode()
        if there not in (right, "none"):
            yield key, there, right
