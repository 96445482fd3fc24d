"""Time zones as owners name them: a place is wanted, whose clocks may change, and no offset, which stays as it is."""

from __future__ import annotations

import difflib
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

AREAS = ("Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")

# Names of the tz database that are no places. Etc/GMT+3 even means three hours behind; EST knows no summer.
_OFFSETS = """
    CET CST6CDT EET EST EST5EDT Factory GMT GMT+0 GMT-0 GMT0 Greenwich HST MET MST MST7MDT PST8PDT UCT UTC Universal
    WET Zulu
"""
_NO_PLACES = frozenset(_OFFSETS.split())
# "localtime" and the like are files of this machine and mean something else, or nothing, on another one.
_NO_ZONES = ("posix", "right/", "local", "SystemV/")

_EXPECTED = "expected the time zone of a place, such as Europe/Rome"


def place(value: Any) -> str:
    """A time zone's name. Raises `ValueError` for what names no place, with what may be meant."""
    if not isinstance(value, str):
        raise ValueError(_EXPECTED)
    zone = _zone(value)
    if zone is None:
        close = _like(value)
        raise ValueError(f"expected the time zone of a place; did you mean {close}?" if close else _EXPECTED)
    if value in _NO_PLACES or value.startswith("Etc/"):
        raise ValueError(f"{value} is {_fixed(zone)}not a place; {_EXPECTED}")
    return zone.key


def _zone(value: str) -> ZoneInfo | None:
    if not value.startswith(_NO_ZONES):
        with suppress(KeyError, ValueError, OSError):  # no such zone, or not even a name of one
            return ZoneInfo(value)
    return None


def _fixed(zone: ZoneInfo) -> str:
    """ "UTC-3 all year, ", of a zone that knows no summer."""
    winter, summer = (datetime(2026, month, 1, tzinfo=UTC).astimezone(zone).utcoffset() for month in (1, 7))
    if winter is None or winter != summer:
        return ""
    return f"UTC{winter // timedelta(hours=1):+} all year, "


def _like(value: str) -> str | None:
    """The zone whose city looks most like what was written, if that looks like one."""
    if value.isupper() and "/" not in value:  # CEST is neither EST, which it resembles, nor any one city
        return None
    cities = {_city(zone): zone for zone in sorted(available_timezones()) if zone.startswith(AREAS)}
    close = difflib.get_close_matches(_city(value), cities, 1, cutoff=0.75)
    return cities[close[0]] if close else None


def _city(zone: str) -> str:
    return zone.rpartition("/")[2][:40].strip().replace(" ", "_").casefold()
