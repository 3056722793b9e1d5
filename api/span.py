"""Spans: the stretch of time that a caller asks about, cut into windows of a time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Final
from zoneinfo import ZoneInfo, available_timezones

from fastapi import Depends, Query

from api.fields import Moment
from api.windows import SHORTEST, Width, Windows, windows
from metering.problems import Fault, Invalid
from sql.instants import END, EPOCH

MOST_POINTS: Final = 10_000
_USUAL: Final = {
    Width.MINUTE: timedelta(hours=1),
    Width.HOUR: timedelta(days=1),
    Width.DAY: timedelta(days=30),
    Width.MONTH: timedelta(days=365),
}


async def _zone(timezone: Annotated[str, Query(max_length=64, description="By its IANA name.")] = "UTC") -> ZoneInfo:
    if timezone not in _zones():
        fault = Fault("query.timezone", "must be a time zone by its IANA name, such as Europe/Berlin", timezone)
        raise Invalid("There is no such time zone.", faults=[fault])
    return ZoneInfo(timezone)


Zone = Annotated[ZoneInfo, Depends(_zone)]


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, [since, until), by the clocks and the calendar of a zone."""

    since: datetime | None
    until: datetime | None
    zone: ZoneInfo

    def cut(self, width: Width) -> Windows:
        """The whole windows that hold any of it. Raises `Invalid` for what is backwards, too far away, or too long.

        Left out, `until` is now, and `since` a handful of windows earlier.
        """
        until = self.until or datetime.now(UTC)
        _ensure_near("to", until)
        since = self.since or max(until - _USUAL[width], EPOCH)
        _ensure_near("from", since)
        _ensure_forward(since, until)
        _ensure_few((until - since) // timedelta(seconds=SHORTEST[width]), width, since)
        found = windows(since, until, width, self.zone)
        _ensure_few(len(found), width, since)
        if width is not Width.MINUTE and not found.are_of_quarter_hours:
            fault = Fault("query.timezone", "has clocks that are not set to quarters of an hour then", self.zone.key)
            raise Invalid("What was decided is not counted by this zone's clocks of that time.", faults=[fault])
        return found


async def _span(
    zone: Zone,
    since: Annotated[
        Moment | None,
        Query(alias="from", description="From the window that holds this time; if unset, an hour to a year before."),
    ] = None,
    until: Annotated[
        Moment | None, Query(alias="to", description="Up to the window that holds the time before this; now if unset.")
    ] = None,
) -> Span:
    return Span(since, until, zone)


Spanned = Annotated[Span, Depends(_span)]


def _ensure_near(name: str, moment: datetime) -> None:
    if not EPOCH <= moment <= END:
        fault = Fault(f"query.{name}", f"must lie between {EPOCH:%Y-%m-%d} and {END:%Y-%m-%d}", moment)
        raise Invalid("No decision is as far away as that.", faults=[fault])


def _ensure_forward(since: datetime, until: datetime) -> None:
    if since >= until:
        raise Invalid("The span is empty.", faults=[Fault("query.from", "must lie before `to`", since)])


def _ensure_few(points: int, width: Width, since: datetime) -> None:
    if points > MOST_POINTS:
        fault = Fault("query.from", f"must leave at most {MOST_POINTS:,} windows of a {width.lower()}", since)
        raise Invalid("The span has too many windows: shorten it, or take wider ones.", faults=[fault])
