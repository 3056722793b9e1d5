"""The audit trail: every decision that was made, newest first, of one instance or of the whole organization."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import Path, Query, Response

from api.audit_event import AuditEventView, named, shown
from api.audit_filter import Filter, Filtered
from api.audit_page import TOP, AuditPageView, PageWanted, Wanted
from api.auth import CatalogState
from api.freshness import Newest, Reader, fresh_router
from api.json import ExactJson
from api.openapi import LOOKUP
from api.paths import InstanceSlug
from api.trail import OwnTrail, Trail
from api.windows import QUARTER
from metering.problems import ResourceNotFound
from stream.records import place_of

DecisionId = Annotated[str, Path(alias="decisionId", description="As a report's answer gave it.")]

_QUARTER: Final = QUARTER * 1_000_000
#: Microseconds next to a page's place that are looked at first: few parts, of the year's that all time is.
_NEAR: Final = 7 * 86_400_000_000
#: So many rows of that time say how far a whole page reaches.
_ENOUGH_TO_TELL: Final = 5

router = fresh_router("Audit trail")


@router.get(
    "/instances/{instanceSlug}/audit-trails",
    response_model=AuditPageView,
    operation_id="ListInstanceAuditTrails",
    responses=LOOKUP,
)
async def list_instance_audit_trails(
    slug: InstanceSlug,
    caller: Reader,
    catalog: CatalogState,
    trail: OwnTrail,
    only: Filtered,
    wanted: PageWanted,
    newest: Newest,
) -> Response:
    """An instance's audit events, newest first. `nextCursor` leads to older ones, `previousCursor` to newer."""
    instance = await catalog.resolver.instance_id(caller.organization_id, slug)
    return ExactJson(wanted.page(await _page(trail, "instance_trail", only, wanted, newest, instance=instance)))


@router.get(
    "/instances/{instanceSlug}/audit-trails/{decisionId}",
    response_model=AuditEventView,
    operation_id="GetInstanceAuditTrail",
    responses=LOOKUP,
)
async def get_instance_audit_trail(
    slug: InstanceSlug, decision_id: DecisionId, caller: Reader, catalog: CatalogState, trail: OwnTrail
) -> Response:
    """One audit event by its decision's id: where a queued report's decision is looked up. 404 until it is made."""
    instance = await catalog.resolver.instance_id(caller.organization_id, slug)
    found = await trail.query("instance_decision", instance=instance, **_place(decision_id))
    if not found:
        raise ResourceNotFound("Decision", decision_id, location="path.decisionId")
    return ExactJson(shown(named(found[0])))


@router.get("/audit-trails", response_model=AuditPageView, operation_id="ListAuditTrails", responses=LOOKUP)
async def list_audit_trails(
    trail: OwnTrail,
    only: Filtered,
    wanted: PageWanted,
    newest: Newest,
    instance: Annotated[str, Query(max_length=100, description="An instance's slug; one that is deleted, too.")] = "",
) -> Response:
    """The whole organization's audit events, newest first, those of deleted instances among them."""
    if only.takes_all and not instance:
        reach = await _as_far_as_needed(trail, only, wanted, newest)
        return ExactJson(wanted.page(await _within(trail, "organization_trail", reach, wanted)))
    scope = {"slug": instance} if instance else {}
    return ExactJson(wanted.page(await _page(trail, "organization_trail", only, wanted, newest, **scope)))


async def _page(
    trail: Trail, name: str, only: Filter, wanted: Wanted, newest: int, **scope: object
) -> list[tuple[Any, ...]]:
    """The page's rows: from the time next to its place, where most are whole; from as much of it as they are rare; or
    from all time.
    """
    time = _near(only, wanted, newest)
    found = await _within(trail, name, time, wanted, **scope)
    if time != only and _ENOUGH_TO_TELL <= len(found) <= wanted.limit and not wanted.skip:
        time = _near(only, wanted, newest, _NEAR * 3 * wanted.rows // (2 * len(found)))
        found = await _within(trail, name, time, wanted, **scope)
    if len(found) > wanted.limit or time == only:
        return found
    return await _within(trail, name, only, wanted, **scope)


async def _within(trail: Trail, name: str, time: Filter, wanted: Wanted, **scope: object) -> list[tuple[Any, ...]]:
    return await trail.query(f"{name}{wanted.suffix}", **scope, **time.parameters, **wanted.parameters)


def _near(only: Filter, wanted: Wanted, newest: int, reach: int = _NEAR) -> Filter:
    """The filter with no time further than so many microseconds from where the page begins."""
    if wanted.is_newer:
        return replace(only, until=min(only.until, max(only.since, wanted.cursor.time) + reach))
    begins = min(only.until, wanted.cursor.time, newest)
    return replace(only, since=max(only.since, begins - reach))


async def _as_far_as_needed(trail: Trail, only: Filter, wanted: Wanted, newest: int) -> Filter:
    """The filter with no more time than the page takes: the rows are sorted by instance first, so all of it is read."""
    reach, found = await _reach(trail, only, wanted, _near(only, wanted, newest))
    if found < wanted.rows:
        reach, _ = await _reach(trail, only, wanted, only)
    return reach


async def _reach(trail: Trail, only: Filter, wanted: Wanted, time: Filter) -> tuple[Filter, int]:
    """As much of the filter's time as the page takes, and how many events there are, of this time.

    The quarter of an hour that the page begins in is cut by its place, so its events are taken as none.
    """
    if wanted.is_newer:
        begins = max(only.since, wanted.cursor.time) // _QUARTER
        asked = {"quarter": begins, "rows": wanted.rows, "until": time.until}
        ((last, found),) = await trail.query("organization_ceiling", **asked)
        return replace(only, until=min(only.until, (max(last, begins) + 1) * _QUARTER)), found
    begins = min(only.until, wanted.cursor.time) // _QUARTER
    ((first, found),) = await trail.query("organization_floor", quarter=begins, rows=wanted.rows, since=time.since)
    return replace(only, since=max(only.since, first * _QUARTER)), found


def _place(decision_id: str) -> dict[str, int]:
    """Where the decision's command stands; raises `ResourceNotFound` for what can't be an id."""
    unknown = ResourceNotFound("Decision", decision_id, location="path.decisionId")
    try:
        partition, place = place_of(decision_id)
    except ValueError:
        raise unknown from None
    if partition > TOP.partition:
        raise unknown
    return {"partition": partition, "offset": place.offset, "position": place.position}
