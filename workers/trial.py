"""Whether an outside store can do what Comanda asks of it: tried at the start, not found out at the first order.

Each thing is done once for real, under a key that is gone afterwards. For many stores speak Redis's language without
all of its words: older ones, clusters, hosted ones that forbid commands, and proxies before any of them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from redis import Redis
from redis.exceptions import AuthenticationError, InvalidResponse, NoPermissionError, RedisError, ResponseError
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as NoReply

from flows.store import REPLICATED_WITHIN, Script, is_outage, text
from workers.errors import StoreError

LIFE = 60  # seconds that a key of a trial lives at most, should its end be lost
OLDEST = 7  # major version of Redis that knows scripts with flags, which refuse all or nothing
WORDS = 150  # characters of the store's own words that are shown

# Like all of our scripts, it begins with flags and names its keys among the arguments.
_SCRIPT = Script("""#!lua
local key, life = ARGV[1], ARGV[2]
redis.call('HSET', key, 'field', redis.call('TIME')[1])
redis.call('EXPIRE', key, life)
return redis.call('HGETALL', key)
""")

CONNECTING = "connections of redis-py"

# What SELECT says, to which every connection is put first.
_NO_SUCH_DATABASE = ("db index is out of range", "value is not an integer or out of range")

# What scripts say of what their user may not do; each server has its own words.
_FORBIDDEN = ("acl failure", "no permissions", "can't access at least one of the keys")

Step = Callable[[Redis, str], object]


def check_able(redis: Redis, replicas: int = 0) -> None:
    """Refuse a store that can't do what is needed. Raises `StoreError`."""
    if (problem := inability(redis, replicas)) is not None:
        raise StoreError(f"REDIS_URL: {problem}")


def inability(redis: Redis, replicas: int = 0) -> str | None:
    """What the store can't do, with the cure; None where it can do all, or where that can't be told now.

    One that can't be reached, lets nobody in, or can't write just now says so to whoever asks it next.
    """
    try:
        told: dict[str, Any] = redis.info("server") | redis.info("cluster")
    except (ConnectionLost, NoReply, AuthenticationError):
        return None
    except RedisError:  # INFO is forbidden
        told = {}
    return _by_its_kind(told) or _by_trying(redis, replicas)


def _by_its_kind(told: dict[str, Any]) -> str | None:
    """What its own words about itself rule out."""
    mode = told.get("redis_mode") or told.get("server_mode")  # Redis and Valkey each name it after itself
    if mode == "sentinel":
        return "this is a sentinel, not the store: write redis+sentinel://host:26379/name"
    if mode == "cluster" or told.get("cluster_enabled"):
        return "this is a cluster, which spreads keys over servers: Comanda needs one primary, replicas are welcome"
    version = text(told.get("redis_version", ""))
    major = version.partition(".")[0]
    if major.isdigit() and int(major) < OLDEST:
        return f"this store speaks as Redis {version}: Redis {OLDEST} or newer, or Valkey, is needed"
    return None


def _by_trying(redis: Redis, replicas: int) -> str | None:
    steps: list[tuple[str, Step]] = [
        (CONNECTING, lambda one, _: one.ping()),
        ("scripts", lambda one, key: _SCRIPT.run(one, [key, LIFE])),
        ("transactions (WATCH, MULTI, EXEC)", _transaction),
        ("BLMOVE", _move),
        ("SCAN", lambda one, key: one.scan(match=key, count=1)),
    ]
    if replicas:
        steps.append(("WAIT", lambda one, _: one.wait(replicas, REPLICATED_WITHIN)))
    for what, step in steps:
        key = f"trial:{secrets.token_hex(8)}"
        try:
            step(redis, key)
            redis.delete(key, f"{key}:moved")
        except RedisError as error:
            return None if _is_outage(redis, error) else _words(what, error)
    return None


def _transaction(redis: Redis, key: str) -> None:
    with redis.pipeline(transaction=True) as pipe:
        pipe.watch(key)  # type: ignore[no-untyped-call]
        pipe.multi()
        pipe.zadd(key, {"member": 1})
        pipe.expire(key, LIFE)
        pipe.xadd(f"{key}:moved", {"field": "value"})
        pipe.expire(f"{key}:moved", LIFE)
        pipe.execute()


def _move(redis: Redis, key: str) -> None:
    redis.rpush(key, "one")
    redis.expire(key, LIFE)
    redis.blmove(key, f"{key}:moved", 1, "LEFT", "RIGHT")
    redis.expire(f"{key}:moved", LIFE)


def _is_outage(redis: Redis, error: RedisError) -> bool:
    """Whether the store could not do anything at that moment; a proxy cuts the connection for a word it lacks."""
    if isinstance(error, ConnectionLost):
        try:
            return not redis.ping()
        except RedisError:
            return True
    return is_outage(error)


def _words(what: str, error: RedisError) -> str:
    said = str(error).partition("\n")[0][:WORDS]
    if isinstance(error, InvalidResponse):
        return "what answers there does not speak Redis's language: check the URL's host and port"
    if what == CONNECTING and any(words in said.lower() for words in _NO_SUCH_DATABASE):
        return f"it has no database of that number ({said}): end the URL with /0"
    if isinstance(error, NoPermissionError) or any(words in said.lower() for words in _FORBIDDEN):
        return f"its user may not do what is needed ({said}): allow it all keys and commands (ACL `~* +@all`)"
    if "'SENTINEL'" in said:
        return f"no sentinel answers there ({said}): name the sentinels' port, or write redis://host:6379/0"
    if "undeclared key" in said.lower():
        return (
            f"it refuses scripts that don't declare their keys ({said}): for Dragonfly, start it with "
            "`--default_lua_flags=allow-undeclared-keys`"
        )
    reason = f"it can't do {what}" + (f" ({said})" if isinstance(error, ResponseError) else "")
    return f"{reason}: use Redis {OLDEST} or newer, or Valkey, and no proxy that lacks a part of it"
