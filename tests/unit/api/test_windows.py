"""Windows of time, in zones whose clocks change by an hour, by half an hour, over midnight, and never."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.windows import Width, windows

ZONES = ["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Havana"]
LONGEST = {
    Width.MINUTE: timedelta(hours=5),
    Width.HOUR: timedelta(days=9),
    Width.DAY: timedelta(days=400),
    Width.MONTH: timedelta(days=4_000),
}

zones = st.sampled_from(ZONES).map(ZoneInfo)
#: Around the changes of clocks in Europe, America and Australia, and anywhere else.
moments = st.sampled_from(
    [datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 11, 1, 6, tzinfo=UTC), datetime(2026, 4, 4, 15, tzinfo=UTC)]
).flatmap(lambda around: st.integers(-90_000, 90_000).map(lambda seconds: around + timedelta(seconds=seconds))) | (
    st.integers(70_000_000, 4_000_000_000).map(lambda second: datetime.fromtimestamp(second, UTC))
)


def local(second: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(second, UTC).astimezone(zone)


def clock_name(moment: datetime, width: Width) -> str:
    form = {
        Width.MINUTE: "%Y-%m-%d %H:%M %z",
        Width.HOUR: "%Y-%m-%d %H %z",
        Width.DAY: "%Y-%m-%d",
        Width.MONTH: "%Y-%m",
    }
    return moment.strftime(form[width])


@given(zone=zones, since=moments, width=st.sampled_from(Width), data=st.data())
def test_the_moments_of_a_window_are_those_that_the_clock_gives_one_name(
    zone: ZoneInfo, since: datetime, width: Width, data: st.DataObject
) -> None:
    length = data.draw(st.integers(1, int(LONGEST[width].total_seconds())))
    found = windows(since, since + timedelta(seconds=length), width, zone)
    assert found.edges[0] <= since.timestamp() < found.edges[1]
    assert found.edges[-2] < since.timestamp() + length <= found.edges[-1]
    for start, end in found:
        names = {clock_name(local(second, zone), width) for second in (start, (start + end) // 2, end - 1)}
        assert len(names) == 1
    assert all(clock_name(local(a, zone), width) != clock_name(local(b, zone), width) for a, b in pairwise(found.edges))


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("America/Havana", date(2026, 3, 8), 23),
        ("Asia/Kathmandu", date(2026, 3, 29), 24),
    ],
)
def test_a_day_is_as_long_as_its_clocks_make_it(zone: str, day: date, hours: float) -> None:
    noon = datetime.combine(day, time(12), ZoneInfo(zone))
    (window,) = windows(noon, noon + timedelta(seconds=1), Width.DAY, ZoneInfo(zone))
    assert window[1] - window[0] == hours * 3_600


def test_a_half_hour_that_the_clocks_repeat_is_a_window_of_its_own() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")
    change = datetime(2026, 4, 4, 15, tzinfo=UTC)
    found = windows(change - timedelta(hours=1), change + timedelta(hours=1), Width.HOUR, zone)
    assert [end - start for start, end in found] == [3_600, 1_800, 3_600]


def test_a_day_that_a_zone_skipped_has_no_window() -> None:
    zone = ZoneInfo("Pacific/Apia")
    found = windows(datetime(2011, 12, 29, 12, tzinfo=zone), datetime(2011, 12, 31, 12, tzinfo=zone), Width.DAY, zone)
    assert [local(start, zone).day for start, _ in found] == [29, 31]
