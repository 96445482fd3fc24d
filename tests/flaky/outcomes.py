"""What came out of several runs of the same tests."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree import ElementTree


@dataclass(frozen=True)
class Run:
    """One run: how many tests passed, which failed, how long it took in seconds, and pytest's exit code."""

    seed: int
    passed: int
    failed: tuple[str, ...]
    seconds: float
    exit_code: int

    @property
    def clean(self) -> bool:
        """Whether every test passed and pytest itself ended well."""
        return self.exit_code == 0 and not self.failed

    @property
    def words(self) -> str:
        counted = f"{self.passed} passed, {len(self.failed)} failed in {self.seconds:.0f} s"
        return counted if self.clean or self.failed else f"{counted}; pytest ended with {self.exit_code}"

    def as_json(self) -> dict[str, object]:
        return asdict(self) | {"clean": self.clean}


def read_run(record: Path, seed: int, seconds: float, exit_code: int) -> Run:
    """Read pytest's JUnit record. A run that left none was cut short: none of its tests counts."""
    cases = ElementTree.parse(record).getroot().iter("testcase") if record.exists() else []  # noqa: S314 - pytest's own
    passed, failed = 0, list[str]()
    for case in cases:
        if case.find("failure") is None and case.find("error") is None:
            passed += case.find("skipped") is None
        else:
            failed.append(f"{case.get('classname')}::{case.get('name')}")
    return Run(seed, passed, tuple(failed), seconds, exit_code)


def table(runs: list[Run]) -> str:
    """A line for each test that ever failed, with how often and in which run; then how many runs were clean."""
    times = Counter(name for run in runs for name in set(run.failed))
    lines = [f"{number} of {len(runs)}  {name}  (seed {_first(runs, name)})" for name, number in times.most_common()]
    clean = sum(run.clean for run in runs)
    return "\n".join([*lines, f"{clean} of {len(runs)} runs were clean"])


def _first(runs: list[Run], name: str) -> int:
    """The seed of the first run in which that test failed."""
    return next(run.seed for run in runs if name in run.failed)
