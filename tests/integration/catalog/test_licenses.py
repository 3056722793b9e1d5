"""Licenses."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

TEAM = {"name": "Team", "type": "PAID"}


async def test_a_license_is_published_unless_told_otherwise(client: httpx.AsyncClient) -> None:
    created = (await client.post("/licenses", json=TEAM)).json()
    assert (created["version"], created["isActive"], created["lifecycleState"]) == ("1", True, "PUBLISHED")


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ({"isActive": False}, "DRAFT"),
        ({"isActive": True}, "PUBLISHED"),
        ({"lifecycleState": "DRAFT"}, "DRAFT"),
        ({"lifecycleState": "ARCHIVED", "isActive": False}, "ARCHIVED"),
    ],
)
async def test_active_is_what_is_published(client: httpx.AsyncClient, given: dict[str, Any], state: str) -> None:
    created = (await client.post("/licenses", json={**TEAM, **given})).json()
    assert (created["lifecycleState"], created["isActive"]) == (state, state == "PUBLISHED")


async def test_an_active_license_can_be_made_inactive_and_active_again(client: httpx.AsyncClient) -> None:
    await client.post("/licenses", json=TEAM)
    for active, state in ((False, "ARCHIVED"), (True, "PUBLISHED")):
        assert (await client.put("/licenses/team", json={**TEAM, "isActive": active})).status_code == 204
        assert (await client.get("/licenses/team")).json()["lifecycleState"] == state
    await client.put("/licenses/team", json=TEAM)
    assert (await client.get("/licenses/team")).json()["isActive"] is True


async def test_active_and_archived_at_once_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/licenses", json={**TEAM, "isActive": True, "lifecycleState": "ARCHIVED"})
    assert answer.status_code == 422


async def test_there_is_one_default_per_organization(client: httpx.AsyncClient) -> None:
    for name in ("One", "Two"):
        await client.post("/licenses", json={"name": name, "type": "TRIAL", "isDefault": True})
    assert (await client.get("/licenses/one")).json()["isDefault"] is False
    await client.put("/licenses/one", json={"name": "One", "type": "TRIAL", "isDefault": True})
    listed = (await client.get("/licenses")).json()["items"]
    assert {license_["slug"]: license_["isDefault"] for license_ in listed} == {"one": True, "two": False}


async def test_a_license_with_instances_cannot_be_deleted(client: httpx.AsyncClient, instance: str) -> None:
    answer = await client.delete("/licenses/team")
    assert (answer.status_code, answer.json()["blockers"][0]["slug"]) == (409, instance)


async def test_a_deleted_license_takes_its_links_with_it(client: httpx.AsyncClient, instance: str) -> None:
    await client.delete(f"/instances/{instance}")
    assert (await client.delete("/licenses/team")).status_code == 204
    assert (await client.delete("/entitlements/calls")).status_code == 204
