"""Grants: what a meter is held against, as the catalog said when the command was received."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec

from metering.balance import Counter
from metering.meter import Aggregation
from metering.period import LIFETIME, Moment, Period, ResetPeriod, period_at, previous, utc
from metering.problems import TimestampOutOfRange
from metering.quantity import EXACT, UNLIMITED, ZERO, ensure_in_range

MOST_AHEAD: Final = timedelta(minutes=5)
_HUNDRED: Final = Decimal(100)

T = TypeVar("T")


class Reason(StrEnum):
    """Why a report was refused."""

    THRESHOLD_EXCEEDED = "THRESHOLD_EXCEEDED"
    LICENSE_INACTIVE = "LICENSE_INACTIVE"
    LICENSE_OUTSIDE_DATES = "LICENSE_OUTSIDE_DATES"
    TRANSACTION_ID_REUSED = "TRANSACTION_ID_REUSED"
    #: Its period was no longer kept: only clocks hours apart get a report past the edge's check to here.
    PERIOD_CLOSED = "PERIOD_CLOSED"


class Line(IntEnum):
    """The lines a value can stand at: below all, at the warning, at the limit, past it."""

    NONE = 0
    WARNING = 1
    REACHED = 2
    EXCEEDED = 3


_NO_LINE: Final = Line.NONE


class Licensed(Protocol):
    """What is used under a license: whether that is in force, and its dates, [starts_at, ends_at)."""

    @property
    def license_slug(self) -> str: ...
    @property
    def instance_slug(self) -> str: ...
    @property
    def license_active(self) -> bool: ...
    @property
    def starts_at(self) -> datetime | None: ...
    @property
    def ends_at(self) -> datetime | None: ...


def covers(starts_at: datetime | None, ends_at: datetime | None, moment: datetime) -> bool:
    """Whether a license with these dates, [starts_at, ends_at), covers the moment; None leaves that side open."""
    return (starts_at is None or starts_at <= moment) and (ends_at is None or moment < ends_at)


def refusal_at(licensed: Licensed, moment: datetime) -> Reason | None:
    """Why the license does not cover `moment`, or None when it does."""
    if not licensed.license_active:
        return Reason.LICENSE_INACTIVE
    return None if covers(licensed.starts_at, licensed.ends_at, moment) else Reason.LICENSE_OUTSIDE_DATES


class once(Generic[T]):  # noqa: N801  # used as a word before a method
    """A property that is made once. `functools.cached_property` takes a lock for it, up to Python 3.11."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make

    def __get__(self, owner: Any, _: type) -> T:
        made = owner.__dict__[self._make.__name__] = self._make(owner)
        return made


