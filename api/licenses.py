"""Licenses."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import Field, field_validator, model_validator

from api.auth import CatalogState, requires
from api.fields import Flag, Name, Text
from api.json import ExactJson, ExactRoute
from api.openapi import EDIT, LOOKUP
from api.pages import Windowed, paged
from api.paths import LicenseSlug
from api.shapes import NamedBody, PageView, StampedView
from catalog.instances import Instances
from catalog.licenses import License, Licenses, LicenseType, LifecycleState
from catalog.principal import Principal

Reader = Annotated[Principal, Depends(requires("read:licenses"))]
Writer = Annotated[Principal, Depends(requires("write:licenses"))]

router = APIRouter(prefix="/licenses", tags=["Licenses"], route_class=ExactRoute)


class LicenseBody(NamedBody):
    type: LicenseType
    description: Text = ""
    version_name: Name | None = None
    is_active: Flag | None = Field(default=None, description="true is PUBLISHED; false is not.")
    is_default: Flag = False
    lifecycle_state: LifecycleState | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> LicenseBody:
        published = self.lifecycle_state is LifecycleState.PUBLISHED
        if None not in (self.is_active, self.lifecycle_state) and self.is_active is not published:
            raise ValueError("isActive is true exactly when lifecycleState is PUBLISHED")
        return self

    def state_after(self, state: LifecycleState) -> LifecycleState:
        """The state asked for, of a license that is in `state`; the same when none is asked for."""
        if self.lifecycle_state or self.is_active is None:
            return self.lifecycle_state or state
        if self.is_active:
            return LifecycleState.PUBLISHED
        return LifecycleState.ARCHIVED if state is LifecycleState.PUBLISHED else state


class LicenseView(StampedView):
    name: str
    slug: str
    description: str
    type: LicenseType
    version: str
    version_name: str | None
    is_active: bool
    is_default: bool
    lifecycle_state: LifecycleState

    @field_validator("version", mode="before")
    @classmethod
    def _as_text(cls, version: int) -> str:
        return str(version)


@router.get("", response_model=PageView[LicenseView], operation_id="ListLicenses", responses=LOOKUP)
async def list_licenses(caller: Reader, catalog: CatalogState, window: Windowed) -> Response:
    async with catalog.read(caller) as work:
        return paged(await Licenses(work).page(window.limit, window.after), LicenseView)


@router.post("", status_code=201, response_model=LicenseView, operation_id="CreateLicense", responses=EDIT)
async def create_license(body: LicenseBody, caller: Writer, catalog: CatalogState) -> Response:
    initial = LifecycleState.DRAFT if body.is_active is False else LifecycleState.PUBLISHED
    values = _columns(body.to_create(), body.state_after(initial))
    async with catalog.edit(caller) as work:
        created = await Licenses(work).create(License(**values))
    return ExactJson(LicenseView.model_validate(created), 201)


@router.get("/{licenseSlug}", response_model=LicenseView, operation_id="GetLicense", responses=LOOKUP)
async def get_license(slug: LicenseSlug, caller: Reader, catalog: CatalogState) -> Response:
    async with catalog.read(caller) as work:
        return ExactJson(LicenseView.model_validate(await Licenses(work).get(slug)))


@router.put("/{licenseSlug}", status_code=204, operation_id="UpdateLicense", responses=EDIT)
async def update_license(slug: LicenseSlug, body: LicenseBody, caller: Writer, catalog: CatalogState) -> None:
    async with catalog.edit(caller) as work:
        licenses = Licenses(work)
        edited = await licenses.get(slug)
        state = body.state_after(LifecycleState(edited.lifecycle_state))
        await licenses.update(edited, _columns(body.to_replace(keeping=("is_default",)), state))


@router.delete("/{licenseSlug}", status_code=204, operation_id="DeleteLicense", responses=EDIT)
async def delete_license(slug: LicenseSlug, caller: Writer, catalog: CatalogState) -> None:
    async with catalog.edit(caller) as work:
        licenses = Licenses(work)
        doomed = await licenses.get(slug)
        await licenses.delete(doomed, blockers=await Instances(work).under_license(doomed))


def _columns(values: dict[str, Any], state: LifecycleState) -> dict[str, Any]:
    values.pop("is_active")
    return {**values, "lifecycle_state": state}
