"""The whole of Comanda as a person runs it: `comanda up` on a local Telegram, each in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from flows.store import connect

T = TypeVar("T")
CUSTOMER_TOKEN, RESTAURANT_TOKEN = "7001:customer-token", "7002:restaurant-token"
# Wherever the tests run, a container without volumes included, their files are to be taken for lasting ones.
COMANDA = [
    sys.executable,
    "-c",
    "from pathlib import Path; from workers import lasting; from workers.cli import main; "
    "lasting.ROOT = Path('/nowhere'); main()",
]
WITHIN = 60.0  # seconds until a process that should start or end counts as stuck


class System:
    """`comanda up`, its data and its Telegram."""

    def __init__(self, folder: Path, *sandbox_options: str, **settings: str) -> None:
        self.folder = folder
        sandbox = [sys.executable, "-m", "bot.sandbox", "--port", "0", "--json", *sandbox_options]
        self.sandbox = subprocess.Popen(sandbox, stdout=subprocess.PIPE, text=True)
        assert self.sandbox.stdout is not None
        self.url: str = json.loads(self.sandbox.stdout.readline())["url"]
        self.environment = {
            **os.environ,
            "CUSTOMER_BOT_TOKEN": CUSTOMER_TOKEN,
            "RESTAURANT_BOT_TOKEN": RESTAURANT_TOKEN,
            "TELEGRAM_API_URL": self.url,
            "DATA_DIR": str(folder / "data"),
            **settings,
        }
        self.up: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start everything; the log goes to a file."""
        with (self.folder / "up.log").open("ab") as log:
            self.up = subprocess.Popen([*COMANDA, "up"], env=self.environment, cwd=self.folder, stdout=log, stderr=log)

    def stop(self) -> int:
        """Stop it as Docker or systemd would. Returns the exit code."""
        assert self.up is not None
        self.up.send_signal(signal.SIGTERM)
        return self.up.wait(WITHIN)

    def close(self) -> None:
        """Stop whatever still runs."""
        if self.up is not None and self.up.poll() is None:
            self.stop()
        self.sandbox.terminate()
        self.sandbox.wait(WITHIN)
        assert self.sandbox.stdout is not None
        self.sandbox.stdout.close()

    def comanda(self, *arguments: str) -> Any:
        """A command with `--json`. Returns what it printed; raises when it fails."""
        done = subprocess.run(
            [*COMANDA, *arguments, "--json"],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=WITHIN,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def log(self) -> str:
        return (self.folder / "up.log").read_text()

    def kill(self, program: str) -> None:
        """End one of the supervised programs as a crash would, with -9."""
        [pid] = eventually(lambda: self.pids(program), f"{program} does not run")
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: pid not in self.pids(program), f"{program} did not die")

    def store_url(self) -> str:
        """Where the embedded store listens. Raises `OSError` as long as it has never been started."""
        address = (self.folder / "data/store/address").read_text()  # elsewhere where the path is too long for a socket
        return f"unix://{address}"

    def kill_store(self) -> None:
        """End the embedded store with -9."""
        with connect(self.store_url()) as store:
            server: Any = store.info("server")
        os.kill(int(server["process_id"]), signal.SIGKILL)

    def kill_all(self) -> None:
        """End `comanda up` itself with -9; what it runs must not outlive it, but for the store."""
        assert self.up is not None
        mine = [pid for pid, parent, arguments in processes() if parent == self.up.pid and "tether" in arguments]
        self.up.kill()
        self.up.wait(WITHIN)
        eventually(lambda: not {pid for pid, _, _ in processes()} & set(mine), "programs outlive the supervisor")

    def pids(self, program: str) -> list[int]:
        """The processes that `comanda up` runs as that module."""
        assert self.up is not None
        up = self.up.pid
        return [pid for pid, parent, arguments in processes() if parent == up and arguments.split()[-1] == program]


def processes() -> list[tuple[int, int, str]]:
    """Every process: its id, its parent's, and its command line, however long (`-ww`: a terminal's width cuts it)."""
    listing = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True)
    rows = [line.split(None, 2) for line in listing.stdout.splitlines()]
    return [(int(row[0]), int(row[1]), row[2]) for row in rows if len(row) == 3]


def eventually(condition: Callable[[], T], problem: str) -> T:
    """Wait for a condition on other processes. Returns what made it true."""
    deadline = time.monotonic() + WITHIN
    while not (value := condition()):
        assert time.monotonic() < deadline, problem
        time.sleep(0.05)
    return value
