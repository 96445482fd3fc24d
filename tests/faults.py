"""Connections to the store that fail on purpose, at a chosen moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import Connection, ConnectionPool, UnixDomainSocketConnection
from redis.retry import Retry


class Killed(BaseException):
    """The process died here: nothing after this line ran."""


Fault = Callable[[int, bytes], None]
"""Called with the number of the request (from 0) and its bytes; may raise."""


def faulty(redis: Redis, *, before: Fault | None = None, after: Fault | None = None) -> Redis:
    """A client of the same server that calls `before` each request is sent and `after` the server has executed it."""
    pool = redis.connection_pool
    base = pool.connection_class
    assert issubclass(base, Connection | UnixDomainSocketConnection)
    state = {"sent": 0}

    class Faulty(base):  # type: ignore[misc, valid-type]
        _last: tuple[int, bytes] | None = None

        def send_packed_command(self, command: Any, check_health: bool = True) -> None:
            request = command if isinstance(command, bytes) else b"".join(command)
            number = state["sent"]
            state["sent"] += 1
            if before:
                before(number, request)
            self._last = (number, request)
            super().send_packed_command(command, check_health)

        def read_response(self, *args: Any, **kwargs: Any) -> Any:
            reply = super().read_response(*args, **kwargs)
            if after and self._last:
                last, self._last = self._last, None
                try:
                    after(*last)
                except BaseException:
                    self.disconnect()
                    raise
            return reply

    kwargs = {**pool.connection_kwargs, "retry": Retry(NoBackoff(), 0)}
    return Redis(connection_pool=ConnectionPool(connection_class=Faulty, **kwargs))
