"""Feature flags."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from api.auth import CatalogState, requires
from api.flag_shapes import FlagBody, FlagView
from api.json import ExactJson, ExactRoute
from api.openapi import EDIT, LOOKUP
from api.pages import Windowed, paged
from api.paths import FeatureFlagSlug
from api.shapes import PageView
from catalog.catalog import Catalog
from catalog.flag_definition import faults_in
from catalog.flags import Flag, Flags
from catalog.principal import Principal
from metering.problems import Fault, Invalid

Reader = Annotated[Principal, Depends(requires("read:feature_flags"))]
Writer = Annotated[Principal, Depends(requires("write:feature_flags"))]

router = APIRouter(prefix="/feature-flags", tags=["Feature flags"], route_class=ExactRoute)


@router.get("", response_model=PageView[FlagView], operation_id="ListFeatureFlags", responses=LOOKUP)
async def list_flags(caller: Reader, catalog: CatalogState, window: Windowed) -> Response:
    async with catalog.read(caller) as work:
        return paged(await Flags(work).page(window.limit, window.after), FlagView)


@router.post("", status_code=201, response_model=FlagView, operation_id="CreateFeatureFlag", responses=EDIT)
async def create_flag(body: FlagBody, caller: Writer, catalog: CatalogState) -> Response:
    await _ensure_sound(body, caller, catalog)
    async with catalog.edit(caller) as work:
        flag = await Flags(work).create(Flag(**body.to_create()))
    return ExactJson(FlagView.model_validate(flag), 201)


@router.get("/{featureFlagSlug}", response_model=FlagView, operation_id="GetFeatureFlag", responses=LOOKUP)
async def get_flag(slug: FeatureFlagSlug, caller: Reader, catalog: CatalogState) -> Response:
    async with catalog.read(caller) as work:
        return ExactJson(FlagView.model_validate(await Flags(work).get(slug)))


@router.put("/{featureFlagSlug}", status_code=204, operation_id="UpdateFeatureFlag", responses=EDIT)
async def update_flag(slug: FeatureFlagSlug, body: FlagBody, caller: Writer, catalog: CatalogState) -> None:
    await _ensure_sound(body, caller, catalog)
    async with catalog.edit(caller) as work:
        flags = Flags(work)
        await flags.update(await flags.get(slug), body.to_replace())


@router.delete("/{featureFlagSlug}", status_code=204, operation_id="DeleteFeatureFlag", responses=EDIT)
async def delete_flag(slug: FeatureFlagSlug, caller: Writer, catalog: CatalogState) -> None:
    async with catalog.edit(caller) as work:
        flags = Flags(work)
        await flags.delete(await flags.get(slug))


async def _ensure_sound(body: FlagBody, caller: Principal, catalog: Catalog) -> None:
    """Raise `Invalid` with everything in which the flag's parts disagree, and where its rules are no conditions."""
    rules = [targeting.rule for targeting in body.targetings]
    told = await catalog.rules.check(caller.organization_id, rules)
    faults = [
        *faults_in(body.to_define()),
        *(
            Fault(f"body.targetings.{number}.rule", message, rules[number][:200])
            for number, message in enumerate(told)
            if message is not None
        ),
    ]
    if faults:
        first = f"{faults[0].location} {faults[0].message}"
        raise Invalid(f"The flag is not valid: {first}.", faults=faults)
