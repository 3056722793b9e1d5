"""Entitlement groups, and the entitlements in each."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from api.auth import CatalogState, requires
from api.entitlements import EntitlementView
from api.fields import Slug, Text
from api.json import ExactJson, ExactRoute
from api.openapi import EDIT, LOOKUP
from api.pages import Windowed, paged
from api.paths import EntitlementSlug, GroupSlug
from api.shapes import Body, NamedBody, PageView, StampedView
from catalog.entitlements import Entitlements
from catalog.groups import Group, Groups
from catalog.principal import Principal

Reader = Annotated[Principal, Depends(requires("read:entitlements"))]
Writer = Annotated[Principal, Depends(requires("write:entitlements"))]

router = APIRouter(prefix="/entitlement-groups", tags=["Entitlement groups"], route_class=ExactRoute)


class GroupBody(NamedBody):
    description: Text | None = None


class GroupView(StampedView):
    name: str
    slug: str
    description: str | None


class MemberBody(Body):
    entitlement_slug: Slug


@router.get("", response_model=PageView[GroupView], operation_id="ListEntitlementGroups", responses=LOOKUP)
async def list_groups(caller: Reader, catalog: CatalogState, window: Windowed) -> Response:
    async with catalog.read(caller) as work:
        return paged(await Groups(work).page(window.limit, window.after), GroupView)


@router.post("", status_code=201, response_model=GroupView, operation_id="CreateEntitlementGroup", responses=EDIT)
async def create_group(body: GroupBody, caller: Writer, catalog: CatalogState) -> Response:
    async with catalog.edit(caller) as work:
        group = await Groups(work).create(Group(**body.to_create()))
    return ExactJson(GroupView.model_validate(group), 201)


@router.get("/{entitlementGroupSlug}", response_model=GroupView, operation_id="GetEntitlementGroup", responses=LOOKUP)
async def get_group(slug: GroupSlug, caller: Reader, catalog: CatalogState) -> Response:
    async with catalog.read(caller) as work:
        return ExactJson(GroupView.model_validate(await Groups(work).get(slug)))


@router.put("/{entitlementGroupSlug}", status_code=204, operation_id="UpdateEntitlementGroup", responses=EDIT)
async def update_group(slug: GroupSlug, body: GroupBody, caller: Writer, catalog: CatalogState) -> None:
    async with catalog.edit(caller) as work:
        groups = Groups(work)
        await groups.update(await groups.get(slug), body.to_replace())


@router.delete("/{entitlementGroupSlug}", status_code=204, operation_id="DeleteEntitlementGroup", responses=EDIT)
async def delete_group(slug: GroupSlug, caller: Writer, catalog: CatalogState) -> None:
    """Its entitlements stay, outside of it."""
    async with catalog.edit(caller) as work:
        groups = Groups(work)
        await groups.delete(await groups.get(slug))


@router.get(
    "/{entitlementGroupSlug}/entitlements",
    response_model=PageView[EntitlementView],
    operation_id="ListEntitlementGroupMembers",
    responses=LOOKUP,
)
async def list_members(slug: GroupSlug, caller: Reader, catalog: CatalogState, window: Windowed) -> Response:
    async with catalog.read(caller) as work:
        group = await Groups(work).get(slug)
        return paged(await Entitlements(work).page_of_group(group, window.limit, window.after), EntitlementView)


@router.post(
    "/{entitlementGroupSlug}/entitlements",
    status_code=201,
    response_model=EntitlementView,
    operation_id="AddEntitlementGroupMember",
    responses=EDIT,
)
async def add_member(slug: GroupSlug, body: MemberBody, caller: Writer, catalog: CatalogState) -> Response:
    async with catalog.edit(caller) as work:
        entitlements, group = Entitlements(work), await Groups(work).get(slug)
        entitlement = await entitlements.get(body.entitlement_slug, location="body.entitlementSlug")
        await entitlements.put_into(group, entitlement)
    return ExactJson(EntitlementView.model_validate(entitlement), 201)


@router.delete(
    "/{entitlementGroupSlug}/entitlements/{entitlementSlug}",
    status_code=204,
    operation_id="RemoveEntitlementGroupMember",
    responses=EDIT,
)
async def remove_member(
    slug: GroupSlug, entitlement_slug: EntitlementSlug, caller: Writer, catalog: CatalogState
) -> None:
    async with catalog.edit(caller) as work:
        entitlements, group = Entitlements(work), await Groups(work).get(slug)
        await entitlements.take_out_of(group, await entitlements.member(group, entitlement_slug))
