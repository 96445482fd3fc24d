"""The store that everything runs on: an outside one by `REDIS_URL`, or the embedded Valkey under `DATA_DIR`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flows.settings import Settings
from flows.store import connect
from workers.durability import check_durable
from workers.embedded import EmbeddedStore
from workers.errors import StoreError

__all__ = ["Store", "StoreError", "check_durable", "open_store"]


@dataclass(frozen=True)
class Store:
    """A store that answers. `look_after` is to be called every few seconds by who runs for long."""

    url: str
    look_after: Callable[[], None]


@contextmanager
def open_store(settings: Settings) -> Iterator[Store]:
    """A store that answers and keeps what it acknowledges. Raises `StoreError`.

    The embedded one is started if it does not run, and stopped by the last one who leaves, whoever started it: so a
    command that started it does not take it away from those who came meanwhile.
    """
    if settings.redis_url is not None:
        check_outside(settings.redis_url, settings.unsafe_store, settings.redis_replicas)
        yield Store(settings.redis_url, look_after=lambda: None)
        return
    embedded = EmbeddedStore(settings.data_dir)
    with embedded.used():
        yield Store(embedded.url(), embedded.look_after)


def check_outside(url: str, allow_unsafe: bool, replicas: int = 0) -> None:
    """Refuse an outside store that can't be used. Raises `StoreError`, without the URL: it may hold a password."""
    try:
        redis = connect(url)
    except ValueError:
        raise StoreError("REDIS_URL is wrong: expected a URL such as redis://host:6379/0") from None
    try:
        check_durable(redis, allow_unsafe, replicas)
    finally:
        redis.close()
