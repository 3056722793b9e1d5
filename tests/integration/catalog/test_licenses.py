"""Licenses."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

TEAM = {"name": "Team", "type": "PAID"}


async def test_a_license_is_published_unless_told_otherwise(client: httpx.AsyncClient) -> None:
    created = (await client.post("/licenses", json=TEAM)).json()
    assert (created["version"], created["isActive"], created["lifecycleState"]) == ("1", True, "PUBLISHED")


STATES: list[tuple[dict[str, Any], str]] = [
    ({"isActive": False}, "DRAFT"),
    ({"isActive": True}, "PUBLISHED"),
    ({"lifecycleState": "DRAFT"}, "DRAFT"),
    ({"lifecycleState": "DRAFT", "isActive": False}, "DRAFT"),
]


async def test_active_is_what_is_published(client: httpx.AsyncClient) -> None:
    for given, state in STATES:
        created = (await client.post("/licenses", json={**TEAM, **given})).json()
        assert (created["lifecycleState"], created["isActive"]) == (state, state == "PUBLISHED"), given
        await client.delete("/licenses/team")


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


async def test_a_license_is_published_archived_and_unarchived(client: httpx.AsyncClient) -> None:
    await client.post("/licenses", json={**TEAM, "lifecycleState": "DRAFT"})
    for step, state in (("publish", "PUBLISHED"), ("archive", "ARCHIVED"), ("unarchive", "PUBLISHED")):
        answer = await client.post(f"/licenses/team/{step}")
        assert (answer.status_code, answer.json()["lifecycleState"]) == (200, state)
        read = (await client.get("/licenses/team")).json()
        assert (read["lifecycleState"], read["isActive"]) == (state, state == "PUBLISHED")


@pytest.mark.parametrize(
    ("steps", "refused", "code"),
    [
        ([], "archive", "ArchiveLicense.NotPublished"),
        ([], "unarchive", "UnarchiveLicense.NotArchived"),
        (["publish"], "publish", "PublishLicense.NotADraft"),
        (["publish"], "unarchive", "UnarchiveLicense.NotArchived"),
        (["publish", "archive"], "publish", "PublishLicense.NotADraft"),
        (["publish", "archive"], "archive", "ArchiveLicense.NotPublished"),
    ],
)
async def test_a_step_that_does_not_begin_here_is_refused(
    client: httpx.AsyncClient, steps: list[str], refused: str, code: str
) -> None:
    await client.post("/licenses", json={**TEAM, "isActive": False})
    for step in steps:
        await client.post(f"/licenses/team/{step}")
    answer = await client.post(f"/licenses/team/{refused}")
    assert (answer.status_code, answer.json()["code"]) == (409, code)


@pytest.mark.parametrize(
    ("steps", "state"), [([], "ARCHIVED"), (["publish"], "DRAFT"), (["publish", "archive"], "DRAFT")]
)
async def test_no_replacement_takes_a_step_that_there_is_not(
    client: httpx.AsyncClient, steps: list[str], state: str
) -> None:
    await client.post("/licenses", json={**TEAM, "isActive": False})
    for step in steps:
        await client.post(f"/licenses/team/{step}")
    answer = await client.put("/licenses/team", json={**TEAM, "lifecycleState": state})
    assert (answer.status_code, answer.json()["code"]) == (409, "UpdateLicense.LifecycleStateNotSettable")


async def test_no_license_begins_archived(client: httpx.AsyncClient) -> None:
    answer = await client.post("/licenses", json={**TEAM, "lifecycleState": "ARCHIVED"})
    assert (answer.status_code, answer.json()["code"]) == (409, "CreateLicense.LifecycleStateNotSettable")
    assert (await client.get("/licenses/team")).status_code == 404


async def test_there_is_one_default_per_organization(client: httpx.AsyncClient) -> None:
    for name in ("One", "Two"):
        await client.post("/licenses", json={"name": name, "type": "TRIAL", "isDefault": True})
    assert (await client.get("/licenses/one")).json()["isDefault"] is False
    await client.put("/licenses/one", json={"name": "One", "type": "TRIAL", "isDefault": True})
    listed = (await client.get("/licenses")).json()["items"]
    assert {license_["slug"]: license_["isDefault"] for license_ in listed} == {"one": True, "two": False}


async def test_the_default_is_always_one_that_can_be_used(client: httpx.AsyncClient) -> None:
    draft = {**TEAM, "isDefault": True, "lifecycleState": "DRAFT"}
    answer = await client.post("/licenses", json=draft)
    assert (answer.status_code, answer.json()["code"]) == (409, "CreateLicense.DefaultMustBePublished")
    await client.post("/licenses", json={**TEAM, "isDefault": True})
    for refused in (
        await client.post("/licenses/team/archive"),
        await client.put("/licenses/team", json={**TEAM, "isActive": False}),
    ):
        assert (refused.status_code, refused.json()["code"].partition(".")[2]) == (409, "DefaultMustBePublished")
    answer = await client.put("/licenses/team", json={**TEAM, "isActive": False, "isDefault": False})
    assert answer.status_code == 204


async def test_a_license_with_instances_cannot_be_deleted(client: httpx.AsyncClient, instance: str) -> None:
    answer = await client.delete("/licenses/team")
    assert (answer.status_code, answer.json()["blockers"][0]["slug"]) == (409, instance)
    assert answer.json()["counts"] == {"Instance": 1}


async def test_what_stands_in_the_way_is_counted_and_the_first_are_named(
    client: httpx.AsyncClient, instance: str
) -> None:
    customer = (await client.get("/customers/acme")).json()["id"]
    for number in range(24):
        body = {"name": f"Staging {number:02}", "customerId": customer, "licenseSlug": "team"}
        await client.post("/instances", json=body)
    refused = (await client.delete("/licenses/team")).json()
    assert (refused["code"], refused["counts"], len(refused["blockers"])) == (
        "DeleteLicense.InUse",
        {"Instance": 25},
        20,
    )
    assert refused["detail"] == (
        "The license 'team' is in use by 25 instances: 'prod', 'staging-00', 'staging-01' and 22 more."
    )


async def test_a_deleted_license_takes_its_links_with_it(client: httpx.AsyncClient, instance: str) -> None:
    await client.delete(f"/instances/{instance}")
    assert (await client.delete("/licenses/team")).status_code == 204
    assert (await client.delete("/entitlements/calls")).status_code == 204
