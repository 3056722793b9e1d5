"""What an instance has used of a group's entitlements, each next to what its license grants."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from api.auth import CatalogState, requires
from api.json import ExactJson
from api.log import Log, standing_of
from api.openapi import DECIDED_LOOKUP
from api.paths import GroupSlug
from api.shapes import View
from api.usage import ValueView
from catalog.entitlements import Entitlement, EntitlementType
from catalog.grants import Entitled
from catalog.principal import Principal
from metering.quantity import plain
from stream.gateway import Gateway

Reader = Annotated[Principal, Depends(requires("read:instances"))]
Instance = Annotated[str, Query(description="Instance slug")]

router = APIRouter(prefix="/entitlement-groups", tags=["Entitlement groups"])


class GroupUsageView(View):
    entitlement_id: str
    entitlement_name: str
    entitlement_slug: str
    entitlement_type: EntitlementType
    license_value: ValueView | None
    usage_value: ValueView | None
    current_period_start: datetime | None
    current_period_end: datetime | None


@router.get(
    "/{entitlementGroupSlug}/usage",
    response_model=list[GroupUsageView],
    operation_id="ListEntitlementGroupUsage",
    responses=DECIDED_LOOKUP,
)
async def list_group_usage(
    slug: GroupSlug, instance: Instance, caller: Reader, catalog: CatalogState, log: Log
) -> Response:
    """`licenseValue` is null where the license grants nothing, `usageValue` where nothing was counted. Not audited."""
    now = datetime.now(UTC)
    members = await catalog.resolver.resolve_group(caller.organization_id, instance, slug)
    return ExactJson(await asyncio.gather(*(_usage(log, entitlement, held, now) for entitlement, held in members)))


async def _usage(log: Gateway, entitlement: Entitlement, entitled: Entitled | None, now: datetime) -> dict[str, Any]:
    standing = await standing_of(entitled.grant, log, now) if entitled and entitled.grant else None
    counted = standing if standing and standing.events else None
    return {
        "entitlementId": entitlement.id,
        "entitlementName": entitlement.name,
        "entitlementSlug": entitlement.slug,
        "entitlementType": entitlement.type,
        "licenseValue": entitled.value if entitled else None,
        "usageValue": {"type": "number", "value": plain(counted.value)} if counted else None,
        "currentPeriodStart": standing.period.start if standing else None,
        "currentPeriodEnd": standing.period.end if standing else None,
    }
