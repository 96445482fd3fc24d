"""Processes that keep cores busy, as a loaded machine does."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager

BUSY_FOR = 2_000_000  # steps between two looks at whether the parent is still there: some hundredths of a second


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Keep so many cores busy. The processes end with the block, and with this process however it dies."""
    spawn = multiprocessing.get_context("spawn")
    running = [spawn.Process(target=_work, args=(os.getpid(),), daemon=True) for _ in range(processes)]
    for process in running:
        process.start()
    try:
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.join()


def _work(parent: int) -> None:
    while os.getppid() == parent:
        for _ in range(BUSY_FOR):
            pass
