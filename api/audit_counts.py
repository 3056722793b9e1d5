"""The audit trail counted: how many decisions of each kind there are, in all and over time."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import Query, Response
from pydantic import Field

from api.auth import CatalogState
from api.freshness import Reader, fresh_router
from api.hours import by_hours, quarters_of
from api.json import ExactJson
from api.openapi import LOOKUP
from api.paths import InstanceSlug
from api.shapes import View
from api.span import Spanned, Zone
from api.trail import OwnTrail, Trail
from api.windows import Width, Windows, midnight
from sql.instants import moment_at

router = fresh_router("Audit trail")

Entitlement = Annotated[str, Query(max_length=100, description="Count this entitlement alone, by its slug.")]


class StatsView(View):
    total: int
    accepted: int
    rejected: int
    read: int
    today: int = Field(description="How many of the total since midnight in the time zone.")
    since: datetime | None = Field(description="Retention took what was received before; null: nothing was taken.")


class BarView(View):
    """One window of a timeline; it ends where the next begins."""

    start: datetime
    read: int
    accepted: int
    rejected: int


class TimelineView(View):
    items: list[BarView]


class Interval(StrEnum):
    HOUR = "hour"
    DAY = "day"


_WIDTHS: Final = {Interval.HOUR: Width.HOUR, Interval.DAY: Width.DAY}

Every = Annotated[Interval, Query(description="How long a bar is, by the clocks and the calendar of the time zone.")]


@router.get(
    "/instances/{instanceSlug}/audit-trails/stats",
    response_model=StatsView,
    operation_id="GetInstanceAuditTrailStats",
    responses=LOOKUP,
)
async def get_instance_stats(
    slug: InstanceSlug, caller: Reader, catalog: CatalogState, trail: OwnTrail, zone: Zone
) -> Response:
    """How many events an instance has of each kind: total = read + accepted + rejected."""
    instance = await catalog.resolver.instance_id(caller.organization_id, slug)
    today = midnight(datetime.now(UTC), zone)
    return await _stats(trail, "instance_stats", instance=instance, today=today)


@router.get("/audit-trails/stats", response_model=StatsView, operation_id="GetAuditTrailStats", responses=LOOKUP)
async def get_stats(trail: OwnTrail, zone: Zone) -> Response:
    """How many events the whole organization has of each kind."""
    return await _stats(trail, "organization_stats", today=midnight(datetime.now(UTC), zone))


@router.get(
    "/instances/{instanceSlug}/audit-trails/timeline",
    response_model=TimelineView,
    operation_id="GetInstanceAuditTrailTimeline",
    responses=LOOKUP,
)
async def get_instance_timeline(
    slug: InstanceSlug,
    caller: Reader,
    catalog: CatalogState,
    trail: OwnTrail,
    span: Spanned,
    interval: Every = Interval.DAY,
    entitlement: Entitlement = "",
) -> Response:
    """How many events of each kind an instance had in each hour or day; those without any are there, too."""
    bars = span.cut(_WIDTHS[interval])
    instance = await catalog.resolver.instance_id(caller.organization_id, slug)
    if entitlement:
        meter = {"instance": instance, "entitlement": entitlement}
        first, last = quarters_of(bars)
        rows = await by_hours(trail.query, "meter_timeline", bars, meter, first_quarter=first, last_quarter=last)
        return _timeline(bars, rows)
    return _timeline(bars, await trail.query("instance_timeline", instance=instance, **_bounds(bars)))


@router.get(
    "/audit-trails/timeline", response_model=TimelineView, operation_id="GetAuditTrailTimeline", responses=LOOKUP
)
async def get_timeline(
    trail: OwnTrail,
    span: Spanned,
    interval: Every = Interval.DAY,
    entitlement: Entitlement = "",
) -> Response:
    """How many events of each kind the whole organization had in each hour or day."""
    bars = span.cut(_WIDTHS[interval])
    if entitlement:
        return _timeline(bars, await trail.query("entitlement_timeline", entitlement=entitlement, **_bounds(bars)))
    return _timeline(bars, await trail.query("organization_timeline", **_bounds(bars)))


def _bounds(windows: Windows) -> dict[str, Any]:
    """The parameters by which a question knows the windows."""
    return {"since": windows.since, "until": windows.until, "edges": [*windows.edges]}


async def _stats(trail: Trail, name: str, **parameters: object) -> Response:
    found, expired = await asyncio.gather(trail.query(name, **parameters), trail.query("kept_since"))
    total, accepted, rejected, today = found[0]
    counts = {"total": total, "accepted": accepted, "rejected": rejected, "read": total - accepted - rejected}
    return ExactJson({**counts, "today": today, "since": moment_at(expired[0][0]) if expired else None})


def _timeline(bars: Windows, found: Iterable[Sequence[int]]) -> Response:
    """The bars, each of all rows that tell of it."""
    counted: defaultdict[int, tuple[int, int, int]] = defaultdict(lambda: (0, 0, 0))
    for start, events, accepted, rejected in found:
        had = counted[start]
        counted[start] = (had[0] + events, had[1] + accepted, had[2] + rejected)
    return ExactJson({"items": [_bar(start, *counted[start]) for start, _ in bars]})


def _bar(start: int, events: int, accepted: int, rejected: int) -> dict[str, Any]:
    counts = {"read": events - accepted - rejected, "accepted": accepted, "rejected": rejected}
    return {"start": moment_at(start * 1_000_000), **counts}
