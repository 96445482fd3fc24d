"""Whether the stream of all events has an entry for each event of each order, once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from redis import Redis

from flows import events, keys
from flows.ledger.audit import Difference
from flows.ledger.feed import COUNT, place
from workers.reading import in_batches, printable


class Stream:
    """The stream beside the orders as they were read before it: `lengths` are their numbers of events then."""

    def __init__(self, redis: Redis, lengths: Mapping[str, int], unreadable: Collection[str]) -> None:
        self._redis = redis
        self._lengths = lengths
        self._unreadable = unreadable
        self._there: dict[str, int] = {}  # order id -> bit mask of the versions in the stream
        self._wrong: list[str] = []
        self._missing: list[tuple[str, list[int]]] = []

    def differences(self) -> Iterator[Difference]:
        """What is in the stream and should not be, then what is missing from it; read to the end."""
        after = "-"
        while entries := self._entries(after):
            after = f"({entries[-1][0]}"
            yield from self._compare(entries)
        for order_id, length in self._lengths.items():
            there = self._there.get(order_id, 0)
            missing = [version for version in range(1, length + 1) if not there >> version & 1]
            if missing and self._redis.exists(keys.order(order_id)):  # else it was archived meanwhile
                self._missing.append((order_id, missing))
                versions = ", ".join(map(str, missing))
                yield Difference(order_id, f"its events {versions} are missing from `{keys.EVENTS}`")

    def repair(self, *, as_of_then: bool) -> None:
        """Put right what `differences` has found; with `as_of_then`, under ids by the times of the events."""
        for ids in in_batches(self._wrong, COUNT):
            self._redis.xdel(keys.EVENTS, *ids)
        found = sorted(self._missing_events())
        former, sequence = 0, 0
        for batch in in_batches(found, COUNT):
            with self._redis.pipeline(transaction=True) as pipe:
                for at, order_id, version in batch:
                    milliseconds = max(int(at.timestamp() * 1000), former)
                    sequence = sequence + 1 if milliseconds == former else 0
                    former = milliseconds
                    fields: Any = {"order": order_id, "version": version}
                    pipe.xadd(keys.EVENTS, fields, id=f"{milliseconds}-{sequence}" if as_of_then else "*")
                pipe.execute()

    def _entries(self, after: str) -> list[tuple[str, dict[bytes, bytes]]]:
        found: Any = self._redis.xrange(keys.EVENTS, min=after, count=COUNT)
        return [(printable(entry), fields) for entry, fields in found]

    def _compare(self, entries: list[tuple[str, dict[bytes, bytes]]]) -> Iterator[Difference]:
        places = [place(fields) for _, fields in entries]
        with self._redis.pipeline(transaction=False) as pipe:
            for order_id, version in places:
                pipe.lindex(keys.order(order_id), version - 1)
            # Events are never changed and come into the stream and the order at once.
            stored = pipe.execute(raise_on_error=False)
        suspects: list[tuple[str, str]] = []
        for (entry, _), (order_id, version), raw in zip(entries, places, stored, strict=True):
            if order_id in self._unreadable:
                continue
            there = self._there.get(order_id, 0)
            if not isinstance(raw, bytes):
                suspects.append((entry, "is of no event that an order has"))
            elif there >> version & 1:
                suspects.append((entry, f"is of event {version} of order {order_id} once more"))
            else:
                self._there[order_id] = there | 1 << version
        for entry, problem in self._still_there(suspects):
            self._wrong.append(entry)
            yield Difference(f"{keys.EVENTS} {entry}", problem)

    def _still_there(self, suspects: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        """Those that were not archived, each with its order, between the looks at the stream and at the order."""
        with self._redis.pipeline(transaction=False) as pipe:
            for entry, _ in suspects:
                pipe.xrange(keys.EVENTS, min=entry, max=entry)
            found = pipe.execute()
        return (suspect for suspect, there in zip(suspects, found, strict=True) if there)

    def _missing_events(self) -> Iterator[tuple[datetime, str, int]]:
        for order_id, versions in self._missing:
            stored: list[bytes] = self._redis.lrange(keys.order(order_id), 0, -1)  # type: ignore[assignment]
            for version in versions if stored else []:
                yield events.load(stored[version - 1]).at, order_id, version
