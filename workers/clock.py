"""The clock inside every worker: it wakes what is due. There is no leader; two clocks at once do no harm."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from redis import Redis
from redis.exceptions import RedisError

from flows import keys
from flows.commands import ExtendAnswerTime
from flows.events import Side
from flows.ledger import Ledger
from flows.store import text

log = logging.getLogger(__name__)

BATCH = 200  # deadlines looked at in one tick

BEAT = timedelta(seconds=5)
"""How often a clock notes that it is running."""

DOWNTIME = timedelta(seconds=30)
"""A gap between two notes that counts as a downtime."""

GRACE = timedelta(minutes=2)
"""The least time that staff get to answer an order after a downtime."""

SET_ASIDE = timedelta(minutes=1)
"""How long a deadline that can't be handled (an unreadable order, say) is kept from the others' way."""


class Clock:
    """Looks at the deadlines. Synchronous; a `tick` takes one round trip while nothing is due."""

    def __init__(self, ledger: Ledger, redis: Redis) -> None:
        self._ledger = ledger
        self._redis = redis

    def tick(self) -> int:
        """Wake everything that is due now. Returns how many there were."""
        now = self._ledger.clock()
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.get(keys.BEAT)
            pipe.zrangebyscore(keys.DUE, 0, now.timestamp(), start=0, num=BATCH)
            beat, members = pipe.execute()
        self._beat(beat, now)  # whoever gets a grace by that is woken in vain
        for member in members:
            self._wake(member, now)
        return len(members)

    def _wake(self, member: bytes, now: datetime) -> None:
        try:
            kind, order_id, *rest = text(member).split(":")
            match kind:
                case "wake":
                    self._ledger.wake(order_id)
                case "repaint":
                    self._ledger.repaint(order_id, Side(rest[0]))
                case _:
                    self._ledger.requeue(order_id, Side(rest[0]))
        except RedisError:
            raise
        except Exception:
            log.exception("%r can't be handled; it is tried again in %s", member, SET_ASIDE)
            self._redis.zadd(keys.DUE, {member: (now + SET_ASIDE).timestamp()}, xx=True)

    def _beat(self, noted: object, now: datetime) -> None:
        last = _time(noted)
        if last is not None and now - last > DOWNTIME:
            self._give_grace(last, now)
        if last is None or now - last >= BEAT:
            self._redis.set(keys.BEAT, now.isoformat())

    def _give_grace(self, last: datetime, now: datetime) -> None:
        """Nobody watched since `last`: whoever waits for an answer gets at least `GRACE` before it expires.

        The beat is written only afterwards, so a clock that dies in between leaves the rest to the next one;
        `last` in the cause keeps an order from getting its grace twice.
        """
        log.warning("nothing ran from %s to %s; waiting orders get a grace of %s", last, now, GRACE)
        members: list[bytes] = self._redis.zrange(keys.DUE, 0, -1)  # type: ignore[assignment]
        for member in members:
            kind, _, order_id = member.partition(b":")
            if kind == b"wake":
                self._extend(order_id, ExtendAnswerTime(until=now + GRACE), f"downtime-{last.isoformat()}")

    def _extend(self, order_id: bytes, command: ExtendAnswerTime, cause: str) -> None:
        try:
            self._ledger.execute(text(order_id), command, cause)
        except RedisError:
            raise
        except Exception:
            log.exception("order %r can't be given its grace", order_id)


def _time(raw: object) -> datetime | None:
    """When a clock last noted that it runs; None when none did, or what it noted can't be read."""
    if raw is None:
        return None
    try:
        noted = datetime.fromisoformat(text(raw))
    except ValueError:
        noted = None
    if noted is None or noted.tzinfo is None:
        log.warning("when a clock last ran can't be read: %r", raw)
        return None
    return noted