class Grant(msgspec.Struct, frozen=True, array_like=True, dict=True):
    """One instance's right to one NUMBER entitlement, with every name that its decisions will carry.

    `limit` -1 means unlimited, as does `overage_percent` -1 (0: the limit is hard). `anchor` is where its periods
    are counted from, None for the calendar. `starts_at`, `ends_at` are the license's dates, [starts_at, ends_at).
    """

    organization_id: str
    instance_id: str
    instance_slug: str
    entitlement_id: str
    entitlement_slug: str
    license_id: str
    license_slug: str
    license_version: str
    license_active: bool
    aggregation: Aggregation
    limit: Decimal
    overage_percent: Decimal = ZERO
    warning_percent: Decimal | None = None
    reset_period: ResetPeriod | None = None
    anchor: Moment | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None

    def __post_init__(self) -> None:
        _ensure_in_range(self.limit, self.overage_percent, self.warning_percent)
        if self.anchor is not None:
            msgspec.structs.force_setattr(self, "anchor", utc(self.anchor))

    @once
    def key(self) -> bytes:
        """The meter's key: organization/instance/entitlement, by id, so that a renamed slug keeps its balance."""
        return f"{self.organization_id}/{self.instance_id}/{self.entitlement_id}".encode()

    @once
    def cap(self) -> Decimal | None:
        """The highest value that is accepted, limit × (1 + overage %); None when nothing is ever refused."""
        return _cap(self.limit, self.overage_percent)

    @once
    def warning_line(self) -> Decimal | None:
        return _warning_line(self.limit, self.warning_percent)

    @once
    def lowest_line(self) -> Decimal | None:
        """The first line on the way up; None when there is none."""
        if self.limit == UNLIMITED:
            return None
        return self.limit if self.warning_line is None else min(self.limit, self.warning_line)

    def allows(self, counter: Counter) -> bool:
        """Whether the counter stands at or below the cap."""
        cap = self.cap
        return cap is None or not counter.exceeds(cap)

    def line_at(self, counter: Counter) -> Line:
        """The highest line that the counter stands at or above; before the first event, none."""
        if self.limit == UNLIMITED:
            return Line.NONE
        if counter.reaches(self.limit):
            return Line.EXCEEDED if counter.exceeds(self.limit) else Line.REACHED
        if self.warning_line is not None and counter.reaches(self.warning_line):
            return Line.WARNING
        return Line.NONE

    def crossing(self, before: Counter, after: Counter) -> Line:
        """The one line that was passed on the way up from `before` to `after`, however far it was."""
        lowest = self.lowest_line
        if lowest is None or not after.reaches(lowest):
            return _NO_LINE
        line = self.line_at(after)
        return line if line > self.line_at(before) else Line.NONE

    def refusal_at(self, moment: datetime) -> Reason | None:
        """Why the license does not cover `moment`, or None when it does."""
        if self.license_active and self.starts_at is None and self.ends_at is None:
            return None
        return refusal_at(self, moment)

    def period_at(self, moment: datetime) -> Period:
        """The period that holds `moment`: that of the call before, as a rule, which is kept for it."""
        if self.reset_period is None:
            return LIFETIME
        kept: Period | None = self.__dict__.get("period")
        if kept is None or not kept.holds(moment):
            kept = self.__dict__["period"] = period_at(moment, self.reset_period, self.anchor)
        return kept

    def check_timestamp(self, timestamp: datetime, received_at: datetime, most_late: timedelta) -> None:
        """Raise `TimestampOutOfRange` for a report more than 5 min ahead, or, on a meter that resets, too late.

        The running period takes any timestamp of its own; the one before it takes those at most `most_late` old.
        """
        try:
            timestamp = utc(timestamp)
        except ValueError:
            raise TimestampOutOfRange("timestamp lies outside the years 1 to 9999 in UTC", timestamp) from None
        if timestamp - received_at > MOST_AHEAD:
            raise TimestampOutOfRange("timestamp lies more than 5 minutes in the future", timestamp)
        running = self.period_at(received_at)
        if running.start is None or timestamp >= running.start:
            return
        before = previous(running, self.reset_period, self.anchor)
        assert before.start is not None
        if timestamp < before.start:
            raise TimestampOutOfRange("timestamp lies before the previous period of this meter", timestamp)
        if received_at - timestamp > most_late:
            hours = most_late / timedelta(hours=1)
            raise TimestampOutOfRange(f"timestamp lies in the previous period, more than {hours:g} h ago", timestamp)


@lru_cache(1_024)  # instances under one license share their numbers
def _ensure_in_range(*numbers: Decimal | None) -> None:
    for number in numbers:
        if number is not None:
            ensure_in_range(number)


@lru_cache(1_024)
def _cap(limit: Decimal, overage_percent: Decimal) -> Decimal | None:
    if UNLIMITED in (limit, overage_percent):
        return None
    return EXACT.add(limit, EXACT.multiply(limit, EXACT.divide(overage_percent, _HUNDRED)))


@lru_cache(1_024)
def _warning_line(limit: Decimal, percent: Decimal | None) -> Decimal | None:
    if percent is None or limit == UNLIMITED:
        return None
    return EXACT.multiply(limit, EXACT.divide(percent, _HUNDRED))
