"""The audit trail: every decision that was made, newest first, of one instance or of the whole organization."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Response

from api.audit_event import AuditEventView, named, shown
from api.audit_filter import Filtered
from api.audit_page import TOP, AuditPageView, PageWanted
from api.audit_pages import of_instance, of_organization
from api.auth import CatalogState
from api.freshness import Newest, Reader, fresh_router
from api.json import ExactJson
from api.openapi import LOOKUP
from api.paths import InstanceSlug
from api.trail import OwnTrail
from metering.problems import ResourceNotFound
from stream.records import place_of

DecisionId = Annotated[str, Path(alias="decisionId", description="As a report's answer gave it.")]

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
    return ExactJson(wanted.page(await of_instance(trail, only, wanted, newest, instance)))


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
    return ExactJson(wanted.page(await of_organization(trail, only, wanted, newest, instance)))


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
