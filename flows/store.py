"""Connecting to the store."""

from __future__ import annotations

from collections.abc import Iterable

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

NAME = "comanda"  # of each connection, as CLIENT LIST shows it
TIMEOUT = 5.0  # seconds for a connection or a reply; a loaded disk under appendfsync always takes a fraction of it


def connect(url: str) -> Redis:
    """A client of the store at `redis://`, `rediss://` or `unix://`; it connects at the first command.

    It never repeats a command by itself, as redis-py does ten times by default: after a lost reply the first try may
    have been carried out, and only the caller can tell (see `flows.ledger.transaction`).
    """
    return Redis.from_url(
        url,
        client_name=NAME,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        health_check_interval=0,
    )


def text(value: object) -> str:
    """A key or value of the store as text; the client answers in bytes, as RQ wants it."""
    return value.decode() if isinstance(value, bytes) else str(value)


def texts(values: object) -> list[str]:
    """The same for what lists, sets and sorted sets answer."""
    if not isinstance(values, Iterable):
        raise TypeError(f"not a collection: {type(values).__name__}")
    return [text(value) for value in values]
