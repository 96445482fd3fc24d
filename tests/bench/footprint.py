"""What Comanda takes while nobody orders: memory and CPU of each process, the start, and imports."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from flows import keys
from flows.store import connect
from tests.bench.processes import ROOT, cpu_seconds, memory, tree
from tests.bench.report import Row, Section
from tests.bench.rounds import figure
from tests.bench.size import Size
from tests.e2e.system import System, eventually

PACKAGES = ("flows.ledger", "workers.cli", "workers.__main__", "bot.customer", "bot.restaurant", "bot.sandbox.__main__")
PROGRAMS = {"customer bot": "bot.customer", "restaurant bot": "bot.restaurant", "worker": "workers"}
SETTLED = 3.0  # seconds after the start until which everything is still busy with itself
LEAST_CPU, MOST_MB = 1.0, 400.0  # the aims: per cent of a core, and MB altogether


def measure(size: Size, folder: Path) -> Section:
    """Start everything as `comanda up` does, look at it for a while, and stop it."""
    folder = folder / "footprint"
    folder.mkdir(parents=True, exist_ok=True)
    system = System(folder)
    try:
        began = time.monotonic()
        system.start()
        store = eventually(lambda: _listening(system), "the bots do not listen")
        started = time.monotonic() - began
        time.sleep(SETTLED)
        rows = _idle(_pids(system, store), size.idle)
    finally:
        system.close()
    total = Row("altogether", {name: figure([sum(_of(row, name) for row in rows)]) for name in rows[0].cells})
    imports = [Row(f"import {name}", {"seconds": figure(_imports(name, max(1, size.rounds)))}) for name in PACKAGES]
    aims = [
        f"idle {_of(total, 'CPU %'):.2f} % of a core (aim under {LEAST_CPU:g} %)",
        f"{_of(total, 'PSS MB'):.0f} MB altogether without the sandbox (aim under {MOST_MB:.0f} MB)",
    ]
    start = Row("`comanda up` until both bots listen", {"seconds": figure([started])})
    return Section("footprint", "Footprint: everything idle", [*rows, total, start, *imports], aims)


def _of(row: Row, name: str) -> float:
    cell = row.cells[name]
    assert not isinstance(cell, str)
    return cell.median


def _listening(system: System) -> Any:
    """A client of the store, once both bots ask for updates and the worker is there."""
    try:
        redis = connect(system.store_url())
        there = redis.exists(keys.listening("customer"), keys.listening("restaurant"))
        return redis if there == 2 and redis.scard(keys.WORKERS) else None
    except (OSError, RedisError):
        return None


def _pids(system: System, store: Any) -> dict[str, int]:
    assert system.up is not None
    programs = {name: system.pids(module)[0] for name, module in PROGRAMS.items()}
    return {"comanda up": system.up.pid, "store": store.info("server")["process_id"], **programs}


def _idle(pids: dict[str, int], seconds: float) -> list[Row]:
    apart = set(pids.values())

    def used(pid: int) -> float:  # without those that have a row of their own
        return cpu_seconds(pid) - sum(cpu_seconds(one) for one in apart & set(tree(pid)[1:]))

    before = {name: used(pid) for name, pid in pids.items()}
    began = time.monotonic()
    time.sleep(seconds)
    lasted = time.monotonic() - began
    rows = []
    for name, pid in pids.items():
        cpu = max(0.0, 100 * (used(pid) - before[name]) / lasted)  # differences of sums: zero may be a little less
        mb = memory(pid)
        rows.append(Row(name, {"CPU %": figure([cpu]), "RSS MB": figure([mb["rss"]]), "PSS MB": figure([mb["pss"]])}))
    return rows


def _imports(name: str, rounds: int) -> list[float]:
    """Seconds, beyond those of Python itself."""
    return [_runs(f"import {name}") - _runs("pass") for _ in range(rounds)]


def _runs(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    return time.perf_counter() - began
