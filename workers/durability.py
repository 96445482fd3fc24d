"""Whether an outside store keeps what it has acknowledged."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError
from redis.exceptions import TimeoutError as NoReply
from redis.sentinel import MasterNotFoundError

from flows.store import text
from flows.store_pool import has_no_room
from flows.urls import HOW_TO_WRITE
from workers.errors import StoreError

log = logging.getLogger(__name__)

ENOUGH = "min-replicas-to-write"
WANTED = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}


def check_durable(redis: Redis, allow_unsafe: bool, replicas: int = 0) -> None:
    """Refuse a store that may forget what it has acknowledged, unless `allow_unsafe`. Raises `StoreError`."""
    wrong = "; ".join(shortcomings(redis, replicas))
    if not wrong:
        return
    problem = f"REDIS_URL: this store may lose acknowledged orders: {wrong}"
    if not allow_unsafe:
        raise StoreError(f"{problem}. Change its configuration, or set UNSAFE_STORE=true to run all the same")
    log.warning("%s", problem)


def shortcomings(redis: Redis, replicas: int = 0) -> list[str]:
    """Why a store may forget what it has acknowledged. Raises `StoreError` when it can't be asked.

    With `replicas` it has to refuse writes by itself where fewer are connected.
    """
    try:
        return list(_shortcomings(redis, replicas))
    except RedisError as error:
        raise StoreError(f"REDIS_URL: {_unasked(error)}") from None


def _unasked(error: RedisError) -> str:
    """Why the store can't be asked, with the cure, and without the words of an error: they may hold a password."""
    match error:
        case AuthenticationError() | NoPermissionError():
            name = type(error).__name__
            return f"the store does not let us in ({name}): check user and password; {HOW_TO_WRITE}"
        case MasterNotFoundError():
            return (
                "the sentinels know no primary of that name, or don't answer: check the name, whether they run, and "
                "sentinel_username and sentinel_password"
            )
        case _ if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return (
                "the store's certificate is not trusted: name the file of your authority by ?ssl_ca_certs=, and the "
                "host as the certificate does"
            )
        case _ if has_no_room(error):
            return (
                "the store closes our connections at once: it takes no more (raise its `maxclients`, or stop what else "
                "uses it), or it wants TLS (rediss://)"
            )
        case NoReply():
            return (
                "no store answers there in time: is it running, is no firewall between, and does it speak TLS where "
                "the URL begins with rediss?"
            )
        case _:
            return f"no store answers there ({type(error).__name__}): is it running?"


def _shortcomings(redis: Redis, replicas: int) -> Iterator[str]:
    try:
        found = {text(name): text(value) for name, value in redis.config_get(*WANTED, ENOUGH).items()}
    except ResponseError:
        # Hosted stores often forbid CONFIG. INFO tells all but how often the file is written to the disk.
        found = _from_info(redis)
        yield "it forbids CONFIG, so whether `appendfsync` is `always` can't be checked"
    enough = int(found.pop(ENOUGH, replicas))
    if enough < replicas:
        yield f"`{ENOUGH}` is `{enough}`, not `{replicas}` as REDIS_REPLICAS asks for"
    for name, value in found.items():
        if value != WANTED[name]:
            yield f"`{name}` is `{value}`, not `{WANTED[name]}`"


def _from_info(redis: Redis) -> dict[str, str]:
    info: dict[str, Any] = redis.info("persistence") | redis.info("memory")
    return {
        "appendonly": "yes" if info["aof_enabled"] else "no",
        "maxmemory-policy": text(info["maxmemory_policy"]),
    }
