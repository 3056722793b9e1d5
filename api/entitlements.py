"""Entitlements."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from api.auth import CatalogState, requires
from api.fields import Flag, Label, Number, Position, Quantity, Slug, Text
from api.json import ExactJson, ExactRoute
from api.log import Log, standing_of
from api.openapi import EDIT, LOOKUP
from api.pages import Windowed, paged
from api.paths import EntitlementSlug
from api.shapes import NamedBody, PageView, StampedView, View
from api.trail import ClickHouseState
from catalog.blockers import in_use
from catalog.catalog import Catalog
from catalog.entitlements import Entitlement, Entitlements, EntitlementType, ResetAnchor
from catalog.groups import Groups
from catalog.instances import Instances
from catalog.links import licenses_granting
from catalog.principal import Principal
from catalog.work import Work
from metering.meter import Aggregation, MeterType
from metering.period import ResetPeriod
from metering.problems import Fault, Invalid
from sql.clickhouse import ClickHouse
from stream.gateway import Gateway

Reader = Annotated[Principal, Depends(requires("read:entitlements"))]
Writer = Annotated[Principal, Depends(requires("write:entitlements"))]

#: What says how reports are counted: left out of a replacement it stays, and it can't change once something counts.
_METERING: Final = ("meter_type", "aggregation_method", "reset_period", "reset_anchor")
_MOST_REPORTERS: Final = 10_000

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
    group_slugs: Annotated[list[Slug], Field(max_length=100)] = Field(
        default_factory=list, description="The groups that it is in; left out of a replacement, they stay."
    )


class GroupReference(View):
    id: str
    name: str
    slug: str


class EntitlementView(StampedView):
    name: str
    slug: str
    description: str | None
    type: EntitlementType
    meter_type: MeterType
    aggregation_method: Aggregation
    reset_period: ResetPeriod | None
    reset_anchor: ResetAnchor
    warning_threshold_percent: Number | None
    unit_singular: str | None
    unit_plural: str | None
    user_facing: bool
    display_order: int
    group_slugs: list[str]
    groups: list[GroupReference] = Field(validation_alias="groups", serialization_alias="entitlementGroups")


@router.get("", response_model=PageView[EntitlementView], operation_id="ListEntitlements", responses=LOOKUP)
async def list_entitlements(caller: Reader, catalog: CatalogState, window: Windowed) -> Response:
    async with catalog.read(caller) as work:
        return paged(await Entitlements(work).page(window.limit, window.after), EntitlementView)


@router.post("", status_code=201, response_model=EntitlementView, operation_id="CreateEntitlement", responses=EDIT)
async def create_entitlement(body: EntitlementBody, caller: Writer, catalog: CatalogState) -> Response:
    async with catalog.edit(caller) as work:
        values = await _with_groups(work, body.to_create())
        entitlement = await Entitlements(work).create(Entitlement(**values))
    return ExactJson(EntitlementView.model_validate(entitlement), 201)


@router.get("/{entitlementSlug}", response_model=EntitlementView, operation_id="GetEntitlement", responses=LOOKUP)
async def get_entitlement(slug: EntitlementSlug, caller: Reader, catalog: CatalogState) -> Response:
    async with catalog.read(caller) as work:
        return ExactJson(EntitlementView.model_validate(await Entitlements(work).get(slug)))


@router.put("/{entitlementSlug}", status_code=204, operation_id="UpdateEntitlement", responses=EDIT)
async def update_entitlement(
    slug: EntitlementSlug,
    body: EntitlementBody,
    caller: Writer,
    catalog: CatalogState,
    trail: ClickHouseState,
    log: Log,
) -> None:
    """How it is counted can't change while a license grants it, or once a report on it was accepted."""
    values = body.to_replace(keeping=("group_slugs", *_METERING))
    async with catalog.read(caller) as work:
        before = await Entitlements(work).get(slug)
    reporters: Sequence[str] = ()
    if _recounts(before, values):  # asked before the edit, so that no other waits for the answer
        reporters = [*await _reporters(trail, before), *await _counting(catalog, log, before)]
    async with catalog.edit(caller) as work:
        entitlements = Entitlements(work)
        entitlement = await entitlements.get(slug)
        await _ensure_countable_as_before(work, entitlement, values, reporters)
        await entitlements.update(entitlement, await _with_groups(work, values))


@router.delete("/{entitlementSlug}", status_code=204, operation_id="DeleteEntitlement", responses=EDIT)
async def delete_entitlement(slug: EntitlementSlug, caller: Writer, catalog: CatalogState) -> None:
    async with catalog.edit(caller) as work:
        entitlements = Entitlements(work)
        entitlement = await entitlements.get(slug)
        await entitlements.delete(entitlement, await licenses_granting(work, entitlement))


async def _with_groups(work: Work, values: dict[str, Any]) -> dict[str, Any]:
    """The values with the groups that they name. Raises `ResourceNotFound`."""
    if "group_slugs" not in values:
        return values
    groups = await Groups(work).named(values["group_slugs"], location="body.groupSlugs")
    return {**{key: value for key, value in values.items() if key != "group_slugs"}, "groups": groups}


def _recounts(entitlement: Entitlement, values: Mapping[str, Any]) -> bool:
    """Whether with these values its reports would be counted in another way."""
    return any(key in values and values[key] != getattr(entitlement, key) for key in ("type", *_METERING))


async def _reporters(trail: ClickHouse, entitlement: Entitlement) -> Sequence[str]:
    """The ids of instances whose reports were accepted, deleted ones too."""
    names = {"organization": entitlement.organization_id, "entitlement": entitlement.id}
    return [row[0] for row in await trail.query("entitlement_reporters", **names, limit=_MOST_REPORTERS)]


async def _counting(catalog: Catalog, log: Gateway, entitlement: Entitlement) -> Sequence[str]:
    """The ids of instances whose reports were accepted so lately that the trail may not have them yet."""
    now = datetime.now(UTC)
    grants = await catalog.resolver.lately_licensed(entitlement, now)
    standings = await asyncio.gather(*(standing_of(grant, log, now) for grant in grants))
    return [grant.instance_id for grant, standing in zip(grants, standings, strict=True) if standing.events]


async def _ensure_countable_as_before(
    work: Work, entitlement: Entitlement, values: Mapping[str, Any], reporters: Sequence[str]
) -> None:
    """Raise `InUse` for a change of what is counted already, and `Invalid` for a reset period, which never changes."""
    if not _recounts(entitlement, values):
        return
    users = await licenses_granting(work, entitlement), await Instances(work).among(reporters)
    if any(users):
        raise in_use(entitlement, *users)
    if (period := values.get("reset_period", entitlement.reset_period)) != entitlement.reset_period:
        fault = Fault("body.resetPeriod", "cannot be changed", period)
        raise Invalid("The reset period of an entitlement cannot be changed.", faults=[fault])
