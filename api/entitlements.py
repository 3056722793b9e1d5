"""Entitlements."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from api.auth import CatalogState, requires
from api.fields import Flag, Label, Position, Quantity, Text
from api.json import ExactJson, ExactRoute
from api.openapi import EDIT, LOOKUP
from api.pages import Windowed, paged
from api.paths import EntitlementSlug
from api.shapes import NamedBody, PageView, StampedView
from catalog.entitlements import Entitlement, Entitlements, EntitlementType, ResetAnchor
from catalog.links import licenses_granting
from catalog.principal import Principal
from catalog.work import Work
from metering.meter import Aggregation, MeterType
from metering.period import ResetPeriod
from metering.problems import Fault, Invalid

Reader = Annotated[Principal, Depends(requires("read:entitlements"))]
Writer = Annotated[Principal, Depends(requires("write:entitlements"))]

#: What says how reports are counted: left out of a replacement it stays, and it can't change under a license.
_METERING: Final = ("meter_type", "aggregation_method", "reset_anchor")

router = APIRouter(prefix="/entitlements", tags=["Entitlements"], route_class=ExactRoute)


class EntitlementBody(NamedBody):
    type: EntitlementType
    description: Text | None = None
    meter_type: MeterType = MeterType.RAW_EVENT
    aggregation_method: Aggregation = Aggregation.SUM
    reset_period: ResetPeriod | None = Field(default=None, description="null: a lifetime counter. Immutable.")
    reset_anchor: ResetAnchor = ResetAnchor.CALENDAR
    warning_threshold_percent: Annotated[Quantity, Field(ge=0, le=100)] | None = None
    unit_singular: Label | None = None
    unit_plural: Label | None = None
    user_facing: Flag = False
    display_order: Position = 0


class EntitlementView(StampedView):
    name: str
    slug: str
    description: str | None
    type: EntitlementType
    meter_type: MeterType
    aggregation_method: Aggregation
    reset_period: ResetPeriod | None
    reset_anchor: ResetAnchor
    warning_threshold_percent: Decimal | None
    unit_singular: str | None
    unit_plural: str | None
    user_facing: bool
    display_order: int


@router.get("", response_model=PageView[EntitlementView], operation_id="ListEntitlements", responses=LOOKUP)
async def list_entitlements(caller: Reader, catalog: CatalogState, window: Windowed) -> Response:
    async with catalog.read(caller) as work:
        return paged(await Entitlements(work).page(window.limit, window.after), EntitlementView)


@router.post("", status_code=201, response_model=EntitlementView, operation_id="CreateEntitlement", responses=EDIT)
async def create_entitlement(body: EntitlementBody, caller: Writer, catalog: CatalogState) -> Response:
    async with catalog.edit(caller) as work:
        entitlement = await Entitlements(work).create(Entitlement(**body.to_create()))
    return ExactJson(EntitlementView.model_validate(entitlement), 201)


@router.get("/{entitlementSlug}", response_model=EntitlementView, operation_id="GetEntitlement", responses=LOOKUP)
async def get_entitlement(slug: EntitlementSlug, caller: Reader, catalog: CatalogState) -> Response:
    async with catalog.read(caller) as work:
        return ExactJson(EntitlementView.model_validate(await Entitlements(work).get(slug)))


@router.put("/{entitlementSlug}", status_code=204, operation_id="UpdateEntitlement", responses=EDIT)
async def update_entitlement(
    slug: EntitlementSlug, body: EntitlementBody, caller: Writer, catalog: CatalogState
) -> None:
    values = body.to_replace(keeping=("reset_period", *_METERING))
    async with catalog.edit(caller) as work:
        entitlements = Entitlements(work)
        entitlement = await entitlements.get(slug)
        await _ensure_countable_as_before(work, entitlement, values)
        await entitlements.update(entitlement, values)


@router.delete("/{entitlementSlug}", status_code=204, operation_id="DeleteEntitlement", responses=EDIT)
async def delete_entitlement(slug: EntitlementSlug, caller: Writer, catalog: CatalogState) -> None:
    async with catalog.edit(caller) as work:
        entitlements = Entitlements(work)
        entitlement = await entitlements.get(slug)
        await entitlements.delete(entitlement, await licenses_granting(work, entitlement))


async def _ensure_countable_as_before(work: Work, entitlement: Entitlement, values: dict[str, Any]) -> None:
    if "reset_period" in values and values["reset_period"] != entitlement.reset_period:
        fault = Fault("body.resetPeriod", "cannot be changed", values["reset_period"])
        raise Invalid("The reset period of an entitlement cannot be changed.", faults=[fault])
    differs = any(values.get(key, old) != old for key in ("type", *_METERING) if (old := getattr(entitlement, key)))
    if differs and (licenses := await licenses_granting(work, entitlement)):
        raise licenses.of(entitlement)
