"""Moving orders that ended long ago out of the store into a file, while the system runs.

Per batch: they are written into the file, read back from it and compared with what the store has, and only then taken
out of the store. Who dies in between leaves orders in both, and the next run does them again, which changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from redis import Redis

from flows import keys
from flows.ledger import Ledger
from workers.archive_file import ArchiveFile, CannotArchive, Rows, rows_of
from workers.reading import BATCH, Reading, Unreadable, in_batches, printable, read_orders

AT_ONCE = 500  # orders in one transaction of the file
REMOVED_AT_ONCE = 50  # orders in one transaction of the store, which holds up everybody else for a millisecond or so


@dataclass
class Archived:
    """How many orders were moved (or would be), and those that have to stay because they can't be read."""

    orders: int = 0
    left: list[Unreadable] = field(default_factory=list)


@dataclass(frozen=True)
class _Finished:
    """An order that may be archived, and what the file is to have of it."""

    reading: Reading
    rows: Rows


class Archiving:
    """One run; `run` it once."""

    def __init__(self, redis: Redis, path: Path, before: datetime, tell: Callable[[int], None]) -> None:
        """Of the orders that ended before that. `tell` gets the number of those done so far."""
        self._redis = redis
        self._ledger = Ledger(redis)
        self._file = ArchiveFile(path)
        self._before = before
        self._tell = tell
        self._archived = Archived()

    def run(self, *, dry: bool = False) -> Archived:
        """Move all there are; a `dry` run only looks. Raises `CannotArchive` and redis-py's errors."""
        passed = 0  # orders that stay where they are: the index of all begins with them
        while page := self._page(passed):
            finished = list(self._finished(page))
            gone = 0 if dry else self._move(finished)
            self._archived.orders += len(finished) if dry else gone
            self._tell(self._archived.orders)
            passed += len(page) - gone
        return self._archived

    def _page(self, start: int) -> list[str]:
        """The next ids in the index of all orders, of those placed long enough ago."""
        found: Any = self._redis.zrange(keys.ORDERS, start, start + AT_ONCE - 1, withscores=True)
        return [printable(order_id) for order_id, placed_at in found if placed_at < self._before.timestamp()]

    def _finished(self, ids: Sequence[str]) -> Iterator[_Finished]:
        for batch in in_batches(ids, BATCH):
            for found in read_orders(self._redis, batch):
                if isinstance(found, Unreadable):
                    self._archived.left.append(found)
                elif self._may_go(found):
                    try:
                        yield _Finished(found, rows_of(found.stored))
                    except ValueError as error:
                        self._archived.left.append(Unreadable(found.order.id, str(error)))

    def _may_go(self, found: Reading) -> bool:
        """Whether it has ended long ago, and nobody is to be told anything of it."""
        order, derived = found.order, found.derived
        ended = order.over and order.closed_at is not None and order.closed_at < self._before
        return ended and not order.owed and derived.wake_at is None and not derived.notified

    def _move(self, finished: Sequence[_Finished]) -> int:
        """Returns how many are out of the store. One that changes meanwhile stays, and is archived anew next time."""
        if not finished:
            return 0
        self._file.add([one.rows for one in finished])
        self._verify(finished)
        orders = [one.reading.order for one in finished]
        return sum(len(self._ledger.remove(batch)) for batch in in_batches(orders, REMOVED_AT_ONCE))

    def _verify(self, finished: Sequence[_Finished]) -> None:
        """Whether the file has each history as the store has it, and all else as it follows from that history."""
        kept = self._file.rows([one.reading.order.id for one in finished])
        for one, rows in zip(finished, kept, strict=True):
            if rows is None or rows.history() != list(one.reading.stored) or rows != rows_of(rows.history()):
                raise CannotArchive(f"order {one.reading.order.id} reads otherwise in the file than it was written")
