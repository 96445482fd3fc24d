"""The pipeline's section: everybody in interleaved rounds, and the ratios that the aims are about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.pipeline.contestants import ALL, LIMIT, OURS
from tests.bench.pipeline.run import Setting, run
from tests.bench.report import Row, Section
from tests.bench.rounds import figure, interleaved, ratio
from tests.bench.size import Size
from tests.bench.stores import store

BETTER, SHARE = 1.3, 0.5  # the aims: times the best peer, and of the limit

Runs = dict[tuple[str, str], list[dict[str, Any]]]


def measure(size: Size, folder: Path, say: Callable[[str], None]) -> Section:
    """Run everybody in every setting. Raises `BrokenRun`."""
    settings = [Setting(latency, number) for latency, number in size.pipelines]
    runs: Runs = {}
    with store(folder / "store-pipeline") as served:
        for number, (one, setting) in interleaved([(c, s) for s in settings for c in ALL], size.rounds):
            measured = run(one, setting, size.seconds, served, folder)
            runs.setdefault((one.name, setting.name), []).append(measured)
            say(f"pipeline, round {number + 1}: {one.name}, {setting.name}: {measured['per_second']:.1f} orders/s")
    return section(runs, [one.name for one in ALL], settings)


def section(runs: Runs, names: list[str], settings: list[Setting]) -> Section:
    """The rows, one for each contestant, and how the aims stand."""
    rows, aims = [], []
    for name in names:
        row = Row(name, {})
        for setting in settings:
            mine, limit = runs[name, setting.name], runs[LIMIT, setting.name]
            row.cells[f"orders/s ({setting.name})"] = figure(_rates(mine))
            row.cells[f"of limit ({setting.name})"] = ratio(_rates(mine), _rates(limit))
            row.cells[f"CPU ms/order ({setting.name})"] = figure([one["cpu_ms_per_order"]["workers"] for one in mine])
            row.more[setting.name] = mine
        rows.append(row)
    peers = [name for name in names if name not in (OURS, LIMIT)]
    for setting in settings:
        best = max(peers, key=lambda name: figure(_rates(runs[name, setting.name])).median)
        ours = _rates(runs[OURS, setting.name])
        aims.append(
            f"{setting.name}: {ratio(ours, _rates(runs[best, setting.name]))} × the best peer, {best} "
            f"(aim {BETTER}); {ratio(ours, _rates(runs[LIMIT, setting.name]))} of the limit (aim {SHARE})"
        )
    return Section("pipeline", "Pipeline: orders a second through all five events", rows, aims)


def _rates(runs: list[dict[str, Any]]) -> list[float]:
    return [run["per_second"] for run in runs]
