"""Periods: the stretch of time over which a meter counts before it starts anew. All in UTC."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec


class ResetPeriod(StrEnum):
    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    YEAR = "YEAR"


class Period(msgspec.Struct, frozen=True, array_like=True, order=True):
    """A half-open interval [start, end), aware UTC; both None for a lifetime meter."""

    start: datetime | None = None
    end: datetime | None = None


LIFETIME = Period()

_EPOCH_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LENGTH = {
    ResetPeriod.HOUR: timedelta(hours=1),
    ResetPeriod.DAY: timedelta(days=1),
    ResetPeriod.WEEK: timedelta(weeks=1),
}
_MONTHS = {ResetPeriod.MONTH: 1, ResetPeriod.YEAR: 12}


def period_at(moment: datetime, reset: ResetPeriod | None, anchor: datetime | None) -> Period:
    """The period that holds `moment`.

    Counted from `anchor` (the license's start), or from the calendar when it is None: weeks from Monday, months and
    years from their first day. A month that lacks the anchor's day ends on its own last day; the next one that has
    it takes it again (31 January, 28 February, 31 March).
    """
    if reset is None:
        return LIFETIME
    if length := _LENGTH.get(reset):
        origin = anchor or (_EPOCH_MONDAY if reset is ResetPeriod.WEEK else _EPOCH)
        start = origin + (moment - origin) // length * length
        return Period(start, start + length)
    return _months_at(moment, _MONTHS[reset], anchor or _EPOCH)


def previous(period: Period, reset: ResetPeriod | None, anchor: datetime | None) -> Period:
    """The period that ends where `period` starts."""
    if period.start is None:
        return LIFETIME
    return period_at(period.start - timedelta(microseconds=1), reset, anchor)


def _months_at(moment: datetime, step: int, origin: datetime) -> Period:
    months = (moment.year - origin.year) * 12 + moment.month - origin.month
    index = months // step
    while _plus_months(origin, index * step) > moment:
        index -= 1
    while _plus_months(origin, (index + 1) * step) <= moment:
        index += 1
    return Period(_plus_months(origin, index * step), _plus_months(origin, (index + 1) * step))


def _plus_months(origin: datetime, months: int) -> datetime:
    year, month = divmod(origin.year * 12 + origin.month - 1 + months, 12)
    day = min(origin.day, monthrange(year, month + 1)[1])
    return origin.replace(year=year, month=month + 1, day=day)
