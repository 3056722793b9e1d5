from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from metering.period import DAWN, DUSK, LIFETIME, Period, ResetPeriod, period_at, previous, utc
from tests.unit.metering.given import at

HOUR, DAY, WEEK, MONTH, YEAR = ResetPeriod


@pytest.mark.parametrize(
    ("reset", "start", "end"),
    [
        (HOUR, "2026-03-18T12:00", "2026-03-18T13:00"),
        (DAY, "2026-03-18", "2026-03-19"),
        (WEEK, "2026-03-16", "2026-03-23"),
        (MONTH, "2026-03-01", "2026-04-01"),
        (YEAR, "2026-01-01", "2027-01-01"),
    ],
)
def test_a_calendar_period_starts_with_its_hour_day_monday_month_or_year(
    reset: ResetPeriod, start: str, end: str
) -> None:
    assert period_at(at("2026-03-18T12:34:56"), reset, None) == Period(at(start), at(end))


@pytest.mark.parametrize(
    ("reset", "start", "end"),
    [
        (HOUR, "2026-03-18T12:17", "2026-03-18T13:17"),
        (DAY, "2026-03-18T09:17", "2026-03-19T09:17"),
        (WEEK, "2026-03-13T09:17", "2026-03-20T09:17"),
        (MONTH, "2026-02-20T09:17", "2026-03-20T09:17"),
        (YEAR, "2025-11-20T09:17", "2026-11-20T09:17"),
    ],
)
def test_an_anchored_period_is_counted_from_the_license_s_start(reset: ResetPeriod, start: str, end: str) -> None:
    anchor = at("2020-11-20T09:17")
    assert period_at(at("2026-03-18T12:34:56"), reset, anchor) == Period(at(start), at(end))


def test_a_period_holds_its_start_but_not_its_end() -> None:
    march = period_at(at("2026-03-01"), MONTH, None)
    assert march.start == at("2026-03-01")
    assert march.holds(at("2026-03-01"))
    assert not march.holds(at("2026-04-01"))
    assert period_at(at("2026-04-01"), MONTH, None).start == at("2026-04-01")


@pytest.mark.parametrize(
    ("moment", "start", "end"),
    [
        ("2026-02-10", "2026-01-31", "2026-02-28"),
        ("2026-02-28", "2026-02-28", "2026-03-31"),
        ("2028-02-28", "2028-01-31", "2028-02-29"),
        ("2026-03-31", "2026-03-31", "2026-04-30"),
        ("2019-12-31", "2019-12-31", "2020-01-31"),
    ],
)
def test_a_month_without_the_anchor_s_day_ends_on_its_own_last_day(moment: str, start: str, end: str) -> None:
    assert period_at(at(moment), MONTH, at("2024-01-31")) == Period(at(start), at(end))


def test_a_year_from_29_february_starts_on_the_28th_until_the_next_leap_year() -> None:
    anchor = at("2024-02-29")
    assert period_at(at("2025-06-01"), YEAR, anchor) == Period(at("2025-02-28"), at("2026-02-28"))
    assert period_at(at("2028-06-01"), YEAR, anchor) == Period(at("2028-02-29"), at("2029-02-28"))


def test_a_moment_before_the_anchor_has_its_period_too() -> None:
    assert period_at(at("2023-12-01"), MONTH, at("2024-01-31")) == Period(at("2023-11-30"), at("2023-12-31"))


def test_a_lifetime_meter_has_one_period_that_holds_all_time() -> None:
    assert period_at(DAWN, None, None) == LIFETIME == previous(LIFETIME, None, None)
    assert LIFETIME.holds(DAWN)
    assert LIFETIME.holds(DUSK)


@pytest.mark.parametrize("anchor", [None, at("2024-01-31T07:30"), DAWN, DUSK])
@pytest.mark.parametrize("reset", ResetPeriod)
def test_periods_are_cut_where_time_ends(reset: ResetPeriod, anchor: datetime | None) -> None:
    first, last = period_at(DAWN, reset, anchor), period_at(DUSK, reset, anchor)
    assert first.start == DAWN
    assert first.holds(DAWN)
    assert last.end == DUSK
    assert previous(first, reset, anchor) == first
    assert previous(last, reset, anchor).end == last.start


@pytest.mark.parametrize("reset", ResetPeriod)
def test_the_previous_period_ends_where_this_one_starts(reset: ResetPeriod) -> None:
    period = period_at(at("2024-03-01"), reset, at("2023-08-31T05:00"))
    assert previous(period, reset, at("2023-08-31T05:00")).end == period.start


def test_a_moment_of_another_offset_is_the_same_in_utc() -> None:
    east = timezone(timedelta(hours=5))
    assert utc(datetime(2026, 3, 15, 17, tzinfo=east)) == at("2026-03-15T12:00")
    with pytest.raises(ValueError, match="outside the years 1 to 9999"):
        utc(datetime(1, 1, 1, tzinfo=east))
