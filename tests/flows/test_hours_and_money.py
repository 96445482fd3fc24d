"""Opening hours and money: small rules that have to hold at every minute and for every cent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from flows.hours import DAY, WEEKDAYS, Hours
from flows.money import CURRENCIES, Money, total

ROME = ZoneInfo("Europe/Rome")
MONDAY = datetime(2026, 3, 16, tzinfo=ROME)
WEEK = 7 * DAY


def clock(minute: int) -> str:
    return f"{minute // 60 % 24:02}:{minute % 60:02}"


@st.composite
def days(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Up to three spans of one day, apart from each other, in minutes; the last may pass midnight."""
    count = draw(st.integers(0, 3))
    cuts = sorted(draw(st.lists(st.integers(0, DAY - 1), min_size=2 * count, max_size=2 * count, unique=True)))
    spans = list(zip(cuts[::2], cuts[1::2], strict=True))
    if spans and spans[-1][0] > 0 and draw(st.booleans()):
        start = spans[-1][0]
        spans[-1] = start, draw(st.integers(DAY, DAY + start - 1))
    return spans


weeks = st.lists(days(), min_size=7, max_size=7)


def hours_of(week: list[list[tuple[int, int]]]) -> Hours:
    spans = [tuple(f"{clock(start)}-{'24:00' if end == DAY else clock(end)}" for start, end in day) for day in week]
    return Hours.model_validate(dict(zip(WEEKDAYS, spans, strict=True)))


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

    @given(weeks, st.lists(st.integers(0, WEEK - 1), min_size=1, max_size=50))
    def test_it_is_open_exactly_within_its_spans(self, week: list[list[tuple[int, int]]], minutes: list[int]) -> None:
        open_at = {
            (day * DAY + minute) % WEEK
            for day, spans in enumerate(week)
            for start, end in spans
            for minute in range(start, end)
        }
        hours = hours_of(week)
        for minute in minutes:
            assert hours.contains(MONDAY + timedelta(minutes=minute)) == (minute in open_at)

    # The weeks with the changes of the clocks in Europe, and one without.
    @given(weeks, st.sampled_from([(3, 9), (3, 27), (10, 22)]), st.integers(0, WEEK - 1))
    @settings(max_examples=30)
    def test_the_next_opening_is_the_first_minute_on_the_clock_at_which_a_span_begins(
        self, week: list[list[tuple[int, int]]], date: tuple[int, int], after: int
    ) -> None:
        # A start between 2 and 3 o'clock does not exist in the night in which that hour is skipped.
        week = [[(start, end) for start, end in day if not 120 <= start < 180] for day in week]
        now = datetime(2026, *date, tzinfo=UTC) + timedelta(minutes=after)
        later = ((now + timedelta(minutes=minute)).astimezone(ROME) for minute in range(1, WEEK + 121))
        starts = {(day, clock(start)) for day, spans in enumerate(week) for start, _ in spans}
        expected = next((time for time in later if (time.weekday(), f"{time:%H:%M}") in starts), None)
        found = hours_of(week).next_opening(now.astimezone(ROME))
        assert (found and found.astimezone(UTC)) == (expected and expected.astimezone(UTC))

    def test_a_start_that_the_clocks_show_twice_begins_twice(self) -> None:
        night = Hours(sun=("02:30-03:00",))
        first = datetime(2026, 10, 25, 2, 30, tzinfo=ROME)
        closed_again = datetime(2026, 10, 25, 2, 10, fold=1, tzinfo=ROME)
        assert night.next_opening(closed_again) == first.replace(fold=1)
        assert (night.next_opening(closed_again) or first).utcoffset() == timedelta(hours=1)

    def test_a_start_that_the_clocks_skip_is_as_late_as_they_are_put_forward(self) -> None:
        night = Hours(sun=("02:30-05:00",))
        opens = datetime(2026, 3, 29, 3, 30, tzinfo=ROME)
        assert night.next_opening(datetime(2026, 3, 29, 1, 0, tzinfo=ROME)) == opens
        assert not night.contains(opens - timedelta(minutes=1))
        assert night.contains(opens)

    def test_a_span_that_the_clocks_skip_opens_a_week_later(self) -> None:
        night = Hours(sun=("02:15-02:45",))
        assert night.next_opening(datetime(2026, 3, 29, 1, 0, tzinfo=ROME)) == datetime(2026, 4, 5, 2, 15, tzinfo=ROME)

    def test_a_night_that_ends_in_the_hour_that_comes_twice_ends_once(self) -> None:
        late = Hours(sat=("18:00-02:30",))
        ended = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 02:30 for the first time
        minutes = [(ended + timedelta(minutes=minute)).astimezone(ROME) for minute in range(-400, 120)]
        assert [late.contains(minute) for minute in minutes] == [minute < ended for minute in minutes]
        assert late.next_opening(ended.astimezone(ROME)) == datetime(2026, 10, 31, 18, 0, tzinfo=ROME)

    # The nights with the changes of the clocks, by an hour and by half of one, and the same weekday without one.
    @given(
        weeks,
        st.sampled_from([("Europe/Rome", 3, 28), ("Europe/Rome", 10, 24), ("Europe/Rome", 6, 6)])
        | st.sampled_from([("Australia/Lord_Howe", 4, 4), ("Australia/Lord_Howe", 10, 3)]),
    )
    @settings(max_examples=60)
    def test_while_it_is_closed_the_next_opening_is_the_next_minute_at_which_it_is_open(
        self, week: list[list[tuple[int, int]]], night: tuple[str, int, int]
    ) -> None:
        name, month, day = night
        noon = datetime(2026, month, day, 12, tzinfo=ZoneInfo(name)).astimezone(UTC)
        minutes = [(noon + timedelta(minutes=minute)).astimezone(ZoneInfo(name)) for minute in range(24 * 60)]
        hours = hours_of(week)
        opens = None
        for minute in reversed(minutes):
            if hours.contains(minute):
                opens = minute
            elif opens is not None and minute.minute % 10 == 0:
                found = hours.next_opening(minute)
                assert found is not None
                assert found.astimezone(UTC) == opens.astimezone(UTC)

    @given(weeks)
    def test_they_come_back_from_json(self, week: list[list[tuple[int, int]]]) -> None:
        hours = hours_of(week)
        assert Hours.model_validate_json(hours.model_dump_json()) == hours

    @pytest.mark.parametrize(
        "spans",
        [
            ("11:30-14:30", "14:00-18:00"),
            ("22:00-02:00", "23:00-24:00"),
            ("10:00-10:00", "11:00-12:00"),
            ("9:00-10:00",),
            ("24:00-10:00",),
            ("10:00-24:01",),
            ("10:00-12:00\n",),
            ("١١:٣٠-١٤:٣٠",),
            ("",),
        ],
    )
    def test_spans_that_overlap_or_are_none_are_refused(self, spans: tuple[str, ...]) -> None:
        with pytest.raises(ValidationError, match=r"span|empty"):
            Hours(mon=spans)


