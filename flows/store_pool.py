"""A process's connections to the store: few of them, and callers that wait for a free one instead of opening more.

A store takes only so many connections (`maxclients`, 25 on small hosted plans). A handler of each customer that taps at
the same moment would open one of its own, and what the store then refuses would look like an outage.
"""

from __future__ import annotations

import queue
import time
from typing import Any

from redis.connection import BlockingConnectionPool, Connection
from redis.exceptions import ConnectionError as ConnectionLost
from redis.sentinel import SentinelConnectionPool

MOST = 6  # connections of one pool: one process of each kind, and some commands beside them, take less than 25
PATIENCE = 10.0  # seconds to wait for a free one; commands that take longer than `flows.store.TIMEOUT` have failed
SHORT = 1.0  # seconds to wait for a store that only closes connections: it may be full, or gone behind a proxy
TRY_AGAIN = 0.05  # seconds

# What becomes of a connection that the store has no room for: it closes it after these words, which may get lost.
_FULL = "max number of clients"
_NO_ROOM = (_FULL, "closed by server", "reset by peer", "broken pipe")


class _LiveFirst(queue.LifoQueue[Connection | None]):
    """Gives connections that are open before those that would have to be opened."""

    def _put(self, item: Connection | None) -> None:
        if item is not None and _is_open(item):
            self.queue.append(item)
        else:
            self.queue.insert(0, item)


class Pool(BlockingConnectionPool):
    """At most `MOST` connections; whoever wants one while all are in use, or the store is full, waits."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_connections=MOST, timeout=PATIENCE, queue_class=_LiveFirst, **options)  # type: ignore[no-untyped-call]

    def get_connection(self, *arguments: Any, **options: Any) -> Connection:
        """A connection that is open. Raises redis-py's errors. Up to its version 5 it gives arguments."""
        began = time.monotonic()
        while True:
            try:
                return super().get_connection(*arguments, **options)  # type: ignore[no-any-return, no-untyped-call]
            except ConnectionLost as error:
                if not has_no_room(error) or time.monotonic() - began > self._patience(error):
                    raise
            time.sleep(TRY_AGAIN)  # by then one of ours may be free, or another process has left

    def _patience(self, error: ConnectionLost) -> float:
        """How long to wait for room: the store is there if it says that it is full, or serves others of us."""
        it_lives = _FULL in str(error).lower() or any(map(_is_open, self._connections))
        return PATIENCE if it_lives else SHORT

    def apart(self) -> Pool:
        """Another pool of the same kind."""
        return type(self)(connection_class=self.connection_class, **self.connection_kwargs)


class SentinelPool(SentinelConnectionPool, Pool):
    """The same for the primary that sentinels know."""

    def apart(self) -> SentinelPool:
        options = {name: value for name, value in self.connection_kwargs.items() if name != "connection_pool"}
        manager = self.sentinel_manager
        return SentinelPool(self.service_name, manager, connection_class=self.connection_class, **options)  # type: ignore[no-untyped-call]


def _is_open(connection: Connection) -> bool:
    """What redis-py calls `is_connected` from its version 6 on; the benchmark runs an older one as well."""
    return connection._sock is not None


def has_no_room(error: Exception) -> bool:
    """Whether the store may have refused a connection because it has as many as it takes."""
    said = str(error).lower()
    return any(words in said for words in _NO_ROOM)
