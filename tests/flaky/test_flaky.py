"""The search for tests that fail now and then."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def search(folder: Path, *options: str) -> tuple[int, list[dict[str, Any]], str]:
    """Run the command over the tests in a folder, and return its exit code, its runs and its errors."""
    keep = folder / "kept"
    command = [sys.executable, "-m", "tests.flaky", "--json", "--processes", "1", "--stress", "1", "--keep", str(keep)]
    ended = subprocess.run([*command, *options, str(folder)], capture_output=True, text=True, check=False)
    return ended.returncode, json.loads(ended.stdout or "[]"), ended.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of tests with a configuration of its own."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n", "utf-8")
    return tmp_path


def test_a_test_that_fails_in_one_run_of_two_is_found(folder: Path) -> None:
    (folder / "test_sometimes.py").write_text(
        "from pathlib import Path\n"
        "def test_steady(): pass\n"
        "def test_sometimes():\n"
        "    been_here = Path(__file__).with_name('been_here')\n"
        "    if been_here.exists():\n"
        "        raise AssertionError('not the first run')\n"
        "    been_here.touch()\n",
        "utf-8",
    )
    code, runs, told = search(folder, "--runs", "2")

    assert code == 1
    assert [run["clean"] for run in runs] == [True, False]
    assert [run["passed"] for run in runs] == [2, 1]
    assert [name.rpartition("::")[2] for name in runs[1]["failed"]] == ["test_sometimes"]
    assert "run 2 of 2" in told


def test_runs_without_a_failure_are_clean(folder: Path) -> None:
    (folder / "test_steady.py").write_text("def test_steady(): pass\n", "utf-8")
    code, runs, _ = search(folder, "--runs", "2")

    assert code == 0
    assert [run["clean"] for run in runs] == [True, True]


def test_tests_that_rely_on_their_order_are_found(folder: Path) -> None:
    tests = "\n".join(f"def test_{number}(): seen.append({number}); assert seen == sorted(seen)" for number in range(9))
    (folder / "test_order.py").write_text(f"seen = []\n{tests}\n", "utf-8")
    code, runs, _ = search(folder, "--runs", "1", "--seed", "7")

    assert code == 1
    assert runs[0]["failed"]


def test_a_run_without_a_test_is_no_clean_run(folder: Path) -> None:
    (folder / "test_steady.py").write_text("def test_steady(): pass\n", "utf-8")
    code, runs, _ = search(folder, "--runs", "1", "-k", "another_name")

    assert code == 2
    assert runs[0]["passed"] == 0


def test_a_wrong_number_of_runs_is_refused_in_a_line() -> None:
    command = [sys.executable, "-m", "tests.flaky", "--runs", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert "runs and processes are above 0" in ended.stderr
