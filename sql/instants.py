"""Instants as ClickHouse's DateTime64(6) keeps them: whole microseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: From here on no month is partitioned by: a Date ends soon after, and clamps what lies behind.
END: Final = datetime(2299, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """Whole microseconds since 1970; what is finer is cut off."""
    return (moment - EPOCH) // _MICROSECOND


def moment_at(count: int) -> datetime:
    """The instant of so many microseconds; raises `OverflowError` outside the years 1 to 9999."""
    return EPOCH + count * _MICROSECOND
