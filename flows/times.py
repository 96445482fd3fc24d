"""Times and time zones as stored JSON may name them: those that every restaurant's clock can show."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, Field

# Python's calendar ends with the years 1 and 9999; beyond these bounds a time zone or a deadline would pass its end.
Instant = Annotated[AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(9000, 1, 1, tzinfo=UTC))]


def _known(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (KeyError, OSError):  # what zoneinfo raises for a zone that is not there, and for a directory's name
        raise ValueError(f"no time zone {name[:40]!r}") from None


Zone = Annotated[str, AfterValidator(_known)]
