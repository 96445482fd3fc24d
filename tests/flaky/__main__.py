"""`python -m tests.flaky`: run the tests several times, in a shuffled order and on a busy machine; what ever fails?"""

from __future__ import annotations

import argparse
import json
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.flaky.outcomes import Run, read_run, table
from tests.flaky.stress import busy

EPILOG = "exit codes: 0 every run was clean, 1 a test failed in one of them, 2 no test ran, or wrong usage"


def main() -> int:
    """The command. Returns its exit code."""
    options = _options()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="flaky-"))
    folder.mkdir(parents=True, exist_ok=True)
    _say(f"{options.runs} runs, {options.stress} busy processes beside them; what pytest prints is in {folder}")
    runs: list[Run] = []
    with busy(options.stress):
        for number in range(1, options.runs + 1):
            run = _once(options, folder / f"run-{number}", options.seed + number)
            runs.append(run)
            _say(f"run {number} of {options.runs}, seed {run.seed}: {run.words}")
    print(json.dumps([run.as_json() for run in runs], indent=1) if options.json else table(runs))
    if not all(run.passed for run in runs):
        return 2
    return 0 if all(run.clean for run in runs) else 1


def _once(options: argparse.Namespace, name: Path, seed: int) -> Run:
    """Run pytest once; `name` is the path of its record and its output, without their endings."""
    record = name.with_suffix(".xml")
    command = [sys.executable, "-m", "pytest", "--random-order-bucket=module", f"--random-order-seed={seed}"]
    command += ["-n", str(options.processes), "--dist", "loadfile", "--no-loadscope-reorder", "-p", "no:cacheprovider"]
    command += [
        "-q",
        f"--junit-xml={record}",
        f"--hypothesis-seed={seed}",
        *(["-k", options.only] if options.only else []),
    ]
    started = time.monotonic()
    with name.with_suffix(".log").open("w", encoding="utf-8") as output:
        ended = subprocess.run([*command, *options.paths], stdout=output, stderr=subprocess.STDOUT, check=False)
    return read_run(record, seed, time.monotonic() - started, ended.returncode)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.flaky", description=__doc__, epilog=EPILOG)
    parser.add_argument("paths", nargs="*", help="files or folders of tests (default: all)")
    parser.add_argument("--runs", type=int, default=5, help="how many times (default 5)")
    parser.add_argument("-k", dest="only", metavar="EXPRESSION", default="", help="only these tests (pytest's -k)")
    parser.add_argument("--stress", type=int, default=1, help="processes that keep a core busy meanwhile (default 1)")
    parser.add_argument("--processes", type=int, default=3, help="processes that run tests (default 3, as `make test`)")
    parser.add_argument("--seed", type=int, help="gives the same orders again (default: others each time)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the output and records go")
    parser.add_argument("--json", action="store_true", help="print the runs as JSON")
    options = parser.parse_args()
    if options.runs < 1 or options.processes < 1 or options.stress < 0:
        parser.error("runs and processes are above 0, and stress is not below")
    if options.seed is None:
        options.seed = secrets.randbelow(1_000_000)
    return options


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