class TestMoney:
    @given(st.integers(-(10**12), 10**12), st.sampled_from(sorted(CURRENCIES)))
    def test_what_is_written_is_read_again(self, minor: int, currency: str) -> None:
        money = Money(minor=minor, currency=currency)
        assert Money.parse(money.decimal(), currency) == money

    @pytest.mark.parametrize(
        ("minor", "currency", "shown"),
        [
            (850, "EUR", "€8.50"),
            (980, "JPY", "¥980"),
            (5, "SEK", "0.05 SEK"),
            (2500, "KWD", "2.500 KWD"),
            (12345, "CLF", "1.2345 CLF"),
        ],
    )
    def test_people_read_it_with_its_sign_or_code(self, minor: int, currency: str, shown: str) -> None:
        assert str(Money(minor=minor, currency=currency)) == shown

    def test_the_currencies_are_those_that_somebody_can_pay_with_today(self) -> None:
        assert {"EUR", "USD", "XOF", "XCG"} <= CURRENCIES
        # Replaced (by the euro and the Caribbean guilder), a metal, none at all, and no code.
        assert not {"HRK", "BGN", "ANG", "XAU", "XXX", "ZZZ"} & CURRENCIES

    def test_money_of_a_currency_that_was_replaced_is_read_from_the_store(self) -> None:
        assert str(Money.model_validate_json('{"minor": 850, "currency": "BGN"}')) == "8.50 BGN"

    @pytest.mark.parametrize(
        "text",
        ["", "x", "1.234", "NaN", "Infinity", "1,50", "1e2", "1e999999", "1_0", "+1", "1.", ".5", "١", "1\n", "9" * 40],
    )
    def test_what_is_no_amount_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"amount|digits"):
            Money.parse(text, "EUR")

    @given(st.text(max_size=30))
    def test_any_other_text_is_refused_and_nothing_else(self, text: str) -> None:
        try:
            read = Money.parse(text, "EUR")
        except ValueError:
            return
        assert Money.parse(read.decimal(), "EUR") == read

    @given(st.lists(st.integers(-(10**9), 10**9)), st.integers(0, 99))
    def test_sums_and_multiples_are_exact(self, minors: list[int], times: int) -> None:
        amounts = [Money(minor=minor, currency="EUR") for minor in minors]
        assert (total(amounts, "EUR") * times).minor == sum(minors) * times

    def test_two_currencies_do_not_add_up(self) -> None:
        with pytest.raises(ValueError, match="JPY"):
            total([Money(minor=1, currency="EUR"), Money(minor=1, currency="JPY")], "EUR")
