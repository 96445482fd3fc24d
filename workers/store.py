"""The store that everything runs on: an outside one by `REDIS_URL`, or the embedded Valkey under `DATA_DIR`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from redis import Redis
from redis.exceptions import RedisError

from flows import keys
from flows.settings import Settings
from flows.store import connect
from flows.urls import BadURL
from workers.durability import check_durable
from workers.embedded import STOP, EmbeddedStore
from workers.errors import StoreError
from workers.lasting import refuse_passing
from workers.occupied import is_used
from workers.trial import check_able

__all__ = ["Store", "StoreError", "check_durable", "open_store", "open_store_alone", "refuse_passing_store"]

MOUNT_ONE = (
    "mount a volume there (docker run --volume orders:/data …), choose a DATA_DIR on a disk, "
    "or set UNSAFE_STORE=true to run all the same"
)

LEAVING = 4.0  # seconds that processes which are just ending have to leave; a killed worker's lease takes 3


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
        _refuse_half_a_store(settings.redis_url)
        yield Store(settings.redis_url, look_after=lambda: None)
        return
    embedded = EmbeddedStore(settings.data_dir)
    with embedded.used():
        _refuse_half_a_store(embedded.url())
        yield Store(embedded.url(), embedded.look_after)


@contextmanager
def open_store_alone(settings: Settings) -> Iterator[Redis]:
    """A client of a store that no other process of Comanda uses. Raises `StoreError`, also if one does."""
    if settings.redis_url is not None:
        check_outside(settings.redis_url, settings.unsafe_store, settings.redis_replicas)
        with _client_alone(settings.redis_url) as redis:
            yield redis
        return
    embedded = EmbeddedStore(settings.data_dir)
    with embedded.used_alone(), _client_alone(embedded.url()) as redis:  # bots whose supervisor was killed live on
        yield redis


@contextmanager
def _client_alone(url: str) -> Iterator[Redis]:
    with connect(url) as redis:
        if is_used(redis, LEAVING):
            raise StoreError(f"bots or workers run on this store: {STOP}")
        yield redis


def refuse_passing_store(settings: Settings) -> None:
    """Refuse to keep orders where an embedded store would be gone soon, unless that is wanted. Raises `StoreError`."""
    if settings.redis_url is None and not settings.unsafe_store:
        refuse_passing(settings.data_dir, f"orders would be lost; {MOUNT_ONE}")


def _refuse_half_a_store(url: str) -> None:
    with connect(url) as redis:
        try:
            is_half = redis.exists(keys.RESTORING)
        except RedisError as error:
            raise StoreError(f"the store does not answer ({type(error).__name__}); try again") from None
    if is_half:
        raise StoreError("a backup is being brought back, or that was interrupted: run `comanda restore FILE` again")


def check_outside(url: str, allow_unsafe: bool, replicas: int = 0) -> None:
    """Refuse an outside store that can't be used. Raises `StoreError`, without the URL: it may hold a password."""
    with client_of(url) as redis:
        check_able(redis, replicas)
        check_durable(redis, allow_unsafe, replicas)


def client_of(url: str) -> Redis:
    """A client of an outside store. Raises `StoreError` for what is no URL of one."""
    try:
        return connect(url)
    except BadURL as error:
        raise StoreError(f"REDIS_URL is wrong: {error}") from None
