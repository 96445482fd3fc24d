"""When no worker ran, so that what is tried for so long only counts the time in which it could be tried."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from redis import Redis

from flows import keys
from flows.store import each, text

log = logging.getLogger(__name__)

DOWNTIME = timedelta(seconds=30)
"""A gap between two notes of the clocks that counts as a downtime."""

KEPT = 200  # downtimes that are known; of more, the oldest count as if workers had run

Span = tuple[datetime, datetime]


def note_downtime(redis: Redis, since: datetime, until: datetime) -> None:
    """Note that no clock ran between these times. Noted again, with a later end, it is still one downtime."""
    with redis.pipeline(transaction=True) as pipe:
        pipe.zadd(keys.DOWNTIMES, {since.isoformat(): until.timestamp()})
        pipe.zremrangebyrank(keys.DOWNTIMES, 0, -KEPT - 1)
        pipe.execute()


def time_running(redis: Redis, since: datetime, now: datetime) -> timedelta:
    """How much of the time from `since` to `now` workers ran, as far as that is known."""
    with redis.pipeline(transaction=False) as pipe:
        pipe.get(keys.BEAT)
        pipe.zrange(keys.DOWNTIMES, 0, -1, withscores=True)
        beat, noted = each(pipe)
    spans = [] if isinstance(noted, Exception) else [(last_run(raw), _at(score)) for raw, score in noted]
    last = None if isinstance(beat, Exception) else last_run(beat)
    if last is not None and now - last > DOWNTIME:  # this worker is back, and no clock has said so yet
        spans.append((last, now))
    down = _length((max(start, since), min(end, now)) for start, end in spans if start is not None)
    return now - since - down


def last_run(raw: object) -> datetime | None:
    """When a clock noted that it ran; None when none did, or what it noted can't be read."""
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


def _at(score: float) -> datetime:
    return datetime.fromtimestamp(score, UTC)


def _length(spans: Iterable[Span]) -> timedelta:
    """The time that these spans cover together; two of them may overlap."""
    covered, reached = timedelta(), datetime.min.replace(tzinfo=UTC)
    for start, end in sorted(spans):
        start = max(start, reached)
        if end > start:
            covered += end - start
            reached = end
    return covered
