"""The audit trail: every decision that was made, newest first, of one instance or of the whole organization."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import Depends, Path, Request, Response

from api.audit_event import AuditEventView, named, shown
from api.audit_filter import Cursor, Filter, Filtered
from api.auth import CatalogState
from api.freshness import Reader, fresh_router
from api.json import ExactJson
from api.openapi import LOOKUP
from api.paths import InstanceSlug
from api.shapes import PageView
from metering.problems import ResourceNotFound
from sql.clickhouse import ClickHouse

DecisionId = Annotated[str, Path(alias="decisionId", description="As a report's answer gave it.")]

_DECISION_ID: Final = re.compile(r"(?P<partition>\d{1,4})-(?P<offset>\d{1,19})-(?P<position>\d{1,9})", re.ASCII)

router = fresh_router("Audit trail")


def _clickhouse_of(request: Request) -> ClickHouse:
    clickhouse: ClickHouse = request.app.state.clickhouse
    return clickhouse


Trail = Annotated[ClickHouse, Depends(_clickhouse_of)]


@router.get(
    "/instances/{instanceSlug}/audit-trails",
    response_model=PageView[AuditEventView],
    operation_id="ListInstanceAuditTrails",
    responses=LOOKUP,
)
async def list_instance_audit_trails(
    slug: InstanceSlug, caller: Reader, catalog: CatalogState, trail: Trail, wanted: Filtered
) -> Response:
    """An instance's audit events, newest first."""
    instance = await catalog.resolver.instance_id(caller.organization_id, slug)
    names = {"organization": caller.organization_id, "instance": instance}
    return _page(await trail.query("instance_trail", **names, **wanted.parameters), wanted)


@router.get(
    "/instances/{instanceSlug}/audit-trails/{decisionId}",
    response_model=AuditEventView,
    operation_id="GetInstanceAuditTrail",
    responses=LOOKUP,
)
async def get_instance_audit_trail(
    slug: InstanceSlug, decision_id: DecisionId, caller: Reader, catalog: CatalogState, trail: Trail
) -> Response:
    """One audit event by its decision's id: where a queued report's decision is looked up. 404 until it is made."""
    instance = await catalog.resolver.instance_id(caller.organization_id, slug)
    names = {"organization": caller.organization_id, "instance": instance}
    found = await trail.query("instance_decision", **names, **_place(decision_id))
    if not found:
        raise ResourceNotFound("Decision", decision_id, location="path.decisionId")
    return ExactJson(shown(named(found[0])))


@router.get("/audit-trails", response_model=PageView[AuditEventView], operation_id="ListAuditTrails", responses=LOOKUP)
async def list_audit_trails(caller: Reader, trail: Trail, wanted: Filtered) -> Response:
    """The whole organization's audit events, newest first."""
    names = {"organization": caller.organization_id}
    return _page(await trail.query("organization_trail", **names, **wanted.parameters), wanted)


def _place(decision_id: str) -> dict[str, int]:
    """Where the decision's command stands; raises `ResourceNotFound` for what can't be an id."""
    if not (found := _DECISION_ID.fullmatch(decision_id)):
        raise ResourceNotFound("Decision", decision_id, location="path.decisionId")
    return {name: int(number) for name, number in found.groupdict().items()}


def _page(found: Sequence[Sequence[Any]], wanted: Filter) -> Response:
    rows = [named(row) for row in found[: wanted.limit]]
    has_more = len(found) > wanted.limit
    return ExactJson(
        {
            "items": [shown(row) for row in rows],
            "hasMore": has_more,
            "nextCursor": str(Cursor.behind(rows[-1])) if has_more else None,
        }
    )
