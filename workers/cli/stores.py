"""The store that a command speaks to: people are told which one it is, and none is made where nobody meant to."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from redis import Redis
from redis.exceptions import RedisError

from flows.ledger.transaction import Contended
from flows.settings import Settings
from flows.store import is_outage, trouble
from workers.embedded import EmbeddedStore
from workers.store import Store, StoreError, open_store, open_store_alone


def named(settings: Settings) -> str:
    """The store as people know it; of an outside one without user, password and options."""
    if settings.redis_url is None:
        return f"{settings.data_dir.resolve()} (embedded)"
    scheme, _, rest = settings.redis_url.partition("://")
    return f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}"


@contextmanager
def the_store(settings: Settings, *, new: bool = False) -> Iterator[Store]:
    """A store that answers, named at the terminal. Raises `StoreError`, as `open_store` does.

    A `new` one is made only by a command that may, and that is always said: in another folder `data` is another store.
    """
    is_new = _announce(settings, new)
    with open_store(settings) as store:
        _say(settings, is_new)
        yield store


@contextmanager
def the_store_alone(settings: Settings) -> Iterator[Redis]:
    """The same of one that no other process uses, for a command that may make a new one."""
    is_new = _announce(settings, new=True)
    with open_store_alone(settings) as redis:
        _say(settings, is_new)
        yield redis


def _announce(settings: Settings, new: bool) -> bool:
    """Whether there is no store yet. Raises `StoreError` where there has to be one."""
    is_new = settings.redis_url is None and not EmbeddedStore(settings.data_dir).exists
    if is_new and not new:
        raise StoreError(
            f"there is no store in {settings.data_dir.resolve()}: go to the folder in which Comanda runs, "
            "or let DATA_DIR or REDIS_URL name its store"
        )
    return is_new


def _say(settings: Settings, is_new: bool) -> None:
    if is_new:
        click.echo(f"made a new store: {named(settings)}", err=True)
    elif sys.stderr.isatty():
        click.echo(f"store: {named(settings)}", err=True)


def unanswered(error: RedisError | Contended) -> str:
    """Why the store did not do what a command asked of it, with what to do now."""
    if isinstance(error, RedisError) and not is_outage(error):
        return f"{trouble(error)}: `comanda doctor` and `comanda verify` say what is wrong"
    return f"the store does not answer ({type(error).__name__}); try again"
