"""Connecting to the store, and running scripts in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import NoScriptError, OutOfMemoryError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as NoReply
from redis.retry import Retry
from redis.sentinel import Sentinel

NAME = "comanda"  # of each connection, as CLIENT LIST shows it
TIMEOUT = 5.0  # seconds for a connection or a reply; a loaded disk under appendfsync always takes a fraction of it

REPLICATED_WITHIN = 2000
"""Milliseconds that replicas have to take what was written."""

# What a server says that can't write just now: memory, role, replicas or disk; or that is starting or busy.
_NOT_NOW = ("OOM", "READONLY", "NOREPLICAS", "MISCONF", "MASTERDOWN", "LOADING", "BUSY", "TRYAGAIN")


class NotReplicated(RedisError):
    """The replicas have not confirmed a write in time. It may stand: come again with the same cause."""


def connect(url: str) -> Redis:
    """A client of the store at `redis://`, `rediss://` or `unix://`; it connects at the first command.

    `redis+sentinel://user:password@host:port,host:port/name/0` (or `rediss+…`) is the primary that these sentinels
    know by that name, whichever server that is by now; `?sentinel_password=` is for the sentinels themselves.

    It never repeats a command by itself, as redis-py does ten times by default: after a lost reply the first try may
    have been carried out, and only the caller can tell (see `flows.ledger.transaction`). Raises `ValueError`.
    """
    scheme, _, rest = url.partition("://")
    if scheme.endswith("+sentinel"):
        return _primary(rest, tls=scheme.startswith("rediss"))
    return Redis.from_url(url, **_options())


def _options() -> dict[str, Any]:
    return {
        "client_name": NAME,
        "retry": Retry(NoBackoff(), 0),
        "socket_timeout": TIMEOUT,
        "socket_connect_timeout": TIMEOUT,
        "health_check_interval": 0,
    }


def _primary(address: str, tls: bool) -> Redis:
    login, _, place = address.rpartition("@")
    user, _, password = login.partition(":")
    parts = urlsplit(f"//{place}")
    name, _, database = parts.path.strip("/").partition("/")
    hosts = [_host(part) for part in parts.netloc.split(",")]
    if not name:
        raise ValueError("the name of the primary is missing")
    options = {**_options(), "db": int(database or 0), "ssl": tls}
    credentials = {"username": unquote(user) or None, "password": unquote(password) or None}
    [spoken] = parse_qs(parts.query).get("sentinel_password", [None])
    spoken_to = {**_options(), "ssl": tls, "password": spoken}
    sentinel = Sentinel(hosts, sentinel_kwargs=spoken_to)  # type: ignore[no-untyped-call]
    primary: Redis = sentinel.master_for(name, **options, **credentials)  # type: ignore[no-untyped-call]
    return primary


def _host(part: str) -> tuple[str, int]:
    host, _, port = part.rpartition(":")
    return (host, int(port)) if host else (port, 26379)


def is_outage(error: Exception) -> bool:
    """Whether the store can't do it now, whatever was asked; the same may succeed later. Else the asking is wrong."""
    if isinstance(error, ResponseError):
        return isinstance(error, OutOfMemoryError | ReadOnlyError) or str(error).startswith(_NOT_NOW)
    return isinstance(error, ConnectionLost | NoReply | NotReplicated)


class Script:
    """A script that runs in the server, in one step and one round trip.

    With `#!lua` as its first line the server checks memory, role and replicas before it begins, so that no write is
    refused in the middle.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()

    def run(self, redis: Redis, arguments: Iterable[Any], replicas: int = 0) -> Any:
        """Its reply, once so many replicas have confirmed what it wrote. Raises `NotReplicated`, redis-py's errors."""
        given = list(arguments)
        reply, confirmed = _call(redis, replicas, "EVALSHA", self._sha, given)
        if isinstance(reply, NoScriptError):
            reply, confirmed = _call(redis, replicas, "EVAL", self._source, given)
        for answer in (reply, confirmed):
            if isinstance(answer, Exception):
                raise answer
        if confirmed < replicas:
            raise NotReplicated(f"{confirmed} of {replicas} replicas have confirmed a write")
        return reply


def _call(redis: Redis, replicas: int, command: str, script: str, arguments: list[Any]) -> tuple[Any, Any]:
    """The reply, and how many replicas have confirmed: WAIT counts on the connection that wrote."""
    with redis.pipeline(transaction=False) as pipe:
        pipe.execute_command(command, script, 0, *arguments)  # type: ignore[no-untyped-call]
        if replicas:
            pipe.execute_command("WAIT", replicas, REPLICATED_WITHIN)  # type: ignore[no-untyped-call]
        replies = pipe.execute(raise_on_error=False)
    return replies[0], replies[1] if replicas else 0


def text(value: object) -> str:
    """A key or value of the store as text; the client answers in bytes, as RQ wants it."""
    return value.decode() if isinstance(value, bytes) else str(value)


def texts(values: object) -> list[str]:
    """The same for what lists, sets and sorted sets answer."""
    if not isinstance(values, Iterable):
        raise TypeError(f"not a collection: {type(values).__name__}")
    return [text(value) for value in values]
