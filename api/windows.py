"""Windows: minutes, hours, days and months of a time zone, which cut a stretch of time without gap or overlap."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

QUARTER_HOUR: Final = 900
"""Seconds of the finest stretch that counts are kept for; the edge of every window but a minute's lies on one."""

_HALF_DAY: Final = 43_200


class Width(StrEnum):
    """How long a window is, by the zone's clock and calendar."""

    MINUTE = "MINUTE"
    HOUR = "HOUR"
    DAY = "DAY"
    MONTH = "MONTH"


_CLOCK_SECONDS: Final = {Width.MINUTE: 60, Width.HOUR: 3_600}
#: No window is shorter, but for those that a change of the clocks cuts.
SHORTEST: Final = {Width.MINUTE: 60, Width.HOUR: 3_600, Width.DAY: 23 * 3_600, Width.MONTH: 27 * 86_400}


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows one after another: the seconds since 1970 at which each begins and, at last, at which the last ends."""

    edges: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.edges) - 1

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """The first second of each window, and the one behind its last."""
        return pairwise(self.edges)

    @property
    def since(self) -> int:
        return self.edges[0]

    @property
    def until(self) -> int:
        return self.edges[-1]

    @property
    def are_of_quarter_hours(self) -> bool:
        return all(edge % QUARTER_HOUR == 0 for edge in self.edges)


def windows(since: datetime, until: datetime, width: Width, zone: ZoneInfo) -> Windows:
    """The whole windows that hold any of [since, until).

    A day or a month begins with the first midnight of its date, or when the clocks skip that, then. Hours and minutes
    are the clock's; where clocks change, a new one begins. Raises `OverflowError` or `ValueError` where calendars end.
    """
    match width:
        case Width.DAY | Width.MONTH:
            return Windows(tuple(_calendar_edges(since, until, width, zone)))
        case Width.HOUR | Width.MINUTE:
            return Windows(tuple(_clock_edges(since, until, _CLOCK_SECONDS[width], zone)))


def midnight(moment: datetime, zone: ZoneInfo) -> int:
    """The second at which the moment's day began in the zone."""
    return _first_second(moment.astimezone(zone).date(), zone)


def _calendar_edges(since: datetime, until: datetime, width: Width, zone: ZoneInfo) -> Iterator[int]:
    day = since.astimezone(zone).date()
    if width is Width.MONTH:
        day = day.replace(day=1)
    edge, last = _first_second(day, zone), until.timestamp()
    yield edge
    while edge < last:
        day = day + timedelta(days=1) if width is Width.DAY else _next_month(day)
        following = _first_second(day, zone)
        if following > edge:  # a day that a zone skipped whole, on its way across the date line, is none
            edge = following
            yield edge


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


@lru_cache(maxsize=16_384)  # forty years of one zone: who looks at a chart looks at the same days again
def _first_second(day: date, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time(), zone).timestamp())


def _clock_edges(since: datetime, until: datetime, width: int, zone: ZoneInfo) -> Iterator[int]:
    first, last = int(since.timestamp()), until.timestamp()
    changes = [*_changes(first - _HALF_DAY, int(last) + _HALF_DAY, zone)]
    edge = _clock_floor(first, width, changes, zone)
    yield edge
    while edge < last:
        following = edge + width - (edge + _offset(edge, zone)) % width
        change = bisect_right(changes, edge)
        edge = min(following, changes[change]) if change < len(changes) else following
        yield edge


def _clock_floor(second: int, width: int, changes: list[int], zone: ZoneInfo) -> int:
    floor = second - (second + _offset(second, zone)) % width
    before = bisect_right(changes, second)
    return max(floor, changes[before - 1]) if before else floor


def _changes(first: int, last: int, zone: ZoneInfo) -> Iterator[int]:
    """The seconds at which the zone's clocks change; no zone changes them twice in half a day."""
    for start in range(first, last, _HALF_DAY):
        low, high = start, min(start + _HALF_DAY, last)
        if (before := _offset(low, zone)) == _offset(high, zone):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _offset(middle, zone) == before else (low, middle)
        yield high


def _offset(second: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(second, UTC).astimezone(zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())
