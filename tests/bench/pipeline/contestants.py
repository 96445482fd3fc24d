"""Who runs in the pipeline: how each worker process is started, and where its library lives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.bench.pipeline.place import IN_FLIGHT

PEERS = "tests.bench.pipeline.peers"
FEW_THREADS = 8  # where nothing has to be waited for, more are only in each other's way
MANY_THREADS = 64  # where there is: with 128 huey's and dramatiq's orders a second are fewer, and Celery's the same

OURS, LIMIT = "comanda", "limit"


@dataclass(frozen=True)
class Contestant:
    """`command` gives the arguments for its environment's Python to run one worker process, for a latency in seconds.

    `packages` are those whose versions the report names; `alone` is one that does a single job at a time.
    """

    name: str
    environment: str
    publisher: str | None
    packages: tuple[str, ...]
    command: Callable[[float], list[str]]
    alone: bool = False

    @property
    def open_orders(self) -> int:
        """How many orders keep one of its processes busy."""
        return 4 if self.alone else 2 * IN_FLIGHT


def _threads(latency: float) -> str:
    return str(MANY_THREADS if latency else FEW_THREADS)


def _module(name: str) -> Callable[[float], list[str]]:
    return lambda _: ["-m", name]


ALL = (
    Contestant(
        OURS, "project", None, ("rq", "redis", "python-telegram-bot"), lambda _: ["-m", "tests.bench.opened", "workers"]
    ),
    Contestant(LIMIT, "project", "tests.bench.pipeline.limit", ("redis",), _module("tests.bench.pipeline.limit")),
    Contestant("rq", "project", f"{PEERS}.with_rq", ("rq", "redis"), _module(f"{PEERS}.with_rq"), alone=True),
    Contestant(
        "arq",
        "bench-arq",
        f"{PEERS}.with_arq",
        ("arq", "redis"),
        lambda _: ["-m", "arq", f"{PEERS}.with_arq.WorkerSettings"],
    ),
    Contestant(
        "taskiq",
        "bench",
        f"{PEERS}.with_taskiq",
        ("taskiq", "taskiq-redis", "redis"),
        lambda _: [
            *("-m", "taskiq", "worker", f"{PEERS}.with_taskiq:broker", "--workers", "1"),
            *("--max-async-tasks", str(IN_FLIGHT), "--max-prefetch", str(IN_FLIGHT), "--log-level", "WARNING"),
        ],
    ),
    Contestant(
        "dramatiq",
        "bench",
        f"{PEERS}.with_dramatiq",
        ("dramatiq", "redis"),
        lambda latency: [
            *("-m", "dramatiq", f"{PEERS}.with_dramatiq"),
            *("--processes", "1", "--threads", _threads(latency), "--skip-logging"),
        ],
    ),
    Contestant(
        "celery",
        "bench",
        f"{PEERS}.with_celery",
        ("celery", "kombu", "redis"),
        lambda latency: [
            *("-m", "celery", "-A", f"{PEERS}.with_celery", "worker", "--pool", "threads"),
            *("--concurrency", _threads(latency), "--without-gossip", "--without-mingle", "--loglevel", "WARNING"),
        ],
    ),
    Contestant(
        "huey",
        "bench",
        f"{PEERS}.with_huey",
        ("huey", "redis"),
        lambda latency: [
            *("-m", "huey.bin.huey_consumer", f"{PEERS}.with_huey.huey"),
            *("--worker-type", "thread", "--workers", _threads(latency), "--quiet"),
        ],
    ),
    Contestant(
        "faststream",
        "bench",
        f"{PEERS}.with_faststream",
        ("faststream", "redis"),
        lambda _: ["-m", "faststream", "run", f"{PEERS}.with_faststream:app", "--log-level", "warning"],
    ),
)
"""Ours first, then the limit, then the peers."""
