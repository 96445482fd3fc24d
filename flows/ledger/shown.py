"""Which message shows an order to a side. The view's memory, kept apart from the order's events."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from flows import keys
from flows.events import Side
from flows.ledger.transaction import Transacting, Transaction


class Shown(BaseModel):
    """A message that shows an order as it was at `version`."""

    model_config = ConfigDict(frozen=True)

    chat_id: int
    message_id: int
    version: int


class ShownMessages(Transacting):
    """The delivery records of all orders."""

    def shown(self, order_id: str, side: Side) -> Shown | None:
        """The message that shows the order to that side, or None when none is known."""
        raw = self._redis.hget(keys.delivery(order_id), side)
        return None if raw is None else Shown.model_validate_json(raw)

    def record_shown(self, order_id: str, side: Side, shown: Shown) -> None:
        """Remember it. A slow writer's older version of the same message does not overwrite a newer one."""

        def work(attempt: Transaction) -> None:
            raw = attempt.hget(keys.delivery(order_id), side)
            known = None if raw is None else Shown.model_validate_json(raw)
            newest = shown
            if known and (known.chat_id, known.message_id) == (shown.chat_id, shown.message_id):
                newest = max(known, shown, key=lambda one: one.version)
            attempt.writes.hset(keys.delivery(order_id), side, newest.model_dump_json())

        self._transact(work)
