"""Licenses: versions of a license family, and the steps of their life."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response
from pydantic import Field, field_validator, model_validator

from api.auth import CatalogState, requires
from api.fields import Flag, Identity, Name, Slug, Text
from api.json import ExactJson, ExactRoute
from api.openapi import EDIT, LOOKUP, problems
from api.pages import Windowed, paged
from api.paths import LicenseSlug
from api.shapes import NamedBody, PageView, StampedView
from catalog.catalog import Catalog
from catalog.families import Families, Family
from catalog.instances import Instances
from catalog.licenses import License, Licenses, LicenseType
from catalog.lifecycle import LifecycleState
from catalog.principal import Principal
from catalog.work import Work
from metering.problems import FamilyMismatch, FamilyNotReassignable, Fault

Reader = Annotated[Principal, Depends(requires("read:licenses"))]
Writer = Annotated[Principal, Depends(requires("write:licenses"))]

_STEP: Final = problems(401, 403, 404, 409, 422, 503)

router = APIRouter(prefix="/licenses", tags=["Licenses"], route_class=ExactRoute)


class LicenseBody(NamedBody):
    type: LicenseType
    description: Text = ""
    version_name: Name | None = None
    is_active: Flag | None = Field(default=None, description="true is PUBLISHED; false is not.")
    is_default: Flag = Field(default=False, description="At most one of an organization; new instances get it.")
    lifecycle_state: LifecycleState | None = None
    family_slug: Slug | None = Field(default=None, description="The family to add a version to; left out: a new one.")
    family_id: Identity | None = Field(default=None, description="Instead of familySlug.")

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
    family_id: str
    family_slug: str
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
    """The first version of a new family, or the next of an existing one."""
    initial = LifecycleState.DRAFT if body.is_active is False else LifecycleState.PUBLISHED
    values = _columns(body.to_create(), body.state_after(initial))
    async with catalog.edit(caller) as work:
        licenses, family = Licenses(work), await _family(work, body)
        if family is None:
            created = await licenses.create(License(**values))
        else:
            created = await licenses.add_version(family, License(**{**values, "slug": body.slug}))
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
        _ensure_same_family(edited.family, body)
        state = body.state_after(LifecycleState(edited.lifecycle_state))
        await licenses.update(edited, _columns(body.to_replace(keeping=("is_default",)), state))


@router.delete("/{licenseSlug}", status_code=204, operation_id="DeleteLicense", responses=EDIT)
async def delete_license(slug: LicenseSlug, caller: Writer, catalog: CatalogState) -> None:
    """The links go with it, and with the last version its family. Refused while instances run under it."""
    async with catalog.edit(caller) as work:
        licenses = Licenses(work)
        doomed = await licenses.get(slug)
        await licenses.delete(doomed, await Instances(work).under_license(doomed))


@router.post("/{licenseSlug}/publish", response_model=LicenseView, operation_id="PublishLicense", responses=_STEP)
async def publish_license(slug: LicenseSlug, caller: Writer, catalog: CatalogState) -> Response:
    """DRAFT to PUBLISHED."""
    return await _stepped(Licenses.publish, slug, caller, catalog)


@router.post("/{licenseSlug}/archive", response_model=LicenseView, operation_id="ArchiveLicense", responses=_STEP)
async def archive_license(slug: LicenseSlug, caller: Writer, catalog: CatalogState) -> Response:
    """PUBLISHED to ARCHIVED: its instances' reports are refused until it is unarchived, or they get another."""
    return await _stepped(Licenses.archive, slug, caller, catalog)


@router.post("/{licenseSlug}/unarchive", response_model=LicenseView, operation_id="UnarchiveLicense", responses=_STEP)
async def unarchive_license(slug: LicenseSlug, caller: Writer, catalog: CatalogState) -> Response:
    """ARCHIVED to PUBLISHED."""
    return await _stepped(Licenses.unarchive, slug, caller, catalog)


async def _stepped(
    step: Callable[[Licenses, License], Awaitable[None]], slug: str, caller: Principal, catalog: Catalog
) -> Response:
    """The license after this step of its life."""
    async with catalog.edit(caller) as work:
        licenses = Licenses(work)
        license_ = await licenses.get(slug)
        await step(licenses, license_)
    return ExactJson(LicenseView.model_validate(license_))


async def _family(work: Work, body: LicenseBody) -> Family | None:
    """The family that the body names. Raises `ResourceNotFound`, and `FamilyMismatch` for two."""
    families = Families(work)
    by_slug = await families.get(body.family_slug, location="body.familySlug") if body.family_slug else None
    by_id = await families.with_id(body.family_id, location="body.familyId") if body.family_id else None
    if by_slug and by_id and by_slug is not by_id:
        fault = Fault("body.familyId", "is not the family that familySlug names", body.family_id)
        raise FamilyMismatch("familySlug and familyId name two families.", faults=[fault])
    return by_slug or by_id


def _ensure_same_family(family: Family, body: LicenseBody) -> None:
    own = {"familySlug": (body.family_slug, family.slug), "familyId": (body.family_id, family.id)}
    for field, (asked, its) in own.items():
        if asked not in (None, its):
            fault = Fault(f"body.{field}", "is another family", asked)
            raise FamilyNotReassignable("A license stays in its family.", faults=[fault])


def _columns(values: dict[str, Any], state: LifecycleState) -> dict[str, Any]:
    columns = {key: value for key, value in values.items() if key not in ("is_active", "family_slug", "family_id")}
    return {**columns, "lifecycle_state": state}
