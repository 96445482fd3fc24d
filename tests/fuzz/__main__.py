"""`python -m tests.fuzz`: give everything that reads what comes from outside many inputs that it should not get."""

from __future__ import annotations

import argparse
import logging
import os
import random
import sys
from pathlib import Path

EPILOG = "exit codes: 0 all inputs were survived, 1 not so, 2 wrong usage"
LEAST = 100_000


def main() -> int:
    """The command. Returns its exit code."""
    parser = argparse.ArgumentParser(prog="tests.fuzz", description=__doc__, epilog=EPILOG)
    parser.add_argument("--inputs", type=int, default=LEAST, help=f"how many, of all targets (default: {LEAST})")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="the same seed gives the same inputs")
    parser.add_argument("-k", dest="only", metavar="EXPRESSION", default="", help="only these targets (pytest's -k)")
    options = parser.parse_args()

    os.environ["FUZZ_INPUTS"] = str(options.inputs)  # before the targets are imported, which read it then

    print(f"fuzz: {options.inputs:,} inputs, seed {options.seed}", file=sys.stderr, flush=True)

    import pytest

    # Written, for that may fail as well, and not shown.
    logging.basicConfig(level="DEBUG", handlers=[logging.FileHandler(os.devnull)])
    arguments = ["-q", "-s", "--no-header", "-p", "no:cacheprovider", "-o", "timeout=0", "-p", "no:logging"]
    arguments += [f"--hypothesis-seed={options.seed}", "-k", options.only, str(Path(__file__).parent)]
    failed = pytest.main(arguments)

    from tests.fuzz import budget  # after pytest, which wants to be the first to import Hypothesis

    for name, share in budget.SHARES.items():
        if budget.RUN[name]:
            budget.say(f"{budget.RUN[name]:>9,}  {name} (of each hundred {share:g})")
    total = sum(budget.RUN.values())
    budget.say(
        f"{total:>9,}  in all, seed {options.seed}: {'something was not survived' if failed else 'all survived'}"
    )
    return 1 if failed or (total < options.inputs and not options.only) else 0


if __name__ == "__main__":
    sys.exit(main())
