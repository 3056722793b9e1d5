"""License families: products, whose versions are licenses."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

TEAM = {"name": "Team", "type": "PAID"}


@pytest.fixture
async def family(client: httpx.AsyncClient) -> dict[str, Any]:
    """The family "team", as its first version, "team", began it."""
    await client.post("/licenses", json=TEAM)
    found: dict[str, Any] = (await client.get("/license-families/team")).json()
    return found


async def _add(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await client.post("/licenses", json={**TEAM, "familySlug": "team", **fields})
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


async def _current(client: httpx.AsyncClient) -> str:
    return str((await client.get("/license-families/team")).json()["currentVersion"]["version"])


async def test_a_license_without_a_family_begins_one(client: httpx.AsyncClient, family: dict[str, Any]) -> None:
    assert (family["slug"], family["versionCount"], family["versions"]) == ("team", 1, None)
    assert (family["currentVersion"]["slug"], family["currentVersion"]["familyId"]) == ("team", family["id"])


async def test_versions_are_numbered_and_named_after_the_family(
    client: httpx.AsyncClient, family: dict[str, Any]
) -> None:
    second = await _add(client, versionName="Winter 2026")
    third = await _add(client, slug="team-large")
    assert [(one["version"], one["slug"], one["familySlug"]) for one in (second, third)] == [
        ("2", "team-v2", "team"),
        ("3", "team-large", "team"),
    ]
    assert (second["versionName"], third["familyId"]) == ("Winter 2026", family["id"])


async def test_a_number_is_never_given_again(client: httpx.AsyncClient, family: dict[str, Any]) -> None:
    await _add(client)
    assert (await client.delete("/licenses/team-v2")).status_code == 204
    assert (await _add(client))["version"] == "3"


async def test_the_number_of_a_version_that_was_refused_is_free(
    client: httpx.AsyncClient, family: dict[str, Any]
) -> None:
    taken = await client.post("/licenses", json={**TEAM, "familySlug": "team", "slug": "team"})
    assert (taken.status_code, taken.json()["code"]) == (409, "CreateLicense.SlugTaken")
    assert (await _add(client))["version"] == "2"


async def test_the_version_cannot_be_chosen(client: httpx.AsyncClient, family: dict[str, Any]) -> None:
    answer = await client.post("/licenses", json={**TEAM, "familySlug": "team", "version": "7"})
    assert (answer.status_code, answer.json()["errors"][0]["location"]) == (422, "body.version")


async def test_a_family_stands_for_its_newest_published_version(
    client: httpx.AsyncClient, family: dict[str, Any]
) -> None:
    await _add(client, lifecycleState="DRAFT")
    assert await _current(client) == "1"
    await client.post("/licenses/team-v2/publish")
    assert await _current(client) == "2"
    await client.post("/licenses/team-v2/archive")
    assert await _current(client) == "1"


async def test_a_family_stands_for_its_default_first(client: httpx.AsyncClient, family: dict[str, Any]) -> None:
    await client.put("/licenses/team", json={**TEAM, "isDefault": True})
    await _add(client)
    assert await _current(client) == "1"


async def test_any_version_can_be_asked_for_by_its_number(client: httpx.AsyncClient, family: dict[str, Any]) -> None:
    await _add(client, lifecycleState="DRAFT")
    found = (await client.get("/license-families/team", params={"version": 2})).json()
    assert found["currentVersion"]["slug"] == "team-v2"
    answer = await client.get("/license-families/team", params={"version": 3})
    assert (answer.status_code, answer.json()["code"]) == (404, "GetLicenseFamily.VersionNotFound")


async def test_a_family_without_a_published_version_says_so(client: httpx.AsyncClient, family: dict[str, Any]) -> None:
    await client.post("/licenses/team/archive")
    answer = await client.get("/license-families/team")
    assert (answer.status_code, answer.json()["code"]) == (404, "GetLicenseFamily.NoPublishedVersion")
    found = (await client.get("/license-families/team", params={"include": "versions"})).json()
    assert (found["currentVersion"], [one["version"] for one in found["versions"]]) == (None, ["1"])
    assert (await client.get("/license-families")).json()["items"][0]["currentVersion"] is None


async def test_families_are_listed_with_what_they_stand_for(client: httpx.AsyncClient, family: dict[str, Any]) -> None:
    await client.post("/licenses", json={"name": "Enterprise", "type": "PAID"})
    await _add(client)
    first = (await client.get("/license-families", params={"limit": 1})).json()
    rest = (await client.get("/license-families", params={"cursor": first["nextCursor"]})).json()
    shown = [
        (one["slug"], one["versionCount"], one["currentVersion"]["version"]) for one in first["items"] + rest["items"]
    ]
    assert shown == [("enterprise", 1, "1"), ("team", 2, "2")]


async def test_the_last_version_takes_the_family_with_it(client: httpx.AsyncClient, family: dict[str, Any]) -> None:
    await _add(client)
    await client.delete("/licenses/team")
    assert (await client.get("/license-families/team")).json()["versionCount"] == 1
    await client.delete("/licenses/team-v2")
    assert (await client.get("/license-families/team")).json()["code"] == "GetLicenseFamily.FamilyNotFound"
    created = (await client.post("/licenses", json=TEAM)).json()
    assert (created["version"], created["familyId"] == family["id"]) == ("1", False)


async def test_a_family_that_there_is_not_is_not_found(client: httpx.AsyncClient, family: dict[str, Any]) -> None:
    for named in ({"familySlug": "other"}, {"familyId": "00000000-0000-0000-0000-000000000000"}):
        answer = await client.post("/licenses", json={**TEAM, **named})
        assert (answer.status_code, answer.json()["code"]) == (404, "CreateLicense.FamilyNotFound")
        assert answer.json()["errors"][0]["location"] == f"body.{next(iter(named))}"


async def test_two_names_have_to_name_one_family(client: httpx.AsyncClient, family: dict[str, Any]) -> None:
    other = (await client.post("/licenses", json={"name": "Other", "type": "PAID"})).json()
    assert (await _add(client, familyId=family["id"]))["version"] == "2"
    answer = await client.post("/licenses", json={**TEAM, "familySlug": "team", "familyId": other["familyId"]})
    assert (answer.status_code, answer.json()["code"]) == (422, "CreateLicense.FamilyMismatch")


async def test_a_version_stays_in_its_family(client: httpx.AsyncClient, family: dict[str, Any]) -> None:
    await client.post("/licenses", json={"name": "Other", "type": "PAID"})
    answer = await client.put("/licenses/other", json={**TEAM, "familySlug": "team"})
    assert (answer.status_code, answer.json()["code"]) == (409, "UpdateLicense.FamilyNotReassignable")
    assert (await client.put("/licenses/other", json={**TEAM, "familySlug": "other"})).status_code == 204


async def test_a_renamed_version_leaves_the_family_its_name(client: httpx.AsyncClient, family: dict[str, Any]) -> None:
    await client.put("/licenses/team", json={**TEAM, "slug": "crew"})
    assert (await client.get("/licenses/crew")).json()["familySlug"] == "team"
