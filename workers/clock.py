"""The clock inside every worker: it wakes what is due. There is no leader; two clocks at once do no harm."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from flows import keys
from flows.commands import AnyCommand, AskAgain, ExtendAnswerTime, MakeUpForDeafness
from flows.events import Side
from flows.ledger import Ledger
from flows.ledger.hearing import MADE_UP, Hearing, hear, read_hearing, store_time
from flows.store import at_once, each, is_outage, text
from workers.downtimes import DOWNTIME, last_run, note_downtime

log = logging.getLogger(__name__)

BATCH = 200  # deadlines looked at in one tick

BEAT = timedelta(seconds=5)
"""How often a clock notes that it is running."""

PUT_BACK = timedelta(minutes=10)
"""How far ahead a beat has to be to count as one from before the clock was put back. A little ahead it is that of
another host, which must not find a gap between its own beats."""

GRACE = timedelta(minutes=2)
"""The least time that staff get to answer an order after a downtime, or after we could not hear them."""

SET_ASIDE = timedelta(minutes=1)
"""How long a deadline that can't be handled (an unreadable order, say) is kept from the others' way."""

HEARD = keys.heard(Side.RESTAURANT)


class Clock:
    """Looks at the deadlines. Synchronous; a `tick` takes one round trip while nothing is due."""

    def __init__(self, ledger: Ledger, redis: Redis) -> None:
        self._ledger = ledger
        self._redis = redis

    def tick(self) -> int:
        """Wake everything that is due now. Returns how many there were.

        What is bad alone (a member, an order, a note) is set aside alone. Raises the store's error while it is out of
        reach, and where it has no list of deadlines at all but something else in its place.
        """
        now = self._ledger.clock()
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.get(keys.BEAT)
            pipe.zrangebyscore(keys.DUE, 0, now.timestamp(), start=0, num=BATCH)
            pipe.hgetall(HEARD)
            pipe.time()
            beat, members, stored, time = each(pipe)
        if isinstance(members, RedisError):
            raise members
        heard = Hearing(now)
        with _alone("until when staff were heard"):
            heard = self._hearing(stored, now, now - store_time(time))
            self._make_up(heard, now)
        with _alone("when a clock ran last"):
            self._beat(beat, now)  # whoever gets a grace by that is woken in vain
        for member in members:
            self._wake(member, now, heard)
        return len(members)

    def _hearing(self, stored: Any, now: datetime, ahead: timedelta) -> Hearing:
        """What is noted of the restaurants' bot. Where nothing is, note that its hearing counts from now on."""
        heard = None if isinstance(stored, RedisError) else read_hearing(stored, ahead)
        if heard is None:
            at_once(self._redis, [("DEL", HEARD), hear(Side.RESTAURANT)])
        return heard or Hearing(now)

    def _wake(self, member: bytes, now: datetime, heard: Hearing) -> None:
        try:
            kind, order_id, *rest = text(member).split(":")
            match kind:
                case "wake":
                    self._ledger.wake(order_id, heard.until)
                case "repaint":
                    self._ledger.repaint(order_id, Side(rest[0]))
                case _:
                    self._ledger.requeue(order_id, Side(rest[0]))
        except Exception as error:
            if is_outage(error):
                raise
            log.exception("%r can't be handled; it is tried again in %s", member, SET_ASIDE)
            self._redis.zadd(keys.DUE, {member: (now + SET_ASIDE).timestamp()}, xx=True)

    # Time given back

    def _make_up(self, heard: Hearing, now: datetime) -> None:
        """Give waiting orders the time back in which staff could not be heard, once for each such time."""
        deaf = heard.deafness
        if deaf is None:
            return
        log.warning("staff could not be heard from %s to %s; waiting orders get it back", deaf.since, deaf.until)
        self._for_all(MakeUpForDeafness(deaf.since, deaf.until, GRACE), f"deaf-{deaf.mark}")
        self._for_all(AskAgain(deaf.since), f"asked-{deaf.mark}")
        self._redis.hset(HEARD, MADE_UP, deaf.mark)

    def _beat(self, noted: object, now: datetime) -> None:
        last = last_run(noted)
        if last is not None and now - last > DOWNTIME:
            self._give_grace(last, now)
        if last is None or now - last >= BEAT or last - now > PUT_BACK:
            self._redis.set(keys.BEAT, now.isoformat())

    def _give_grace(self, last: datetime, now: datetime) -> None:
        """Nobody watched since `last`: whoever waits for an answer gets at least `GRACE` before it expires.

        The beat is written only afterwards, so a clock that dies in between leaves the rest to the next one;
        `last` in the cause keeps an order from getting its grace twice.
        """
        log.warning("nothing ran from %s to %s; waiting orders get a grace of %s", last, now, GRACE)
        with _alone("when no clock ran"):
            note_downtime(self._redis, last, now)
        self._for_all(ExtendAnswerTime(until=now + GRACE), f"downtime-{last.isoformat()}")
        self._for_all(AskAgain(last), f"asked-{last.isoformat()}")

    def _for_all(self, command: AnyCommand, cause: str) -> None:
        """Carry out a command on every order that has a deadline."""
        members: list[bytes] = self._redis.zrange(keys.DUE, 0, -1)  # type: ignore[assignment]
        for member in members:
            kind, _, order_id = member.partition(b":")
            if kind == b"wake":
                self._execute(order_id, command, cause)

    def _execute(self, order_id: bytes, command: AnyCommand, cause: str) -> None:
        with _alone(f"an order that is to get time back, {order_id!r}"):
            self._ledger.execute(text(order_id), command, cause)


@contextmanager
def _alone(what: str) -> Iterator[None]:
    """Let `what` fail alone, with a line in the log; an outage of the store fails everything."""
    try:
        yield
    except Exception as error:
        if is_outage(error):
            raise
        log.exception("%s: that can't be handled", what)
