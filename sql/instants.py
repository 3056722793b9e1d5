"""Instants as ClickHouse's DateTime64(6) keeps them: whole microseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: From here on no event can be told: a DateTime64 ends with this year, and clamps what lies behind.
END: Final = datetime(2299, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """Whole microseconds since 1970; what is finer is cut off."""
    return (moment - EPOCH) // _MICROSECOND


def quarter_of(moment: datetime) -> int:
    """Its calendar quarter in UTC, as the audit trail's partitions are called: 20264 is the last of 2026."""
    return moment.year * 10 + (moment.month + 2) // 3


def bounds_of_quarter(quarter: int) -> tuple[datetime, datetime]:
    """When it begins, and when the next one does; of what `quarter_of` gave."""
    year, number = divmod(quarter, 10)
    start = datetime(year, 3 * number - 2, 1, tzinfo=UTC)
    return start, datetime(year + number // 4, number % 4 * 3 + 1, 1, tzinfo=UTC)


def moment_at(count: int) -> datetime:
    """The instant of so many microseconds; raises `OverflowError` outside the years 1 to 9999."""
    return EPOCH + count * _MICROSECOND
