"""The stream of all events, in the order of their commits.

An entry says which event of which order it stands for; the event itself is in the order's list, once.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from flows import events, keys
from flows.events import AnyEvent
from flows.ledger.transaction import Transacting
from flows.store import each, text

log = logging.getLogger(__name__)

COUNT = 500  # entries read at a time

NOWHERE = ("", 0)


def place(fields: Mapping[bytes, bytes]) -> tuple[str, int]:
    """The order and version that an entry stands for; `NOWHERE` for an entry that does not say."""
    try:
        order_id, version = fields[b"order"].decode("utf-8", "backslashreplace"), int(fields[b"version"])
    except (KeyError, ValueError):
        return NOWHERE
    return (order_id, version) if version > 0 else NOWHERE


class Feed(Transacting):
    """What follows the events of all orders."""

    def read_events(self, after: str, block_ms: int | None = None) -> list[tuple[str, str, int, AnyEvent]]:
        """Up to 500 entries (entry id, order id, version, event) of the stream of all events after an entry id.

        `"0"` begins at the oldest. With `block_ms` it waits that long for a first one. Empty only at the end: entries
        that can't be read are passed over.
        """
        while entries := self._entries(after, block_ms):
            if found := self._readable(entries):
                return found
            after = entries[-1][0]
        return []

    def _entries(self, after: str, block_ms: int | None) -> list[tuple[str, str, int]]:
        answer: Any = self._redis.xread({keys.EVENTS: after}, count=COUNT, block=block_ms)
        return [(text(entry), *place(fields)) for _, found in answer or [] for entry, fields in found]

    def _readable(self, entries: list[tuple[str, str, int]]) -> list[tuple[str, str, int, AnyEvent]]:
        with self._redis.pipeline(transaction=False) as pipe:
            for _, order_id, version in entries:
                pipe.lindex(keys.order(order_id), version - 1)
            stored = each(pipe)
        read = []
        for (entry, order_id, version), raw in zip(entries, stored, strict=True):
            if raw is None:  # the order was archived meanwhile, and this entry with it
                continue
            try:
                read.append((entry, order_id, version, events.load(raw)))
            except (ValueError, TypeError) as error:
                log.error("entry %s of the events can't be read: %s", entry, error)  # noqa: TRY400
        return read

    def entries_of(self, versions: Mapping[str, int]) -> dict[str, list[str]]:
        """The ids of the entries of these orders, which are at such versions.

        It reads from the oldest on until it has found them all, so of old orders it is quick.
        """
        found: dict[str, list[str]] = {order_id: [] for order_id in versions}
        missing, after = sum(versions.values()), "-"
        while missing > 0:
            entries: Any = self._redis.xrange(keys.EVENTS, min=after, count=COUNT)
            if not entries:
                break
            for entry, fields in entries:
                order_id, _ = place(fields)
                if order_id in found:
                    found[order_id].append(text(entry))
                    missing -= 1
            after = f"({text(entries[-1][0])}"
        return found
