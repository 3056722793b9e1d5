"""Periods: the stretch of time over which a meter counts before it starts anew. All in UTC."""

from __future__ import annotations

from calendar import monthrange
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Final

import msgspec

#: A point in time on the wire: one without an offset is refused.
Moment = Annotated[datetime, msgspec.Meta(tz=True)]

#: Where time ends for a datetime. Periods are cut there, so that no hostile timestamp can make the fold raise.
DAWN: Final = datetime.min.replace(tzinfo=UTC)
DUSK: Final = datetime.max.replace(tzinfo=UTC)


class ResetPeriod(StrEnum):
    """How long a meter counts before it starts anew."""

    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    YEAR = "YEAR"


class Period(msgspec.Struct, frozen=True, gc=False, array_like=True, order=True):
    """A half-open interval [start, end), aware UTC; both None for a lifetime meter."""

    start: Moment | None = None
    end: Moment | None = None

    def holds(self, moment: datetime) -> bool:
        return (self.start is None or self.start <= moment) and (self.end is None or moment < self.end)

    def is_after(self, other: Period) -> bool:
        """Whether this period starts later than `other`, or there and ends later."""
        return (self.start or DAWN, self.end or DUSK) > (other.start or DAWN, other.end or DUSK)


LIFETIME: Final = Period()

_EPOCH_MONDAY: Final = datetime(1970, 1, 5, tzinfo=UTC)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LENGTH: Final = {
    ResetPeriod.HOUR: timedelta(hours=1),
    ResetPeriod.DAY: timedelta(days=1),
    ResetPeriod.WEEK: timedelta(weeks=1),
}
_MONTHS: Final = {ResetPeriod.MONTH: 1, ResetPeriod.YEAR: 12}
_LAST_DAY_OF_EVERY_MONTH: Final = 28
#: The calendar's period that was asked for last.
_RUNNING: Final[dict[ResetPeriod, Period]] = {}


def utc(moment: datetime) -> datetime:
    """The same moment in UTC; raises `ValueError` where that lies outside the years 1 to 9999."""
    try:
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("a moment outside the years 1 to 9999 in UTC") from None


def period_at(moment: datetime, reset: ResetPeriod | None, anchor: datetime | None) -> Period:
    """The period that holds `moment`.

    Counted from `anchor` (the license's start), or from the calendar when it is None: weeks from Monday, months and
    years from their first day. A month that lacks the anchor's day ends on its own last day; the next one that has
    it takes it again (31 January, 28 February, 31 March). The first and the last period of all time are cut short.
    """
    if reset is None:
        return LIFETIME
    if anchor is not None:
        return _period_at(moment, reset, anchor)
    running = _RUNNING.get(reset)  # nearly every moment lies in it, and most meters count from the calendar
    if running is None or not running.holds(moment):
        running = _RUNNING[reset] = _period_at(moment, reset, None)
    return running


def _period_at(moment: datetime, reset: ResetPeriod, anchor: datetime | None) -> Period:
    if length := _LENGTH.get(reset):
        return _stretch_at(moment, length, anchor or (_EPOCH_MONDAY if reset is ResetPeriod.WEEK else _EPOCH))
    return _months_at(moment, _MONTHS[reset], anchor or _EPOCH)


def previous(period: Period, reset: ResetPeriod | None, anchor: datetime | None) -> Period:
    """The period that ends where `period` starts; the first of all time has none before it and is its own."""
    if period.start is None or period.start == DAWN:
        return period
    return period_at(period.start - timedelta(microseconds=1), reset, anchor)


def _stretch_at(moment: datetime, length: timedelta, origin: datetime) -> Period:
    into = (moment - origin) % length
    start = moment - into if moment - DAWN >= into else DAWN
    end = moment + (length - into) if DUSK - moment >= length - into else DUSK
    return Period(start, end)


def _months_at(moment: datetime, step: int, origin: datetime) -> Period:
    index = ((moment.year - origin.year) * 12 + moment.month - origin.month) // step
    if _months_after(origin, index * step) > moment:
        index -= 1
    return Period(_months_after(origin, index * step), _months_after(origin, (index + 1) * step))


@lru_cache(maxsize=4096)  # a meter asks for the same two again and again, and those of the calendar share theirs
def _months_after(origin: datetime, months: int) -> datetime:
    year, month = divmod(origin.year * 12 + origin.month - 1 + months, 12)
    if not MINYEAR <= year <= MAXYEAR:
        return DAWN if year < MINYEAR else DUSK
    day = origin.day if origin.day <= _LAST_DAY_OF_EVERY_MONTH else min(origin.day, monthrange(year, month + 1)[1])
    return origin.replace(year=year, month=month + 1, day=day)
