"""Whether bots or workers use a store just now."""

from __future__ import annotations

import time
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from flows import keys
from flows.store import NAME, texts

LOOK_EVERY = 0.1  # seconds


def is_used(redis: Redis, patience: float) -> bool:
    """Whether a process of Comanda other than this one is connected; those just leaving have `patience` seconds.

    `redis` must be the only client that this process has of that store.
    """
    deadline = time.monotonic() + patience
    while _connections(redis) or _leases(redis):
        if time.monotonic() > deadline:
            return True
        time.sleep(LOOK_EVERY)
    return False


def _connections(redis: Redis) -> int:
    me = str(redis.client_id())
    try:
        clients: Any = redis.client_list()
    except ResponseError:  # hosted stores often forbid it; then the leases tell of workers, and nobody of bots
        return 0
    mine = next(client for client in clients if client["id"] == me)
    others: int = sum(client["name"] == NAME and client["db"] == mine["db"] for client in clients) - 1
    return others


def _leases(redis: Redis) -> bool:
    return any(redis.exists(keys.lease(worker)) for worker in texts(redis.smembers(keys.WORKERS)))
