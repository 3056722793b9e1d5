"""The top of an organization: what is used most, what is refused most, and which meters are nearest to their limit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Context, Decimal
from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import Query, Response
from pydantic import Field

from api.auth import CatalogState
from api.fields import Number
from api.freshness import Reader, fresh_router
from api.json import ExactJson
from api.openapi import LOOKUP
from api.shapes import View
from api.trail import OwnTrail
from metering.quantity import plain
from sql.instants import micros, moment_at

router = fresh_router("Audit trail")

_PAGE: Final = 200
_HUNDREDTH: Final = Decimal("0.01")
_ROUNDING: Final = Context(prec=96)

Most = Annotated[int, Query(alias="limit", ge=1, le=100)]


class Order(StrEnum):
    """What the most of comes first."""

    TOTAL = "total"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    READ = "read"


By = Annotated[Order, Query(description="Which events are counted for the order.")]


class CountedView(View):
    total: int
    accepted: int
    rejected: int
    read: int
    last_at: datetime = Field(description="When the newest of its events was received.")


class TopInstanceView(CountedView):
    instance_id: str
    instance_slug: str = Field(description="As the newest of its events says; a deleted instance keeps it.")


class TopEntitlementView(CountedView):
    entitlement_id: str
    entitlement_slug: str


class TopInstancesView(View):
    items: list[TopInstanceView]


class TopEntitlementsView(View):
    items: list[TopEntitlementView]


class NearLimitView(View):
    instance_id: str
    instance_slug: str
    entitlement_id: str
    entitlement_slug: str
    value: Number = Field(description="What is used in the period that runs.")
    limit: Number
    used_percent: Number = Field(description="Of the limit, to hundredths; over 100 where an overage is granted.")
    current_period_end: datetime | None = Field(description="Null on a meter that never resets.")


class NearLimitsView(View):
    items: list[NearLimitView]


@router.get(
    "/audit-trails/top/instances",
    response_model=TopInstancesView,
    operation_id="ListTopInstances",
    responses=LOOKUP,
)
async def list_top_instances(trail: OwnTrail, order: By = Order.TOTAL, most: Most = 10) -> Response:
    """The instances with the most events; `order=rejected` gives those that are refused most."""
    rows = await trail.query("top_instances", order=order.value, limit=most)
    return ExactJson({"items": [_counted("instance", row) for row in rows]})


@router.get(
    "/audit-trails/top/entitlements",
    response_model=TopEntitlementsView,
    operation_id="ListTopEntitlements",
    responses=LOOKUP,
)
async def list_top_entitlements(trail: OwnTrail, order: By = Order.TOTAL, most: Most = 10) -> Response:
    """The entitlements with the most events over all instances; `order=rejected` gives those that are refused most."""
    rows = await trail.query("top_entitlements", order=order.value, limit=most)
    return ExactJson({"items": [_counted("entitlement", row) for row in rows]})


@router.get(
    "/audit-trails/top/nearest-limits",
    response_model=NearLimitsView,
    operation_id="ListNearestLimits",
    responses=LOOKUP,
)
async def list_nearest_limits(caller: Reader, catalog: CatalogState, trail: OwnTrail, most: Most = 10) -> Response:
    """The meters that have used most of their limit, as their newest decisions say; deleted instances are left out.

    A meter whose period is over has used nothing since, and one without a limit (or with none above 0) has none to
    be near to: neither is in the list.
    """
    now, found, skip = micros(datetime.now(UTC)), list[Sequence[Any]](), 0
    while len(found) < most:
        rows = await trail.query("nearest_limits", now=now, limit=_PAGE, skip=skip)
        existing = await catalog.resolver.existing_instances(caller.organization_id, {row[0] for row in rows})
        found += [row for row in rows if row[0] in existing]
        skip += _PAGE
        if len(rows) < _PAGE:
            break
    return ExactJson({"items": [_near(*row) for row in found[:most]]})


def _counted(noun: str, row: Sequence[Any]) -> dict[str, Any]:
    identity, slug, total, accepted, rejected, last_at = row
    counts = {"total": total, "accepted": accepted, "rejected": rejected, "read": total - accepted - rejected}
    return {f"{noun}Id": identity, f"{noun}Slug": slug, **counts, "lastAt": last_at}


def _near(*row: Any) -> dict[str, Any]:
    names = ("instanceId", "instanceSlug", "entitlementId", "entitlementSlug")
    value, limit, ends = row[len(names) :]
    return {
        **dict(zip(names, row, strict=False)),
        "value": plain(value),
        "limit": plain(limit),
        "usedPercent": plain(_ROUNDING.quantize(_ROUNDING.divide(_ROUNDING.multiply(value, 100), limit), _HUNDREDTH)),
        "currentPeriodEnd": None if ends is None else moment_at(ends),
    }
