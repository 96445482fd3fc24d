"""Comanda as systemd would run it, and what can be done to its processes."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from tests.e2e.system import System, processes

MODULES = {
    "customer-bot": "bot.customer",
    "restaurant-bot": "bot.restaurant",
    "worker-1": "workers",
    "worker-2": "workers",
}
WORKERS = 2
SABOTAGE = Path(__file__).with_name("sabotage")


class Stage(System):
    """`comanda up` on a sandbox with limits."""

    def __init__(self, folder: Path, sabotage: str = "") -> None:
        super().__init__(folder, "--limits")
        self.environment |= {"WORKERS": str(WORKERS), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        if sabotage:  # its sitecustomize.py is imported by every program at its start
            self.environment |= {"PYTHONPATH": str(SABOTAGE), "CHAOS_SABOTAGE": sabotage}

    def start_again_if_dead(self) -> bool:
        """What systemd does. Returns whether it was dead."""
        if self.up is None or self.up.poll() is None:
            return False
        self.start()
        return True

    def pid(self, target: str) -> int | None:
        """The process of a target of the plan, None while it has none."""
        if self.up is None or self.up.poll() is not None:
            return None
        if target == "supervisor":
            return self.up.pid
        if target == "store":
            return self._store()
        found = sorted(self.pids(MODULES[target]))
        number = int(target[-1]) - 1 if target.startswith("worker-") else 0
        return found[number] if number < len(found) else None

    def _store(self) -> int | None:
        try:
            socket = self.store_url().removeprefix("unix://")
        except FileNotFoundError:  # it has never run
            return None
        return next((pid for pid, _, line in processes() if "valkey" in line.split()[0] and socket in line), None)

    def signal(self, target: str, number: signal.Signals) -> int | None:
        """Send a target a signal. Returns its process, None when it has none just now."""
        pid = self.pid(target)
        if pid is not None:
            try:
                os.kill(pid, number)
            except ProcessLookupError:  # it has ended in the meantime
                return None
        return pid

    def resume_all(self) -> None:
        """No process stays paused."""
        for target in (*MODULES, "store", "supervisor"):
            self.signal(target, signal.SIGCONT)

    def store_url(self) -> str:
        """Where the embedded store listens."""
        address = self.folder / "data" / "store" / "address"
        return f"unix://{address.read_text('utf-8').strip()}"

    def close(self) -> None:
        """Stop whatever still runs; a run that failed in the middle may have left something paused."""
        self.resume_all()
        super().close()


def resume(pid: int) -> None:
    """Let a paused process go on, if it is still there."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
