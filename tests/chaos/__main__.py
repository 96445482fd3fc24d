"""`python -m tests.chaos`: anything is killed at any moment; does every acknowledged order still end well?"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

from tests.chaos import report
from tests.chaos.plan import KILLS
from tests.chaos.run import Options, Run

SABOTAGE = ("inbox", "healing", "gate")
EPILOG = "exit codes: 0 every promise was kept, 1 one was broken, 2 the run could not be made, or wrong usage"


def main() -> int:
    """The command. Returns its exit code."""
    options, arguments = _options()
    if arguments.plan:
        print("\n".join(map(str, options.troubles)))
        return 0
    folder = arguments.keep or Path(tempfile.mkdtemp(prefix="chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    _say(f"seed {options.seed}, {options.minutes:g} minutes, logs and record in {folder}")
    try:
        found = asyncio.run(Run(options, folder, _say).go())
    except Exception:
        traceback.print_exc()
        _say(f"the run could not be made: see {folder}/up.log")
        return 2
    print(report.as_json(found) if arguments.json else report.table(found))
    if not found.counts["orders acknowledged"]:
        _say(f"nobody could order anything, so this shows nothing: see {folder}/up.log")
        return 2
    if not found.good:
        (folder / "report.json").write_text(report.as_json(found), "utf-8")
        _say(f"broken promises: logs, record and all findings are in {folder}; again with SEED={options.seed}")
        return 1
    if arguments.keep is None:
        shutil.rmtree(folder)
    return 0


def _options() -> tuple[Options, argparse.Namespace]:
    parser = argparse.ArgumentParser(prog="tests.chaos", description=__doc__, epilog=EPILOG)
    parser.add_argument("--seed", type=int, help="gives the same plan again (default: another one each time)")
    parser.add_argument("--minutes", type=float, default=5.0, help="how long there is trouble (default 5)")
    parser.add_argument("--customers", type=int, default=40, help="who order again and again (default 40)")
    parser.add_argument("--restaurants", type=int, default=12, help="every fourth with a group of two (default 12)")
    parser.add_argument("--only", metavar="TARGET", action="append", default=[], help=f"of {', '.join(KILLS)}, …")
    parser.add_argument(
        "--sabotage", choices=SABOTAGE, default="", help="switch a safeguard off: the checker has to see"
    )
    parser.add_argument("--plan", action="store_true", help="print what would go wrong when, and end")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where logs and record go, and stay")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    asked = parser.parse_args()
    if asked.minutes <= 0 or asked.customers < 1 or asked.restaurants < 1:
        parser.error("minutes, customers and restaurants are above 0")
    options = Options(
        seed=secrets.randbelow(1_000_000) if asked.seed is None else asked.seed,
        minutes=asked.minutes,
        customers=asked.customers,
        restaurants=asked.restaurants,
        sabotage=asked.sabotage,
        only=tuple(asked.only),
    )
    return options, asked


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
