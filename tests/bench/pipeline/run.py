"""One run of one contestant: its worker processes, the stand-in and the driver, on an empty store."""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.environments import python_of
from tests.bench.errors import BrokenRun
from tests.bench.pipeline.contestants import Contestant
from tests.bench.pipeline.place import Place
from tests.bench.processes import running
from tests.bench.stores import Served

LOOK = 0.1  # seconds between two looks at whether everybody still lives


@dataclass(frozen=True)
class Setting:
    """How the stand-in and the contestant are set up: seconds of latency, and worker processes."""

    latency: float
    processes: int

    @property
    def name(self) -> str:
        plural = "" if self.processes == 1 else "es"
        return f"{self.latency * 1000:.0f} ms, {self.processes} process{plural}"


def run(contestant: Contestant, setting: Setting, seconds: float, store: Served, logs: Path) -> dict[str, Any]:
    """What the driver has measured. Raises `BrokenRun`."""
    store.redis.flushall()
    name = f"{contestant.name}-{setting.latency:g}-{setting.processes}"
    with ExitStack() as stack:
        command = [sys.executable, "-m", "tests.bench.pipeline.stand_in", "--latency", str(setting.latency)]
        stand_in = stack.enter_context(running(command, {}, logs / "stand-in.log", told=True))
        assert stand_in.stdout is not None
        environment = Place(store.url, stand_in.stdout.readline().strip()).environment()
        environment["BENCH_PROCESSES"] = str(setting.processes)
        python = python_of(contestant.environment)
        log = logs / f"{name}.log"
        log.unlink(missing_ok=True)
        workers = [
            stack.enter_context(
                running(
                    [python, *contestant.command(setting.latency)], {**environment, "BENCH_INDEX": str(number)}, log
                )
            )
            for number in range(setting.processes)
        ]
        watch = {
            "workers": ",".join(str(worker.pid) for worker in workers),
            "store": str(store.pid),
            "stand-in": str(stand_in.pid),
        }
        command = [python, "-m", "tests.bench.pipeline.driver", "--seconds", str(seconds)]
        command += ["--open-orders", str(contestant.open_orders * setting.processes)]
        command += [] if contestant.publisher is None else ["--publisher", contestant.publisher]
        command += [f"--watch={one}={pids}" for one, pids in watch.items()]
        driver = stack.enter_context(running(command, environment, log, told=True))
        while driver.poll() is None:
            if ended := [worker.returncode for worker in workers if worker.poll() is not None]:
                raise BrokenRun(
                    f"{contestant.name} ({setting.name}): a worker ended with exit code {ended[0]}: see {log}"
                )
            time.sleep(LOOK)
        assert driver.stdout is not None
        said = driver.stdout.read()
    if driver.returncode:
        raise BrokenRun(f"{contestant.name} ({setting.name}): {_last_line(log)} (see {log})")
    measured: dict[str, Any] = json.loads(said)
    return measured


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "the driver said nothing"
