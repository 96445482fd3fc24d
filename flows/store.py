"""Connecting to the store, and running scripts in it."""

from __future__ import annotations

import asyncio
import hashlib
import weakref
from collections.abc import Iterable, Sequence
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.connection import Connection, HiredisRespSerializer, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import (
    ClusterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as NoReply
from redis.retry import Retry
from redis.sentinel import Sentinel

from flows.gathering import Gathering
from flows.store_pool import Pool, SentinelPool
from flows.store_url import StoreAddress, parse

NAME = "comanda"  # of each connection, as CLIENT LIST shows it
TIMEOUT = 5.0  # seconds for a connection or a reply; a loaded disk under appendfsync always takes a fraction of it

BYTES = "surrogateescape"
"""How bytes that are no text are read, so that they are written as the same bytes again (see `codecs`): a member that
another program has left under one of our keys must be found and removed like any other."""

REPLICATED_WITHIN = 2000
"""Milliseconds that replicas have to take what was written."""

# What a server says that can't do anything just now, whatever it is asked: for its memory, role, replicas or disk, or
# because it is busy. redis-py has classes of its own for some, and takes the first word away; of others it leaves it.
_OUTAGES = (ConnectionLost, NoReply, OutOfMemoryError, ReadOnlyError, ClusterDownError, TryAgainError)
_NOT_NOW = frozenset({"NOREPLICAS", "MISCONF", "BUSY", "UNBLOCKED"})


class NotReplicated(RedisError):
    """The replicas have not confirmed a write in time. It may stand: come again with the same cause."""


def connect(url: str) -> Redis:
    """A client of the store at a URL (see `flows.store_url`); it connects at the first command.

    It never repeats a command by itself, as redis-py does ten times by default: after a lost reply the first try may
    have been carried out, and only the caller can tell (see `flows.ledger.transaction`). Raises `BadURL`.
    """
    address = parse(url)
    tls = {"ssl": True, **address.tls} if address.uses_tls else {}
    if address.primary is not None:
        return _primary(address, address.primary, tls)
    options = {**_OPTIONS, **address.login, "command_packer": _Packer()}
    if address.path is not None:
        return Redis.from_pool(Pool(connection_class=UnixDomainSocketConnection, path=address.path, **options))
    [(host, port)] = address.hosts
    kind = SSLConnection if address.uses_tls else Connection
    return Redis.from_pool(Pool(connection_class=kind, host=host, port=port, **address.tls, **options))


class _Packer(HiredisRespSerializer):
    """Packs commands as redis-py does, and a text that holds bytes as these (see `BYTES`)."""

    def pack(self, *words: Any) -> list[bytes]:
        try:
            return self._packed(words)
        except UnicodeEncodeError:
            return self._packed([word.encode("utf-8", BYTES) if isinstance(word, str) else word for word in words])

    def _packed(self, words: Iterable[Any]) -> list[bytes]:
        packed: list[bytes] = super().pack(*words)
        return packed


_OPTIONS: dict[str, Any] = {
    "client_name": NAME,
    "retry": Retry(NoBackoff(), 0),
    "socket_timeout": TIMEOUT,
    "socket_connect_timeout": TIMEOUT,
    "health_check_interval": 0,
}


def _primary(address: StoreAddress, name: str, tls: dict[str, Any]) -> Redis:
    """Whichever server the sentinels know by that name; they are asked again at every new connection."""
    asking = {**_OPTIONS, **tls, **address.sentinel_login}
    sentinel = Sentinel(list(address.hosts), sentinel_kwargs=asking)  # type: ignore[no-untyped-call]
    options = {**_OPTIONS, **tls, **address.login, "command_packer": _Packer()}
    primary: Redis = sentinel.master_for(name, connection_pool_class=SentinelPool, **options)  # type: ignore[no-untyped-call]
    return primary


def apart(redis: Redis) -> Redis:
    """A client of the same store with connections of its own: for a lease, which must not wait for others' commands."""
    pool = redis.connection_pool
    if not isinstance(pool, Pool):
        return redis
    own = pool.apart()
    client = Redis(connection_pool=own)
    weakref.finalize(client, own.disconnect)
    return client


def is_outage(error: BaseException) -> bool:
    """Whether the store is out of reach: whatever was asked, it can't do it now, and may do it later.

    Any other error of the store is about what was asked: a key of another type, a script or command that it refuses.
    The same will fail again, so it must not hold up anything else.
    """
    if isinstance(error, ResponseError) and _said(error).partition(" ")[0] in _NOT_NOW:
        return True
    return isinstance(error, (*_OUTAGES, NotReplicated))


def trouble(error: RedisError) -> str:
    """What an error of the store means, for a log: without the arguments of the command, which may be anything."""
    if is_outage(error):
        return f"the store is out of reach ({type(error).__name__})"
    said = _said(error).partition(", with args")[0]
    return f"the store refuses what was asked of it ({said[:120] or type(error).__name__})"


def _said(error: RedisError) -> str:
    """The server's words, without those that redis-py puts before them for a command of a pipeline."""
    return str(error).rpartition(" of pipeline caused error: ")[2]


def each(pipe: Pipeline) -> list[Any]:
    """The replies to a pipeline's commands, with its error in the place of one that was refused.

    Raises the first error that is an outage.
    """
    replies: list[Any] = pipe.execute(raise_on_error=False)
    for reply in replies:
        if isinstance(reply, Exception) and is_outage(reply):
            raise reply
    return replies


class Script:
    """A script that runs in the server, in one step and one round trip.

    With `#!lua` as its first line the server checks memory, role and replicas before it begins, so that no write is
    refused in the middle.
    """

    def __init__(self, source: str, *, lasting: bool = True) -> None:
        """What is not `lasting` need not be on the replicas: locks, and what is only for a moment."""
        self.source = source
        self.lasting = lasting
        self.sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()

    def run(self, redis: Redis, arguments: Iterable[Any], replicas: int = 0) -> Any:
        """Its reply, once so many replicas have confirmed what it wrote. Raises `NotReplicated`, redis-py's errors."""
        return at_once(redis, [(self, *arguments)], replicas)[0]


Command = tuple[Any, ...]
"""The words of a command; or a `Script` and its arguments."""


def pipelined(redis: Redis, asked: Sequence[Sequence[Command]], replicas: int = 0) -> list[list[Any] | Exception]:
    """Send all these commands in one go. Returns the replies to each sequence, or the first error among them.

    With `replicas`, what has called a lasting script waits until so many replicas have confirmed all that was written,
    or gets `NotReplicated`. Raises redis-py's errors when the connection is lost: then any of it may have taken effect.
    """
    commands = [command for one in asked for command in one]
    replicas = replicas if any(_lasts(command) for command in commands) else 0
    replies = _replies(redis, commands, replicas)
    unknown = [number for number, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
    if unknown:
        again = _replies(redis, [("EVAL", commands[one][0].source, 0, *commands[one][1:]) for one in unknown], replicas)
        for number, reply in zip(unknown, again, strict=False):
            replies[number] = reply
        replies[len(commands) :] = again[len(unknown) :]
    confirmed = replies[len(commands)] if replicas else 0
    found: list[list[Any] | Exception] = []
    at = 0
    for one in asked:
        mine, at = replies[at : at + len(one)], at + len(one)
        errors = [reply for reply in mine if isinstance(reply, Exception)]
        if not errors and replicas and any(_lasts(command) for command in one):
            errors = _unconfirmed(confirmed, replicas)
        found.append(errors[0] if errors else mine)
    return found


def at_once(redis: Redis, commands: Sequence[Command], replicas: int = 0) -> list[Any]:
    """The replies to these commands, in one round trip. Raises the first error among them, and as `pipelined` does."""
    [replies] = pipelined(redis, [commands], replicas)
    if isinstance(replies, Exception):
        raise replies
    return replies


def _lasts(command: Command) -> bool:
    return isinstance(command[0], Script) and command[0].lasting


def _unconfirmed(confirmed: int | Exception, replicas: int) -> list[Exception]:
    if isinstance(confirmed, Exception):
        return [confirmed]
    return [NotReplicated(f"{confirmed} of {replicas} replicas have confirmed a write")] if confirmed < replicas else []


def _replies(redis: Redis, commands: Sequence[Command], replicas: int) -> list[Any]:
    """One for each command, and one of WAIT, which counts on the connection that wrote."""
    with redis.pipeline(transaction=False) as pipe:
        for command in commands:
            words = ("EVALSHA", command[0].sha, 0, *command[1:]) if isinstance(command[0], Script) else command
            pipe.execute_command(*words)  # type: ignore[no-untyped-call]
        if replicas:
            pipe.execute_command("WAIT", replicas, REPLICATED_WITHIN)  # type: ignore[no-untyped-call]
        return list(pipe.execute(raise_on_error=False))


class Together:
    """Commands of an event loop's many tasks, each batch of them in one round trip."""

    def __init__(self, redis: Redis, replicas: int = 0) -> None:
        """`replicas` is how many have to hold what a script writes before its reply counts."""
        self.redis = redis
        self.replicas = replicas
        self._gathering = Gathering(self._send)

    async def run(self, *commands: Command) -> list[Any]:
        """The replies. Raises the first error among them, `NotReplicated`, or what the loss of a connection raises."""
        return await self._gathering(commands)

    async def _send(self, asked: list[tuple[Command, ...]]) -> list[list[Any] | Exception]:
        return await asyncio.to_thread(pipelined, self.redis, asked, self.replicas)


def text(value: object) -> str:
    """A key or value of the store as text; the client answers in bytes, as RQ wants it."""
    return value.decode("utf-8", BYTES) if isinstance(value, bytes) else str(value)


def texts(values: object) -> list[str]:
    """The same for what lists, sets and sorted sets answer."""
    if not isinstance(values, Iterable):
        raise TypeError(f"not a collection: {type(values).__name__}")
    return [text(value) for value in values]
