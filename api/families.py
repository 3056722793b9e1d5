"""License families: each a product, and the version of it that is sold now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from api.auth import CatalogState, requires
from api.json import ExactJson
from api.licenses import LicenseView
from api.openapi import LOOKUP
from api.pages import Windowed, page_of
from api.paths import FamilySlug
from api.shapes import PageView, StampedView
from catalog.families import Families, Family
from catalog.licenses import License, Licenses, served
from catalog.principal import Principal
from metering.problems import NoPublishedVersion, ResourceNotFound

Reader = Annotated[Principal, Depends(requires("read:licenses"))]

Number = Annotated[int | None, Query(ge=1, lt=2**31, description="This version, whatever its state.")]
Include = Annotated[Literal["versions"] | None, Query(description="`versions`: also every version, oldest first.")]

router = APIRouter(prefix="/license-families", tags=["Licenses"])


class FamilyView(StampedView):
    """`currentVersion` is the default, else the newest published; null when nothing is published."""

    slug: str
    current_version: LicenseView | None
    version_count: int
    versions: list[LicenseView] | None = None


@router.get("", response_model=PageView[FamilyView], operation_id="ListLicenseFamilies", responses=LOOKUP)
async def list_families(caller: Reader, catalog: CatalogState, window: Windowed) -> Response:
    async with catalog.read(caller) as work:
        page = await Families(work).page(window.limit, window.after)
        versions = await Licenses(work).versions(page.rows)
        return page_of(page, [_view(family, versions[family.id]) for family in page.rows])


@router.get("/{familySlug}", response_model=FamilyView, operation_id="GetLicenseFamily", responses=LOOKUP)
async def get_family(
    slug: FamilySlug, caller: Reader, catalog: CatalogState, version: Number = None, include: Include = None
) -> Response:
    async with catalog.read(caller) as work:
        family = await Families(work).get(slug)
        versions = (await Licenses(work).versions([family]))[family.id]
        current = _numbered(versions, version) if version else served(versions)
        if current is None and not include:
            raise NoPublishedVersion(f"No version of the family {slug!r} is published.")
        return ExactJson(_view(family, versions, current, versions if include else None))


def _numbered(versions: Sequence[License], number: int) -> License:
    found = next((version for version in versions if version.version == number), None)
    if found is None:
        raise ResourceNotFound("Version", str(number), location="query.version")
    return found


def _view(
    family: Family,
    versions: Sequence[License],
    current: License | None = None,
    shown: Sequence[License] | None = None,
) -> FamilyView:
    current = current or served(versions)
    values = StampedView.model_validate(family).model_dump()
    return FamilyView(
        **values,
        slug=family.slug,
        current_version=LicenseView.model_validate(current) if current else None,
        version_count=len(versions),
        versions=None if shown is None else [LicenseView.model_validate(one) for one in shown],
    )
