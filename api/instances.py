"""Instances."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response
from pydantic import Field, model_validator

from api.auth import CatalogState, requires
from api.fields import Document, Identity, Label, Moment, Name, Slug, Text
from api.json import ExactJson, ExactRoute
from api.openapi import EDIT, LOOKUP
from api.pages import Windowed, paged
from api.paths import InstanceSlug
from api.shapes import Body, NamedBody, PageView, StampedView
from catalog import lifecycle
from catalog.customers import Customers
from catalog.instances import Instance, Instances, InstanceStatus
from catalog.licenses import License, Licenses
from catalog.principal import Principal
from catalog.work import Work
from catalog.zones import Zones
from metering.problems import Fault, Invalid

Reader = Annotated[Principal, Depends(requires("read:instances"))]
Writer = Annotated[Principal, Depends(requires("write:instances"))]

#: The default of fields that may be left out, but not be null.
_LEFT_OUT: Final[Any] = None
_REFERENCES: Final = {"customer_id", "license_id", "license_slug", "zone_id"}

router = APIRouter(prefix="/instances", tags=["Instances"], route_class=ExactRoute)


class InstanceBody(NamedBody):
    description: Text = ""
    customer_id: Identity
    license_id: Identity | None = None
    license_slug: Slug | None = Field(default=None, description="Instead of licenseId.")
    start_license_date: Moment | None = None
    end_license_date: Moment | None = None
    zone_id: Identity | None = Field(default=None, alias="deploymentZoneId")
    document: Document | None = Field(default=None, alias="metadata")

    @model_validator(mode="after")
    def _names_one_license(self) -> InstanceBody:
        _ensure_one(self.license_id, self.license_slug)
        return self


class InstancePatch(Body):
    """What is left out stays as it is."""

    name: Name = _LEFT_OUT
    slug: Slug = _LEFT_OUT
    description: Text = _LEFT_OUT
    customer_id: Identity = _LEFT_OUT
    license_id: Identity = _LEFT_OUT
    license_slug: Slug = _LEFT_OUT
    start_license_date: Moment | None = None
    end_license_date: Moment | None = None
    zone_id: Identity | None = Field(default=None, alias="deploymentZoneId")
    document: Document | None = Field(default=None, alias="metadata")
    status: InstanceStatus = _LEFT_OUT
    lifecycle_stage: Label | None = None

    @model_validator(mode="after")
    def _names_one_license(self) -> InstancePatch:
        _ensure_one(self.license_id, self.license_slug)
        return self


class InstanceView(StampedView):
    name: str
    slug: str
    description: str
    customer_id: str
    customer_slug: str
    license_id: str
    license_slug: str
    start_license_date: datetime | None
    end_license_date: datetime | None
    zone_id: str | None = Field(alias="deploymentZoneId")
    zone_slug: str | None = Field(alias="deploymentZoneSlug")
    document: dict[str, Any] | None = Field(validation_alias="document", serialization_alias="metadata")
    status: InstanceStatus
    lifecycle_stage: str | None


@router.get("", response_model=PageView[InstanceView], operation_id="ListInstances", responses=LOOKUP)
async def list_instances(caller: Reader, catalog: CatalogState, window: Windowed) -> Response:
    async with catalog.read(caller) as work:
        return paged(await Instances(work).page(window.limit, window.after), InstanceView)


@router.post("", status_code=201, response_model=InstanceView, operation_id="CreateInstance", responses=EDIT)
async def create_instance(body: InstanceBody, caller: Writer, catalog: CatalogState) -> Response:
    async with catalog.edit(caller) as work:
        values = {"license_id": None, **body.to_create(), **await _references(work, body)}
        values["license_id"] = values["license_id"] or await _default_license(work)
        instance = Instance(**_without_names(values))
        _ensure_ordered(instance.start_license_date, instance.end_license_date)
        created = await Instances(work).create(instance)
        return ExactJson(InstanceView.model_validate(await Instances(work).get(created.slug)), 201)


@router.get("/{instanceSlug}", response_model=InstanceView, operation_id="GetInstance", responses=LOOKUP)
async def get_instance(slug: InstanceSlug, caller: Reader, catalog: CatalogState) -> Response:
    async with catalog.read(caller) as work:
        return ExactJson(InstanceView.model_validate(await Instances(work).get(slug)))


@router.put("/{instanceSlug}", status_code=204, operation_id="UpdateInstance", responses=EDIT)
async def update_instance(slug: InstanceSlug, body: InstanceBody, caller: Writer, catalog: CatalogState) -> None:
    async with catalog.edit(caller) as work:
        await _update(work, slug, body, body.to_replace(keeping=_REFERENCES))


@router.patch("/{instanceSlug}", status_code=204, operation_id="PatchInstance", responses=EDIT)
async def patch_instance(slug: InstanceSlug, body: InstancePatch, caller: Writer, catalog: CatalogState) -> None:
    async with catalog.edit(caller) as work:
        await _update(work, slug, body, body.model_dump(exclude_unset=True))


@router.delete("/{instanceSlug}", status_code=204, operation_id="DeleteInstance", responses=EDIT)
async def delete_instance(slug: InstanceSlug, caller: Writer, catalog: CatalogState) -> None:
    async with catalog.edit(caller) as work:
        instances = Instances(work)
        await instances.delete(await instances.get(slug))


async def _update(work: Work, slug: str, body: InstanceBody | InstancePatch, values: Mapping[str, Any]) -> None:
    instances = Instances(work)
    instance = await instances.get(slug)
    values = {key: value for key, value in values.items() if key not in _REFERENCES or key == "zone_id"}
    values = {**values, **await _references(work, body, instance.license_id)}
    _ensure_ordered(*(values.get(end, getattr(instance, end)) for end in ("start_license_date", "end_license_date")))
    await instances.update(instance, values)


async def _references(work: Work, body: InstanceBody | InstancePatch, license_now: str | None = None) -> dict[str, str]:
    """The ids of what the body refers to, each looked up in the organization.

    Raises `ResourceNotFound`, and `LicenseArchived` for a license that takes no new instances.
    """
    found = {}
    if body.customer_id:
        found["customer_id"] = (await Customers(work).with_id(body.customer_id, location="body.customerId")).id
    if license_ := await _license(work, body):
        found["license_id"] = license_.id
        if license_.id != license_now:
            lifecycle.check_assignable(license_.slug, license_.lifecycle_state)
    if body.zone_id:
        found["zone_id"] = (await Zones(work).with_id(body.zone_id, location="body.deploymentZoneId")).id
    return found


async def _license(work: Work, body: InstanceBody | InstancePatch) -> License | None:
    if body.license_id:
        return await Licenses(work).with_id(body.license_id, location="body.licenseId")
    return await Licenses(work).get(body.license_slug, location="body.licenseSlug") if body.license_slug else None


async def _default_license(work: Work) -> str:
    if default := await Licenses(work).default():
        return default.id
    fault = Fault("body.licenseId", "is needed, as the organization has no default license")
    raise Invalid("The instance needs a license.", faults=[fault])


def _ensure_one(license_id: str | None, license_slug: str | None) -> None:
    if license_id and license_slug:
        raise ValueError("give licenseId or licenseSlug, not both")


def _ensure_ordered(start: datetime | None, end: datetime | None) -> None:
    if start and end and start >= end:
        fault = Fault("body.endLicenseDate", "must lie after startLicenseDate", end)
        raise Invalid("The license would end before it starts.", faults=[fault])


def _without_names(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != "license_slug"}
