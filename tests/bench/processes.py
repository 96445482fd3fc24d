"""What a process and its children use, from /proc (Linux only)."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
ENDS_WITHIN = 20.0  # seconds from SIGTERM on


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], log: Path, *, told: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """A program until the context is left; what it says goes to `log`, its output to a pipe if it is to be `told`."""
    with log.open("ab") as file:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE if told else file,
            stderr=file,
            text=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            for pid in reversed(tree(process.pid)):
                os.kill(pid, 9)
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def tree(pid: int) -> list[int]:
    """A process and its descendants that live, parents first."""
    found = [pid]
    for one in found:
        children = Path(f"/proc/{one}/task/{one}/children")
        if children.exists():
            found += [int(child) for child in children.read_text().split()]
    return found


def cpu_seconds(pid: int) -> float:
    """The CPU time that a process and its descendants have used."""
    return sum(_cpu(one) for one in tree(pid))


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has just ended
        return 0.0
    return sum(int(field) for field in fields[11:13]) / TICKS


def memory(pid: int) -> dict[str, float]:
    """Resident and proportional memory of one process, in MB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = dict(re.findall(r"^(Rss|Pss):\s+(\d+) kB", text, re.MULTILINE))
    return {"rss": int(found["Rss"]) / 1024, "pss": int(found["Pss"]) / 1024}
