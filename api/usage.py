"""Usage lookups: what an instance has used, of what it was granted. Answered from the log, so never behind it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from api.auth import CatalogState, requires
from api.fields import Number
from api.json import ExactJson
from api.log import Log, standing_of
from api.openapi import DECIDED_LOOKUP
from api.paths import EntitlementSlug, InstanceSlug
from api.shapes import View
from catalog.grants import Entitled
from catalog.principal import Principal
from edge.usage import not_licensed, usage
from metering.command import Read
from metering.decision import Decision
from metering.grant import refusal_at
from metering.meter import Behavior
from stream.gateway import Gateway

router = APIRouter(tags=["usage"])

Reader = Annotated[Principal, Depends(requires("read:instances"))]


class ValueView(BaseModel):
    """What was granted, in the shape of the entitlement's type."""

    type: Literal["number", "boolean", "object"]
    value: Number | bool | dict[str, Any]


class UsedView(ValueView):
    event_count: int


class UsageView(View):
    """What an instance has used of an entitlement, of what its license grants."""

    behavior: Behavior
    entitlement_id: str
    entitlement_slug: str
    license_id: str
    license_slug: str
    metadata: dict[str, Any]
    timestamp: datetime = Field(description="The moment that the answer is as of.")
    value: UsedView
    limit: ValueView | None
    remaining: Number | None = Field(description="Null when unlimited, and for what is not counted.")
    current_period_start: datetime | None = Field(description="Null on a meter that never resets.")
    current_period_end: datetime | None = Field(description="Null on a meter that never resets.")


@router.get(
    "/instances/{instanceSlug}/entitlements/usage",
    response_model=list[UsageView],
    operation_id="ListEntitlementUsageMetrics",
    responses=DECIDED_LOOKUP,
)
async def list_usage(slug: InstanceSlug, caller: Reader, catalog: CatalogState, log: Log) -> Response:
    """Every NUMBER entitlement's current usage against its limit; writes no audit event."""
    now = datetime.now(UTC)
    entitled = await catalog.resolver.resolve_all(caller.organization_id, slug)
    return ExactJson(await asyncio.gather(*(_usage(log, one, now) for one in entitled)))


@router.get(
    "/instances/{instanceSlug}/entitlements/{entitlementSlug}/usage",
    response_model=UsageView,
    operation_id="GetEntitlementUsageMetric",
    responses=DECIDED_LOOKUP,
)
async def get_usage(
    slug: InstanceSlug, entitlement_slug: EntitlementSlug, caller: Reader, catalog: CatalogState, log: Log
) -> Response:
    """One entitlement's current usage, or what is granted of one that is not counted; writes an audit event."""
    now = datetime.now(UTC)
    names = caller.organization_id, slug, entitlement_slug
    entitled = catalog.resolver.cached(*names) or await catalog.resolver.resolve(*names)
    if reason := refusal_at(entitled, now):
        raise not_licensed(reason, entitled)
    decision = (await log.submit(entitled.lookup, Read(now, caller.token_slug))).answer
    assert isinstance(decision, Decision)
    if entitled.grant is None:
        return ExactJson(_granted(entitled, now))
    return ExactJson(usage(entitled.grant, decision.after, decision.events, decision.period, now))


async def _usage(log: Gateway, entitled: Entitled, now: datetime) -> dict[str, Any]:
    assert entitled.grant is not None
    standing = await standing_of(entitled.grant, log, now)
    return usage(entitled.grant, standing.value, standing.events, standing.period, now)


def _granted(entitled: Entitled, now: datetime) -> dict[str, Any]:
    return {
        "behavior": Behavior.APPEND,
        "entitlementId": entitled.entitlement_id,
        "entitlementSlug": entitled.entitlement_slug,
        "licenseId": entitled.license_id,
        "licenseSlug": entitled.license_slug,
        "metadata": {},
        "timestamp": now,
        "value": {"event_count": 0, **entitled.value},
        "limit": entitled.value,
        "remaining": None,
        "currentPeriodStart": None,
        "currentPeriodEnd": None,
    }
