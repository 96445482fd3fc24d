"""Which message shows an order to a side. The view's memory, kept apart from the order's events.

An edit that was asked for and never answered may still arrive, and paint an older state over a newer one: whoever asked
was killed, or the connection was cut. So each edit is noted before it is asked for. If nobody says how it
went, the message is painted anew once it can't arrive any more.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from flows import keys
from flows.events import Side
from flows.ledger.transaction import Transacting, Transaction
from flows.order import Order

EDIT_LIFE = 20.0
"""Seconds until an edit has arrived or never will: a sender waits up to 4 for its turn and up to 15 for the answer."""

HANDS_OFF = 2.0
"""Seconds that an edit of somebody else's has before we edit as well."""


class Shown(BaseModel):
    """A message that shows an order as it was at `version`, in a `topic` of its chat or in none.

    `edits` are those of which nobody knows whether they have arrived, each with the time (in seconds since 1970) from
    which on it can't any more.
    """

    model_config = ConfigDict(frozen=True)

    chat_id: int
    message_id: int
    version: int
    edits: dict[str, float] = {}
    topic: int | None = None


IN_DOUBT = b""
"""In place of a record: the first message may be out, and whoever meant to send it has not said which it is."""


class ShownMessages(Transacting):
    """The delivery records of all orders."""

    clock: Callable[[], datetime]

    def shown(self, order_id: str, side: Side) -> Shown | None:
        """The message that shows the order to that side, or None when none is known."""
        return read_shown(self._redis.hget(keys.delivery(order_id), side))

    def forget_edit(self, order_id: str, side: Side, edit: str) -> None:
        """That edit was refused, so it will not arrive."""

        def work(attempt: Transaction) -> None:
            known = known_message(attempt, order_id, side)
            if known is not None and edit in known.edits:
                _keep(attempt, order_id, side, _with(known, _without(known.edits, edit)))

        self._transact(work)

    def forget_edits(self, order_id: str, side: Side) -> None:
        """That message can't be edited any more, so it needs no painting anew."""

        def work(attempt: Transaction) -> None:
            known = known_message(attempt, order_id, side)
            if known is not None and known.edits:
                _keep(attempt, order_id, side, _with(known, {}))

        self._transact(work)

    def record_shown(self, order_id: str, side: Side, shown: Shown, edit: str = "") -> None:
        """Remember it, after `edit` if the message was edited.

        A slow writer's older version of the same message does not overwrite a newer one. As it may have painted over
        that one, its edit is kept. A newer version has painted over whatever could no longer arrive when it began.
        """
        now = self.clock()
        self._transact(lambda attempt: note_shown(attempt, order_id, side, shown, edit=edit, now=now))


def new_edit(now: datetime) -> tuple[str, float]:
    """An edit, and until when it may arrive."""
    return secrets.token_hex(4), now.timestamp() + EDIT_LIFE


def note_edit(
    attempt: Transaction, order_id: str, side: Side, message: tuple[int, int], *, edit: str, until: float
) -> Shown | None:
    """Stage what `begin_edit` does. Returns what is known then; `message` is the chat's and the message's id."""
    known = known_message(attempt, order_id, side)
    if known is None or (known.chat_id, known.message_id) != message:
        return known
    return _keep(attempt, order_id, side, _with(known, {**known.edits, edit: until}), again=until)


def note_shown(attempt: Transaction, order_id: str, side: Side, shown: Shown, *, edit: str, now: datetime) -> Shown:
    """Stage what `record_shown` does. Returns what is known then."""
    known = known_message(attempt, order_id, side)
    if known is None or (known.chat_id, known.message_id) != (shown.chat_id, shown.message_id):
        stage_shown(attempt, order_id, side, shown)
        return shown
    if shown.version < known.version:
        return known
    began = known.edits.get(edit, now.timestamp() + EDIT_LIFE) - EDIT_LIFE
    left = {one: until for one, until in _without(known.edits, edit).items() if until > began}
    return _keep(attempt, order_id, side, _with(shown, left), again=max(left.values(), default=None))


def is_up_to_date(order: Order, known: Shown, covered: Collection[str] = ()) -> bool:
    """Whether the message shows all that people can see of the order, with no edits in doubt but those `covered`."""
    return known.version >= order.changed and all(edit in covered for edit in known.edits)


def is_being_edited(known: Shown, now: datetime, mine: str = "") -> bool:
    """Whether somebody else has just begun to edit it; an edit of `mine` is there already if the reply was lost."""
    others = [until for edit, until in known.edits.items() if edit != mine]
    return max(others, default=0.0) > now.timestamp() + EDIT_LIFE - HANDS_OFF


def read_shown(raw: bytes | str | None) -> Shown | None:
    return None if not raw else Shown.model_validate_json(raw)


def stored(shown: Shown) -> bytes:
    """As it is kept: without the defaults it is short enough (64 bytes) for the store to pack it."""
    return shown.model_dump_json(exclude_defaults=True).encode()


def stage_shown(attempt: Transaction, order_id: str, side: Side, shown: Shown) -> None:
    attempt.writes.hset(keys.delivery(order_id), side, stored(shown))


def known_message(attempt: Transaction, order_id: str, side: Side) -> Shown | None:
    return read_shown(attempt.hget(keys.delivery(order_id), side))


def _without(edits: dict[str, float], edit: str) -> dict[str, float]:
    return {one: until for one, until in edits.items() if one != edit}


def _with(shown: Shown, edits: dict[str, float]) -> Shown:
    return shown.model_copy(update={"edits": edits})


def _keep(attempt: Transaction, order_id: str, side: Side, shown: Shown, again: float | None = None) -> Shown:
    """Stage what is known, and when the message is to be painted anew: never if no edit is left in doubt."""
    stage_shown(attempt, order_id, side, shown)
    if not shown.edits:
        attempt.writes.zrem(keys.DUE, keys.repaint(order_id, side))
    elif again is not None:
        attempt.writes.zadd(keys.DUE, {keys.repaint(order_id, side): again})
    return shown
