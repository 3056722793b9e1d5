"""Deployment zones."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from api.auth import CatalogState, requires
from api.fields import Document, Label, Text
from api.json import ExactJson, ExactRoute
from api.openapi import EDIT, LOOKUP
from api.pages import Windowed, paged
from api.paths import ZoneSlug
from api.shapes import NamedBody, PageView, StampedView
from catalog.instances import Instances
from catalog.principal import Principal
from catalog.zones import Zone, Zones

Reader = Annotated[Principal, Depends(requires("read:deployment_zones"))]
Writer = Annotated[Principal, Depends(requires("write:deployment_zones"))]

router = APIRouter(prefix="/deployment-zones", tags=["Deployment zones"], route_class=ExactRoute)


class ZoneBody(NamedBody):
    type: Annotated[Label, Field(min_length=1)]
    description: Text = ""
    document: Document | None = Field(default=None, alias="metadata")


class ZoneView(StampedView):
    name: str
    slug: str
    type: str
    description: str
    document: dict[str, Any] | None = Field(validation_alias="document", serialization_alias="metadata")


@router.get("", response_model=PageView[ZoneView], operation_id="ListDeploymentZones", responses=LOOKUP)
async def list_zones(caller: Reader, catalog: CatalogState, window: Windowed) -> Response:
    async with catalog.read(caller) as work:
        return paged(await Zones(work).page(window.limit, window.after), ZoneView)


@router.post("", status_code=201, response_model=ZoneView, operation_id="CreateDeploymentZone", responses=EDIT)
async def create_zone(body: ZoneBody, caller: Writer, catalog: CatalogState) -> Response:
    async with catalog.edit(caller) as work:
        zone = await Zones(work).create(Zone(**body.to_create()))
    return ExactJson(ZoneView.model_validate(zone), 201)


@router.get("/{deploymentZoneSlug}", response_model=ZoneView, operation_id="GetDeploymentZone", responses=LOOKUP)
async def get_zone(slug: ZoneSlug, caller: Reader, catalog: CatalogState) -> Response:
    async with catalog.read(caller) as work:
        return ExactJson(ZoneView.model_validate(await Zones(work).get(slug)))


@router.put("/{deploymentZoneSlug}", status_code=204, operation_id="UpdateDeploymentZone", responses=EDIT)
async def update_zone(slug: ZoneSlug, body: ZoneBody, caller: Writer, catalog: CatalogState) -> None:
    async with catalog.edit(caller) as work:
        zones = Zones(work)
        await zones.update(await zones.get(slug), body.to_replace())


@router.delete("/{deploymentZoneSlug}", status_code=204, operation_id="DeleteDeploymentZone", responses=EDIT)
async def delete_zone(slug: ZoneSlug, caller: Writer, catalog: CatalogState) -> None:
    async with catalog.edit(caller) as work:
        zones = Zones(work)
        zone = await zones.get(slug)
        await zones.delete(zone, await Instances(work).in_zone(zone))
