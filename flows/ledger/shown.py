"""Which message shows an order to a side. The view's memory, kept apart from the order's events.

An edit that was asked for and never answered may still arrive, and paint an older state over a newer one: whoever asked
was killed, or the connection was cut. So each edit is noted before it is asked for. If nobody says how it
went, the message is painted anew once it can't arrive any more.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from flows import keys
from flows.events import Side
from flows.ledger.transaction import Transacting, Transaction

EDIT_LIFE = 20.0
"""Seconds until an edit has arrived or never will: a sender waits 2 for its turn and up to 15 for the answer."""


class Shown(BaseModel):
    """A message that shows an order as it was at `version`.

    `edits` are those of which nobody knows whether they have arrived, each with the time (in seconds since 1970) from
    which on it can't any more.
    """

    model_config = ConfigDict(frozen=True)

    chat_id: int
    message_id: int
    version: int
    edits: dict[str, float] = {}


class ShownMessages(Transacting):
    """The delivery records of all orders."""

    clock: Callable[[], datetime]

    def shown(self, order_id: str, side: Side) -> Shown | None:
        """The message that shows the order to that side, or None when none is known."""
        raw = self._redis.hget(keys.delivery(order_id), side)
        return None if raw is None else Shown.model_validate_json(raw)

    def begin_edit(self, order_id: str, side: Side, chat_id: int, message_id: int) -> str:
        """Note that an edit of that message is about to be asked for. Returns the edit, for `record_shown`."""
        edit = secrets.token_hex(4)
        until = self.clock().timestamp() + EDIT_LIFE

        def work(attempt: Transaction) -> None:
            known = _known(attempt, order_id, side)
            if known is not None and (known.chat_id, known.message_id) == (chat_id, message_id):
                _keep(attempt, order_id, side, _with(known, {**known.edits, edit: until}), again=until)

        self._transact(work)
        return edit

    def forget_edit(self, order_id: str, side: Side, edit: str) -> None:
        """That edit was refused, so it will not arrive."""

        def work(attempt: Transaction) -> None:
            known = _known(attempt, order_id, side)
            if known is not None and edit in known.edits:
                _keep(attempt, order_id, side, _with(known, _without(known.edits, edit)))

        self._transact(work)

    def forget_edits(self, order_id: str, side: Side) -> None:
        """That message can't be edited any more, so it needs no painting anew."""

        def work(attempt: Transaction) -> None:
            known = _known(attempt, order_id, side)
            if known is not None and known.edits:
                _keep(attempt, order_id, side, _with(known, {}))

        self._transact(work)

    def record_shown(self, order_id: str, side: Side, shown: Shown, edit: str = "") -> None:
        """Remember it, after `edit` if the message was edited.

        A slow writer's older version of the same message does not overwrite a newer one. As it may have painted over
        that one, its edit is kept. A newer version has painted over whatever could no longer arrive when it began.
        """
        now = self.clock().timestamp()

        def work(attempt: Transaction) -> None:
            known = _known(attempt, order_id, side)
            if known is None or (known.chat_id, known.message_id) != (shown.chat_id, shown.message_id):
                stage_shown(attempt, order_id, side, shown)
            elif shown.version >= known.version:
                began = known.edits.get(edit, now + EDIT_LIFE) - EDIT_LIFE
                left = {one: until for one, until in _without(known.edits, edit).items() if until > began}
                _keep(attempt, order_id, side, _with(shown, left), again=max(left.values(), default=None))

        self._transact(work)


def stage_shown(attempt: Transaction, order_id: str, side: Side, shown: Shown) -> None:
    # Without the defaults it is short enough (64 bytes) for the store to pack it.
    attempt.writes.hset(keys.delivery(order_id), side, shown.model_dump_json(exclude_defaults=True))


def _known(attempt: Transaction, order_id: str, side: Side) -> Shown | None:
    raw = attempt.hget(keys.delivery(order_id), side)
    return None if raw is None else Shown.model_validate_json(raw)


def _without(edits: dict[str, float], edit: str) -> dict[str, float]:
    return {one: until for one, until in edits.items() if one != edit}


def _with(shown: Shown, edits: dict[str, float]) -> Shown:
    return shown.model_copy(update={"edits": edits})


def _keep(attempt: Transaction, order_id: str, side: Side, shown: Shown, again: float | None = None) -> None:
    """Stage what is known, and when the message is to be painted anew: never if no edit is left in doubt."""
    stage_shown(attempt, order_id, side, shown)
    if not shown.edits:
        attempt.writes.zrem(keys.DUE, keys.repaint(order_id, side))
    elif again is not None:
        attempt.writes.zadd(keys.DUE, {keys.repaint(order_id, side): again})
