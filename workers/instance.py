"""One `comanda up` or `comanda demo` per data directory."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from workers.data_dir import cannot_use


class AlreadyRunning(Exception):
    """Somebody else runs there; the message tells what they said about themselves, or nothing yet."""


@dataclass(frozen=True)
class Instance:
    """The right to be the only one, and what others are told about us."""

    descriptor: int

    def tell(self, about: str) -> None:
        """Let those who come later know this, in place of what was told before."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, about.encode(), 0)


@contextmanager
def the_only_one(directory: Path) -> Iterator[Instance]:
    """The lock of the directory, which ends with the process that holds it. Raises `AlreadyRunning`, `StoreError`."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory / "running", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise cannot_use(directory, error) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(os.pread(descriptor, 4096, 0).decode(errors="replace")) from None
        except OSError as error:  # a network's disk that knows no locks
            raise cannot_use(directory, error) from None
        instance = Instance(descriptor)
        instance.tell("")
        yield instance
    finally:
        os.close(descriptor)
