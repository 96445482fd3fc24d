"""With one safeguard of the product switched off, the checker sees what that costs: so it can fail."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos import report
from tests.chaos.plan import Trouble
from tests.chaos.run import Options, Run
from tests.chaos.stage import SABOTAGE

# A worker that waits for a job and is stopped gets one that it can't begin; then it dies. Where that job was not the
# last of its order, the next one tells its news as well: so this is done ten times.
FROZEN = tuple(
    trouble
    for number, at in enumerate(range(15, 53, 4))
    for target in [f"worker-{1 + number % 2}"]
    for trouble in (Trouble(at, "pause", target, 3.0), Trouble(at + 2.0, "kill", target))
)
# A bot that can't answer taps just now has them in hand; then it dies.
SPEECHLESS = tuple(
    trouble
    for at, target in ((14, "customer-bot"), (22, "restaurant-bot"), (32, "customer-bot"))
    for trouble in (
        Trouble(at, "fault", target, fault={"kind": "drop_before", "method": "answerCallbackQuery", "times": 12}),
        Trouble(at + 2.0, "kill", target),
    )
)
RUNS = 3  # of which one has to show it


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("options", "cost"),
    [
        (Options(9, 0.6, 24, 6, "inbox", settle=30, instead=SPEECHLESS), "tap lost"),
        (Options(9, 0.9, 24, 6, "healing", settle=60, instead=FROZEN), "message missing"),
        (Options(9, 0.3, 30, 1, "gate", ("nobody",), settle=60), "limits"),
    ],
    ids=lambda given: given.sabotage if isinstance(given, Options) else "",
)
async def test_what_a_missing_safeguard_costs_is_reported(tmp_path: Path, options: Options, cost: str) -> None:
    seen = set[str]()
    for number in range(RUNS):
        folder = tmp_path / str(number)
        folder.mkdir()
        found = await Run(replace(options, seed=options.seed + number), folder, print).go()
        print(report.table(found))
        seen |= {problem.kind for problem in found.broken}
        if cost in seen:
            return
    raise AssertionError(f"{cost!r} is not among {seen}")


@pytest.mark.parametrize(
    ("switch", "function"),
    [
        ("inbox", "bot.inbox:Inbox.store"),
        ("healing", "workers.recovery:Recovery.renew_and_look"),
        ("gate", "flows.gate:Gate.through"),
    ],
)
def test_a_safeguard_is_off_only_where_a_run_asks_for_it(switch: str, function: str) -> None:
    module, _, name = function.partition(":")
    code = f"from importlib import import_module as load; print(load('{module}').{name}.__module__)"

    def defined_in(**environment: str) -> str:
        # As the supervisor starts a program (`-P`).
        command = [sys.executable, "-P", "-c", code]
        done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    assert defined_in() == module
    assert defined_in(PYTHONPATH=str(SABOTAGE)) == module
    assert defined_in(PYTHONPATH=str(SABOTAGE), CHAOS_SABOTAGE=switch) == "sitecustomize"
