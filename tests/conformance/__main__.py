"""`python -m tests.conformance`: does the sandbox do what python-telegram-bot's live tests expect of Telegram?"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.conformance import report, source, stage

AIM = 0.95  # of the applicable tests
LIST = Path(__file__).with_name("passing.txt")
EPILOG = "exit codes: 0 all listed tests pass and the aim is met, 1 not so, 2 wrong usage"


def main() -> int:
    """The command. Returns its exit code."""
    parser = argparse.ArgumentParser(prog="tests.conformance", description=__doc__, epilog=EPILOG)
    parser.add_argument(
        "-k", dest="only", metavar="EXPRESSION", default="", help="only the tests that match (pytest's -k)"
    )
    parser.add_argument("--update", action="store_true", help="write the list of passing tests anew")
    parser.add_argument("--json", action="store_true", help="print every test's outcome as JSON")
    parser.add_argument("--failures", action="store_true", help="print why each failed test failed")
    options = parser.parse_args()

    tests = source.fetch(say)
    with stage.sandbox() as bots:
        say("running the tests")
        outcomes = source.run(tests, bots, options.only)
    if options.json:
        print(json.dumps([outcome.model_dump() for outcome in outcomes], indent=1))
    else:
        print(report.table(outcomes))
    if options.failures:
        print(report.failures(outcomes))
    if options.update and not options.only:
        LIST.write_text(report.passing(outcomes), "utf-8")
    broken = report.broken(LIST.read_text("utf-8").split("\n"), outcomes) if not options.only else []
    for name in broken:
        print(f"listed in {LIST.name}, but does not pass: {name}", file=sys.stderr)
    share = report.share(outcomes)
    if share < AIM:
        print(f"{share:.1%} of the applicable tests pass, and the aim is {AIM:.0%}", file=sys.stderr)
    return 1 if broken or share < AIM else 0


def say(line: str) -> None:
    """Tell the person who waits what happens."""
    print(f"conformance: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
