"""`python -m tests.bench`: measure everything, and write one report of it."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench import ceiling, environments, footprint, machine, plots, report
from tests.bench.errors import BrokenRun
from tests.bench.growth import section as growth
from tests.bench.latency import section as latency
from tests.bench.pipeline import section as pipeline
from tests.bench.pipeline.contestants import ALL
from tests.bench.processes import ROOT
from tests.bench.report import Section
from tests.bench.size import FULL, SIZES, Size

EPILOG = (
    "exit codes: 0 the report is written, 1 a run was refused because somebody did not do all of their work, 2 usage"
)
PLOTS = "bench"  # the environment with what draws

MEASURES: dict[str, Callable[[Size, Path], Section]] = {
    "pipeline": lambda size, folder: pipeline.measure(size, folder, say),
    "latency": lambda size, folder: asyncio.run(latency.measure(size, folder, say)),
    "ceiling": lambda size, folder: asyncio.run(ceiling.measure(size, folder, say)),
    "growth": lambda size, folder: growth.measure(size, folder, say),
    "footprint": footprint.measure,
}


def main(arguments: list[str] | None = None) -> int:
    """The command. Returns its exit code."""
    parser = argparse.ArgumentParser(prog="tests.bench", description=__doc__, epilog=EPILOG)
    parser.add_argument("--size", choices=list(SIZES), default=FULL.name, help="how much to measure (default: full)")
    parser.add_argument("--only", action="append", choices=list(MEASURES), help="only this section (can be repeated)")
    parser.add_argument(
        "--out", type=Path, default=ROOT / ".bench", help="the folder for the report and the logs (default: .bench)"
    )
    options = parser.parse_args(arguments)
    size = SIZES[options.size]
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        sections, versions = _measure(size, options.only or list(MEASURES), options.out.resolve())
    except BrokenRun as broken:
        print(f"bench: no report, for this run is not worth one: {broken}", file=sys.stderr)
        return 1
    about = machine.describe() | {"size": size.name}
    path = report.write(options.out, about, versions, sections)
    print(report.text(about, versions, sections))
    subprocess.run([environments.python_of(PLOTS), plots.__file__, str(path)], check=True)
    say(f"the report is in {path.parent}")
    return 0


def _measure(size: Size, names: list[str], out: Path) -> tuple[list[Section], dict[str, dict[str, str]]]:
    """The sections, and the versions of every contestant. Raises `BrokenRun`."""
    versions = {}
    for one in ALL:
        environments.make(one.environment, say)
        versions[one.name] = environments.versions(one.environment, one.packages)
    folder = out / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    sections = [MEASURES[name](size, folder) for name in names]
    shutil.rmtree(folder)  # of a run that failed the stores and logs stay, to be looked at
    return sections, versions


def say(line: str) -> None:
    """Tell the person who waits what happens."""
    print(f"bench: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
