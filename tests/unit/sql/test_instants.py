from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sql.instants import END, EPOCH, bounds_of_quarter, moment_at, quarter_of

_SMALLEST = timedelta(microseconds=1)
_moments = st.datetimes(EPOCH.replace(tzinfo=None), END.replace(tzinfo=None), timezones=st.just(UTC))


@given(_moments)
def test_a_moment_lies_in_its_quarter_and_the_moments_around_that_do_not(moment: datetime) -> None:
    start, end = bounds_of_quarter(quarter_of(moment))
    assert start <= moment < end
    assert quarter_of(start - _SMALLEST) < quarter_of(start) == quarter_of(end - _SMALLEST) < quarter_of(end)
    assert timedelta(days=90) <= end - start <= timedelta(days=92)


def test_a_quarter_is_called_by_its_year_and_its_number_in_it() -> None:
    months = [datetime(2026, month, 1, tzinfo=UTC) for month in range(1, 13)]
    assert [quarter_of(month) for month in months] == [20261] * 3 + [20262] * 3 + [20263] * 3 + [20264] * 3


def test_quarters_sort_as_texts_from_before_the_first_event_to_behind_the_last() -> None:
    called = [str(quarter_of(moment_at(micros))) for micros in range(-(10**15), 10**16, 10**14)]
    assert called == sorted(called)
