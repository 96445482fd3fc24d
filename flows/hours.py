"""Opening hours: spans of a week in the restaurant's own time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = 24 * 60  # minutes

_SPAN = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|24:00)")


def _minutes(span: str) -> tuple[int, int]:
    """Start and end of "18:00-22:30" in minutes after midnight; an end past midnight is above `DAY`."""
    match = _SPAN.fullmatch(span)
    if match is None:
        if span.casefold() == "closed":
            raise ValueError("closed stands alone, and not beside spans")
        night = '; two at night is 02:00: "18:00-02:00"' if re.search("-(?:2[4-9]|30):", span) else ""
        raise ValueError(f'{span!r} is not a span such as "18:00-22:30", nor several with commas, nor closed{night}')
    start = int(match[1]) * 60 + int(match[2])
    end = DAY if match[3] is None else int(match[3]) * 60 + int(match[4])
    if end == start:
        raise ValueError(f'{span!r} is empty; all day is "00:00-24:00"')
    return start, end if end > start else end + DAY


def _checked(span: str) -> str:
    _minutes(span)
    return span


def _apart(spans: tuple[str, ...]) -> tuple[str, ...]:
    ordered = sorted(map(_minutes, spans))
    for (_, end), (start, _) in pairwise(ordered):
        if start < end:
            raise ValueError("two spans of one day overlap")
    return spans


Span = Annotated[str, AfterValidator(_checked)]
Spans = Annotated[tuple[Span, ...], AfterValidator(_apart)]


class Hours(BaseModel):
    """Spans such as "18:00-22:30" for each weekday; one that ends before it starts passes midnight."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mon: Spans = ()
    tue: Spans = ()
    wed: Spans = ()
    thu: Spans = ()
    fri: Spans = ()
    sat: Spans = ()
    sun: Spans = ()

    def of(self, day: date) -> tuple[str, ...]:
        """The spans that begin on that day."""
        spans: tuple[str, ...] = getattr(self, WEEKDAYS[day.weekday()])
        return spans

    def contains(self, local: datetime) -> bool:
        """Whether it is open when the clock there shows `local`, by the spans that began on that day or the day before.

        A start that the clocks skip in spring counts as late as they are put forward. A span that begins before the
        hour that comes twice in autumn, and ends in it, ends when the clock shows its end for the first time.
        """
        days = (
            local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0) - timedelta(days=days) for days in (0, 1)
        )
        spans = ((day, *_minutes(span)) for day in days for span in self.of(day))
        return any(
            _covers(day + timedelta(minutes=start), day + timedelta(minutes=end), local) for day, start, end in spans
        )

    def next_opening(self, local: datetime) -> datetime | None:
        """The next time after `local` (aware) at which a span begins, in the same zone; None when none ever does.

        A start that the clocks skip in spring counts as late as they are put forward; one that they show twice in
        autumn begins twice.
        """
        now = local.astimezone(UTC)  # two times of one zone would be compared by their clocks, blind to the change
        return min((start for start in self._starts(local) if start.astimezone(UTC) > now), default=None, key=_instant)

    def _starts(self, local: datetime) -> Iterator[datetime]:
        for days in range(8):
            day = local.date() + timedelta(days=days)
            for start, _ in map(_minutes, self.of(day)):
                clock = time(start // 60, start % 60)
                for fold in (0, 1):
                    shown = datetime.combine(day, clock.replace(fold=fold), local.tzinfo)
                    existing = shown.astimezone(UTC).astimezone(local.tzinfo)
                    if existing.fold == fold and self.contains(existing):
                        yield existing

    def describe(self) -> str:
        """What a person reads, such as "Mon 11:30–14:30, 18:00–22:30 · Tue 18:00–22:30"."""
        days = [(name.capitalize(), getattr(self, name)) for name in WEEKDAYS]
        return " · ".join(f"{name} {', '.join(spans).replace('-', '–')}" for name, spans in days if spans)


def _covers(start: datetime, end: datetime, local: datetime) -> bool:
    """Whether `local` lies in a span, all by one clock on the wall, which may be put forward or back in between."""
    if not start <= local < end or _instant(local) < _instant(start):
        return False
    return not local.fold or _is_shown_twice(start) or not _is_shown_twice(end)


def _is_shown_twice(clock: datetime) -> bool:
    return clock.utcoffset() != clock.replace(fold=1).utcoffset()


def _instant(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
