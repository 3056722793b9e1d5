"""Usage lookups: what an instance has used, of what it was granted. Answered from the log, so never behind it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.auth import requires
from api.json import ExactJson
from catalog.grants import Entitled
from catalog.principal import Principal
from metering.command import Peek, Read
from metering.decision import Decision, Standing
from metering.meter import Behavior
from metering.usage import not_licensed, usage
from stream.gateway import Gateway

router = APIRouter(tags=["usage"])

Reader = Annotated[Principal, Depends(requires("read:instances"))]


@router.get("/instances/{instanceSlug}/entitlements/usage", operation_id="ListEntitlementUsageMetrics")
async def list_usage(instanceSlug: str, request: Request, principal: Reader) -> Response:  # noqa: N803  # the contract's name
    """Every NUMBER entitlement's current usage against its limit; writes no audit event."""
    now = datetime.now(UTC)
    entitled = await request.app.state.catalog.resolver.resolve_all(principal.organization_id, instanceSlug)
    peeks = [_peek(request.app.state.gateway, one, now) for one in entitled]
    return ExactJson(await asyncio.gather(*peeks))


@router.get("/instances/{instanceSlug}/entitlements/{entitlementSlug}/usage", operation_id="GetEntitlementUsageMetric")
async def get_usage(
    instanceSlug: str,  # noqa: N803  # the contract's name
    entitlementSlug: str,  # noqa: N803  # the contract's name
    request: Request,
    principal: Reader,
) -> Response:
    """One entitlement's current usage; on a NUMBER this writes an Entitlement Read audit event."""
    now = datetime.now(UTC)
    resolver = request.app.state.catalog.resolver
    names = principal.organization_id, instanceSlug, entitlementSlug
    entitled: Entitled = resolver.cached(*names) or await resolver.resolve(*names)
    if entitled.grant is None:
        return ExactJson(_granted(entitled, now))
    if reason := entitled.grant.refusal_at(now):
        raise not_licensed(reason, entitled.grant)
    answered = await request.app.state.gateway.submit(entitled.grant, Read(now, principal.token_slug))
    decision = answered.answer
    assert isinstance(decision, Decision)
    return ExactJson(usage(entitled.grant, decision.after, decision.events, decision.period, now))


async def _peek(gateway: Gateway, entitled: Entitled, now: datetime) -> dict[str, Any]:
    assert entitled.grant is not None
    standing = (await gateway.submit(entitled.grant, Peek(now))).answer
    assert isinstance(standing, Standing)
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
