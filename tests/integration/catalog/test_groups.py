"""Entitlement groups, and who is in them."""

from __future__ import annotations

import httpx
import pytest

MEMBERS = "/entitlement-groups/limits/entitlements"


@pytest.fixture(autouse=True)
async def _catalog(client: httpx.AsyncClient) -> None:
    for name in ("Calls", "Seats", "SSO"):
        kind = "BOOLEAN" if name == "SSO" else "NUMBER"
        await client.post("/entitlements", json={"name": name, "type": kind})
    for name in ("Limits", "Features"):
        await client.post("/entitlement-groups", json={"name": name})


async def _members(client: httpx.AsyncClient) -> list[str]:
    return [one["slug"] for one in (await client.get(MEMBERS)).json()["items"]]


async def test_a_group_is_created_read_replaced_and_deleted(client: httpx.AsyncClient) -> None:
    created = await client.post("/entitlement-groups", json={"name": "Storage", "description": "Bytes"})
    assert (created.status_code, created.json()["slug"], created.json()["description"]) == (201, "storage", "Bytes")
    assert (await client.put("/entitlement-groups/storage", json={"name": "Disks"})).status_code == 204
    read = (await client.get("/entitlement-groups/storage")).json()
    assert (read["name"], read["description"]) == ("Disks", None)
    assert (await client.delete("/entitlement-groups/storage")).status_code == 204
    assert (await client.get("/entitlement-groups/storage")).status_code == 404


async def test_an_entitlement_is_put_into_a_group_and_taken_out(client: httpx.AsyncClient) -> None:
    added = await client.post(MEMBERS, json={"entitlementSlug": "calls"})
    assert (added.status_code, added.json()["slug"], added.json()["groupSlugs"]) == (201, "calls", ["limits"])
    assert await _members(client) == ["calls"]
    assert (await client.delete(f"{MEMBERS}/calls")).status_code == 204
    assert await _members(client) == []


async def test_an_entitlement_names_its_groups(client: httpx.AsyncClient) -> None:
    body = {"name": "Disk", "type": "NUMBER", "groupSlugs": ["limits", "features"]}
    created = await client.post("/entitlements", json=body)
    assert (created.status_code, sorted(created.json()["groupSlugs"])) == (201, ["features", "limits"])
    await client.put("/entitlements/disk", json={"name": "Disks", "type": "NUMBER"})
    read = (await client.get("/entitlements/disk")).json()
    assert [one["slug"] for one in read["entitlementGroups"]] == read["groupSlugs"] == ["features", "limits"]
    await client.put("/entitlements/disk", json={"name": "Disks", "type": "NUMBER", "groupSlugs": ["limits"]})
    assert (await client.get("/entitlements/disk")).json()["groupSlugs"] == ["limits"]
    assert await _members(client) == ["disk"]


async def test_a_group_that_there_is_not_is_not_found(client: httpx.AsyncClient) -> None:
    body = {"name": "Disk", "type": "NUMBER", "groupSlugs": ["limits", "nothing"]}
    answer = await client.post("/entitlements", json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "CreateEntitlement.EntitlementGroupNotFound")
    assert answer.json()["errors"][0]["location"] == "body.groupSlugs.1"
    assert (await client.get("/entitlements/disk")).status_code == 404


async def test_nobody_is_in_a_group_twice(client: httpx.AsyncClient) -> None:
    await client.post(MEMBERS, json={"entitlementSlug": "calls"})
    answer = await client.post(MEMBERS, json={"entitlementSlug": "calls"})
    assert (answer.status_code, answer.json()["code"]) == (409, "AddEntitlementGroupMember.Conflict")


async def test_who_is_not_in_the_group_cannot_be_taken_out(client: httpx.AsyncClient) -> None:
    answer = await client.delete(f"{MEMBERS}/calls")
    assert (answer.status_code, answer.json()["code"]) == (404, "RemoveEntitlementGroupMember.EntitlementNotFound")


async def test_a_deleted_group_leaves_its_entitlements_and_they_leave_theirs(client: httpx.AsyncClient) -> None:
    for slug in ("calls", "seats"):
        await client.post(MEMBERS, json={"entitlementSlug": slug})
    assert (await client.delete("/entitlements/seats")).status_code == 204
    assert await _members(client) == ["calls"]
    assert (await client.delete("/entitlement-groups/limits")).status_code == 204
    assert (await client.get("/entitlements/calls")).json()["groupSlugs"] == []


async def test_members_are_paged_by_their_slugs(client: httpx.AsyncClient) -> None:
    for slug in ("sso", "calls"):
        await client.post(MEMBERS, json={"entitlementSlug": slug})
    first = (await client.get(MEMBERS, params={"limit": 1})).json()
    rest = (await client.get(MEMBERS, params={"cursor": first["nextCursor"]})).json()
    assert [one["slug"] for one in first["items"] + rest["items"]] == ["calls", "sso"]
