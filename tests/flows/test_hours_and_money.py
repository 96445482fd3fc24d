"""Opening hours and money: small rules that have to hold at every minute and for every cent."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.hours import Hours
from flows.money import Money, total

ROME = ZoneInfo("Europe/Rome")
MONDAY = datetime(2026, 3, 16, tzinfo=ROME)


def at(day: int, clock: str) -> datetime:
    """A time of the week that begins on Monday, 16 March 2026."""
    hour, minute = map(int, clock.split(":"))
    return (MONDAY + timedelta(days=day)).replace(hour=hour, minute=minute)


class TestHours:
    hours = Hours(mon=("11:30-14:30", "18:00-22:30"), fri=("22:00-02:00",))

    @pytest.mark.parametrize("clock", ["11:30", "14:29", "18:00", "22:29"])
    def test_it_is_open_from_the_first_minute_to_the_last(self, clock: str) -> None:
        assert self.hours.contains(at(0, clock))

    @pytest.mark.parametrize("clock", ["11:29", "14:30", "17:59", "22:30"])
    def test_it_is_closed_around_them(self, clock: str) -> None:
        assert not self.hours.contains(at(0, clock))

    def test_a_missing_weekday_is_closed(self) -> None:
        assert not any(self.hours.contains(at(1, f"{hour:02}:00")) for hour in range(24))

    def test_a_span_may_pass_midnight(self) -> None:
        assert self.hours.contains(at(4, "23:59"))
        assert self.hours.contains(at(5, "01:59"))
        assert not self.hours.contains(at(5, "02:00"))

    def test_all_day_is_every_minute(self) -> None:
        always = Hours(tue=("00:00-24:00",))
        assert all(always.contains(at(1, f"{minute // 60:02}:{minute % 60:02}")) for minute in range(24 * 60))

    def test_the_next_opening_may_be_days_away(self) -> None:
        assert self.hours.next_opening(at(0, "23:00")) == at(4, "22:00")
        assert self.hours.next_opening(at(0, "12:00")) == at(0, "18:00")

    def test_hours_without_any_span_never_open(self) -> None:
        assert Hours().next_opening(MONDAY) is None

    def test_people_read_them_in_one_line(self) -> None:
        assert self.hours.describe() == "Mon 11:30–14:30, 18:00–22:30 · Fri 22:00–02:00"

    @given(st.integers(0, 24 * 60 - 1), st.integers(0, 24 * 60 - 1), st.integers(0, 7 * 24 * 60 - 1))
    def test_it_is_open_exactly_within_its_span(self, start: int, end: int, minute: int) -> None:
        if start == end:
            return
        span = f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
        length = (end - start) % (24 * 60)
        local = MONDAY + timedelta(minutes=minute)
        begun = (minute - (2 * 24 * 60 + start)) % (7 * 24 * 60)
        assert Hours(wed=(span,)).contains(local) == (begun < length)


class TestMoney:
    @given(st.integers(0, 10**9), st.sampled_from(["EUR", "JPY", "KWD"]))
    def test_what_is_written_is_read_again(self, minor: int, currency: str) -> None:
        money = Money(minor=minor, currency=currency)
        assert Money.parse(money.decimal(), currency) == money

    @pytest.mark.parametrize(
        ("minor", "currency", "shown"), [(850, "EUR", "€8.50"), (980, "JPY", "¥980"), (5, "SEK", "0.05 SEK")]
    )
    def test_people_read_it_with_its_sign_or_code(self, minor: int, currency: str, shown: str) -> None:
        assert str(Money(minor=minor, currency=currency)) == shown

    @pytest.mark.parametrize("text", ["", "x", "1.234", "NaN", "Infinity", "1,50"])
    def test_what_is_no_amount_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"amount|digits"):
            Money.parse(text, "EUR")

    def test_two_currencies_do_not_add_up(self) -> None:
        with pytest.raises(ValueError, match="JPY"):
            total([Money(minor=1, currency="EUR"), Money(minor=1, currency="JPY")], "EUR")
