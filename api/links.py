"""License links: which entitlements a license grants, and how much of each."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import AfterValidator, Field

from api.auth import CatalogState, requires
from api.fields import Document, Flag, Number, Quantity, Slug
from api.json import ExactJson, ExactRoute
from api.openapi import EDIT, LOOKUP
from api.pages import Windowed, paged
from api.paths import EntitlementSlug, LicenseSlug
from api.shapes import Body, PageView, StampedView
from catalog.entitlements import Entitlement, Entitlements, EntitlementType
from catalog.licenses import Licenses
from catalog.links import Links
from catalog.principal import Principal
from catalog.work import Work
from metering.problems import Fault, Invalid
from metering.quantity import UNLIMITED, ZERO

Reader = Annotated[Principal, Depends(requires("read:licenses"))]
Writer = Annotated[Principal, Depends(requires("write:licenses"))]

_VALUE_TYPE: Final = {
    EntitlementType.NUMBER: "number",
    EntitlementType.BOOLEAN: "boolean",
    EntitlementType.CONFIG: "object",
}

router = APIRouter(prefix="/licenses/{licenseSlug}/entitlements", tags=["License links"], route_class=ExactRoute)


def _unlimited_or_not_negative(number: Decimal) -> Decimal:
    if number < 0 and number != UNLIMITED:
        raise ValueError("must be at least 0, or -1 for unlimited")
    return number


Limit = Annotated[Quantity, AfterValidator(_unlimited_or_not_negative)]


class NumberValue(Body):
    type: Literal["number"]
    value: Limit


class BooleanValue(Body):
    type: Literal["boolean"]
    value: Flag


class ObjectValue(Body):
    type: Literal["object"]
    value: Document


class Terms(Body):
    """What a link grants."""

    value: Annotated[NumberValue | BooleanValue | ObjectValue, Field(discriminator="type")]
    overage_percent: Limit = Field(
        default=ZERO,
        alias="limitCapExceededOveragePercent",
        description="-1: without end, 0: the limit is hard, n: n % over it.",
        json_schema_extra={"default": 0},
    )

    def columns_for(self, entitlement: Entitlement) -> dict[str, Any]:
        """The link's values, by column; raises `Invalid` when they do not fit the entitlement's type."""
        wanted = _VALUE_TYPE[EntitlementType(entitlement.type)]
        if self.value.type != wanted:
            fault = Fault("body.value.type", f"must be {wanted!r} for a {entitlement.type}", self.value.type)
            raise Invalid(f"The value does not fit the entitlement {entitlement.slug!r}.", faults=[fault])
        return {"value": self.value.model_dump(), "overage_percent": self.overage_percent}


class LinkBody(Terms):
    entitlement_slug: Slug


class LinkView(StampedView):
    entitlement_id: str
    entitlement_slug: str
    entitlement_name: str
    entitlement_type: EntitlementType
    license_id: str
    license_id_as_published: str = Field(alias="licenseID")
    license_slug: str
    value: dict[str, Any]
    overage_percent: Number = Field(alias="limitCapExceededOveragePercent")


@router.get("", response_model=PageView[LinkView], operation_id="ListLicenseEntitlements", responses=LOOKUP)
async def list_links(license_slug: LicenseSlug, caller: Reader, catalog: CatalogState, window: Windowed) -> Response:
    async with catalog.read(caller) as work:
        page = await (await _links(work, license_slug)).page(window.limit, window.after)
        return paged(page, LinkView, slug=lambda link: link.entitlement_slug)


@router.post("", status_code=204, operation_id="AssociateLicenseEntitlement", responses=EDIT)
async def create_link(license_slug: LicenseSlug, body: LinkBody, caller: Writer, catalog: CatalogState) -> None:
    async with catalog.edit(caller) as work:
        links = await _links(work, license_slug)
        entitlement = await Entitlements(work).get(body.entitlement_slug, location="body.entitlementSlug")
        await links.create(entitlement, body.columns_for(entitlement))


@router.get("/{entitlementSlug}", response_model=LinkView, operation_id="GetLicenseEntitlement", responses=LOOKUP)
async def get_link(
    license_slug: LicenseSlug, entitlement_slug: EntitlementSlug, caller: Reader, catalog: CatalogState
) -> Response:
    async with catalog.read(caller) as work:
        link = await (await _links(work, license_slug)).get(entitlement_slug)
        return ExactJson(LinkView.model_validate(link))


@router.put("/{entitlementSlug}", status_code=204, operation_id="UpdateLicenseEntitlement", responses=EDIT)
async def update_link(
    license_slug: LicenseSlug, entitlement_slug: EntitlementSlug, body: Terms, caller: Writer, catalog: CatalogState
) -> None:
    async with catalog.edit(caller) as work:
        links = await _links(work, license_slug)
        link = await links.get(entitlement_slug)
        await links.update(link, body.columns_for(link.entitlement))


@router.delete("/{entitlementSlug}", status_code=204, operation_id="DeleteLicenseEntitlement", responses=EDIT)
async def delete_link(
    license_slug: LicenseSlug, entitlement_slug: EntitlementSlug, caller: Writer, catalog: CatalogState
) -> None:
    async with catalog.edit(caller) as work:
        links = await _links(work, license_slug)
        await links.delete(await links.get(entitlement_slug))


async def _links(work: Work, license_slug: str) -> Links:
    return Links(work, await Licenses(work).get(license_slug))
