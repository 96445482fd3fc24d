"""The Pythons of the contestants: the project's own, and environments of the peers', made when they are missing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path

from tests.bench.errors import BrokenRun
from tests.bench.processes import ROOT

PROJECT = "project"
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", "--require-virtualenv")
VERSIONS = "import json, sys, importlib.metadata as m; print(json.dumps({one: m.version(one) for one in sys.argv[1:]}))"


def python_of(environment: str) -> str:
    """The interpreter of an environment."""
    return sys.executable if environment == PROJECT else str(_place(environment) / "bin" / "python")


def make(environment: str, say: Callable[[str], None]) -> None:
    """See to it that an environment is there as its lock wants it. Raises `BrokenRun` when it can't be made."""
    if environment == PROJECT:
        return
    place, lock = _place(environment), ROOT / "requirements" / f"{environment}.txt"
    wanted, stamp = sha256(lock.read_bytes()).hexdigest(), place / "stamp"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    shutil.rmtree(place, ignore_errors=True)
    say(f"making the environment {environment} (once, about a minute)")
    _do(sys.executable, "-m", "venv", str(place))
    _do(python_of(environment), *PIP, "install", "--require-hashes", "--requirement", str(lock))
    stamp.write_text(wanted)


def versions(environment: str, packages: Iterable[str]) -> dict[str, str]:
    """The versions of packages there. Raises `BrokenRun` when one is missing."""
    done = _do(python_of(environment), "-c", VERSIONS, *packages)
    found: dict[str, str] = json.loads(done)
    return found


def _place(environment: str) -> Path:
    return ROOT / ".venv" / environment


def _do(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise BrokenRun(f"{' '.join(command[:5])} … failed: {done.stderr.strip()[-500:]}")
    return done.stdout
