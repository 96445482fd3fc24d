"""A store for measuring: durable as in production, reached over TCP as every contestant can."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from tests.conftest import a_free_port
from tests.platform.programs import valkey_with

DURABLE = ("--appendonly", "yes", "--appendfsync", "always", "--save", "", "--loglevel", "warning")


@dataclass(frozen=True)
class Served:
    """A server that answers."""

    redis: Redis
    url: str

    @property
    def pid(self) -> int:
        server: dict[str, int] = self.redis.info("server")
        return server["process_id"]


@contextmanager
def store(folder: Path, *options: str) -> Iterator[Served]:
    """A server in that folder, which is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    port = a_free_port()
    with valkey_with(port, folder, *DURABLE, *options) as redis:
        yield Served(redis, f"redis://127.0.0.1:{port}")
