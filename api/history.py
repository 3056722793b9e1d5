"""Usage history: the value of a meter at the end of each window of time, and what was reported in it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, NamedTuple, TypeAlias

from fastapi import Query, Response
from pydantic import Field

from api.audit_counts import bounds
from api.auth import CatalogState
from api.fields import Number
from api.freshness import Reader, fresh_router
from api.json import ExactJson
from api.openapi import LOOKUP
from api.paths import EntitlementSlug, InstanceSlug
from api.shapes import View
from api.span import Spanned
from api.trail import OwnTrail, Trail
from api.windows import QUARTER, Width, Windows
from metering.quantity import plain
from sql.instants import moment_at

router = fresh_router("usage")

_MICROS: Final = 1_000_000
_NOTHING: Final = (0, 0, 0, Decimal(0), None, None, ())

Row: TypeAlias = Sequence[Any]


class PointView(View):
    """One window of a meter's history."""

    start: datetime
    end: datetime
    value: Number = Field(description="As a lookup at the end of the window would have shown it.")
    min: Number = Field(description="The lowest value after any of the window's decisions; `value` without one.")
    max: Number = Field(description="The highest value after any of the window's decisions; `value` without one.")
    reported: Number = Field(description="The sum of the numbers that were reported and accepted.")
    events: int = Field(description="Decisions of every kind: accepted, rejected, and lookups.")
    accepted: int
    rejected: int


class HistoryView(View):
    items: list[PointView]


@router.get(
    "/instances/{instanceSlug}/entitlements/{entitlementSlug}/usage/history",
    response_model=HistoryView,
    operation_id="GetEntitlementUsageHistory",
    responses=LOOKUP,
)
async def get_usage_history(
    slug: InstanceSlug,
    entitlement_slug: EntitlementSlug,
    caller: Reader,
    catalog: CatalogState,
    trail: OwnTrail,
    span: Spanned,
    window: Annotated[Width, Query(description="How long a window is, by the time zone's clocks.")] = Width.DAY,
) -> Response:
    """A NUMBER entitlement's value over time, window by window, each value exact at the window's end.

    Decisions count when they were received. A counter that starts anew counts from 0; a late report that counted in a
    closed period is in `reported` and `accepted`, but moves no `value`.
    """
    points = span.cut(window)
    instance, entitlement = await catalog.resolver.meter_ids(caller.organization_id, slug, entitlement_slug)
    before, rows = await _asked(trail, points, window, instance=instance, entitlement=entitlement)
    return ExactJson({"items": [*_points(points, before, rows)]})


async def _asked(trail: Trail, points: Windows, width: Width, **meter: str) -> tuple[list[Row], list[Row]]:
    """How the meter stood at a quarter of an hour, and what happened from there on."""
    since = points.since - points.since % QUARTER
    before = trail.query("usage_before", since=since, **meter)
    if width is Width.MINUTE:
        happened = trail.query("usage_history_minutes", since=since, until=points.until, **meter)
    else:
        happened = trail.query("usage_history", **bounds(points), **meter)
    return tuple(await asyncio.gather(before, happened))  # type: ignore[return-value]


class LastValue(NamedTuple):
    """The last value of a period [begins, ends) in microseconds, and the sequence of the decision that left it."""

    begins: int | None
    ends: int | None
    sequence: int
    value: Decimal


@dataclass
class _Meter:
    """The periods of a meter that are not over, and the last value of each."""

    last_values: dict[tuple[int | None, int | None], LastValue] = field(default_factory=dict)

    def take(self, rows: Iterable[Row]) -> None:
        for last in (LastValue(*row) for row in rows):
            self.last_values[last.begins, last.ends] = last

    def value_before(self, micros: int) -> Decimal:
        """What a lookup would have shown just before that microsecond; 0 in a period without a decision."""
        kept = [one for one in self.last_values.values() if one.ends is None or one.ends >= micros]
        self.last_values = {(one.begins, one.ends): one for one in kept}
        running = [one for one in kept if one.begins is None or one.begins < micros]
        return max(running, key=lambda one: one.sequence).value if running else Decimal(0)


def _points(windows: Windows, before: Iterable[Row], rows: Iterable[Row]) -> Iterator[Mapping[str, Any]]:
    meter = _Meter()
    meter.take(before)
    happened = {start: rest for start, *rest in rows}
    for start in sorted(start for start in happened if start < windows.since):
        meter.take(happened[start][-1])
    for start, end in windows:
        *counts, lowest, highest, last_values = happened.get(start, _NOTHING)
        meter.take(last_values)
        yield _point(start, end, meter.value_before(end * _MICROS), counts, lowest, highest)


def _point(
    start: int, end: int, value: Decimal, counts: Sequence[Any], lowest: Decimal | None, highest: Decimal | None
) -> Mapping[str, Any]:
    events, accepted, rejected, reported = counts
    return {
        "start": moment_at(start * _MICROS),
        "end": moment_at(end * _MICROS),
        "value": plain(value),
        "min": plain(value if lowest is None else lowest),
        "max": plain(value if highest is None else highest),
        "reported": plain(reported),
        "events": events,
        "accepted": accepted,
        "rejected": rejected,
    }
