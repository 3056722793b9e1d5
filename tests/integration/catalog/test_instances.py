"""Instances."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx

DATES = {"startLicenseDate": "2026-01-01T00:00:00Z", "endLicenseDate": "2027-01-01T02:00:00+02:00"}


async def _customer_id(client: httpx.AsyncClient) -> str:
    return str((await client.get("/customers/acme")).json()["id"])


async def test_an_instance_names_what_it_refers_to(client: httpx.AsyncClient, instance: str) -> None:
    read = (await client.get(f"/instances/{instance}")).json()
    assert (read["customerSlug"], read["licenseSlug"], read["deploymentZoneSlug"]) == ("acme", "team", None)
    assert (read["status"], read["lifecycleStage"], read["metadata"]) == ("HEALTHY", None, None)


async def test_a_license_can_be_named_by_its_slug(client: httpx.AsyncClient, instance: str) -> None:
    body = {"name": "Staging", "customerId": await _customer_id(client), "licenseSlug": "team", **DATES}
    created = await client.post("/instances", json=body)
    assert (created.status_code, created.json()["licenseSlug"]) == (201, "team")
    assert created.json()["endLicenseDate"] == "2027-01-01T00:00:00Z"


async def test_without_a_license_it_takes_the_default_one(client: httpx.AsyncClient, instance: str) -> None:
    body = {"name": "Staging", "customerId": await _customer_id(client)}
    answer = await client.post("/instances", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["location"]) == (422, "body.licenseId")
    await client.post("/licenses", json={"name": "Free", "type": "COMMUNITY", "isDefault": True})
    assert (await client.post("/instances", json=body)).json()["licenseSlug"] == "free"


REFERENCES = ["customerId", "licenseId", "deploymentZoneId"]


async def test_a_reference_to_nothing_is_not_found(client: httpx.AsyncClient, instance: str) -> None:
    for field in REFERENCES:
        body = {"name": "Staging", "customerId": await _customer_id(client), "licenseSlug": "team"}
        if field == "licenseId":
            del body["licenseSlug"]
        answer = await client.post("/instances", json={**body, field: str(uuid4())})
        assert (answer.status_code, answer.json()["errors"][0]["location"]) == (404, f"body.{field}")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"customerId": "acme"}, "body.customerId"),
    ({"startLicenseDate": "2026-01-01"}, "body.startLicenseDate"),
    ({"startLicenseDate": 1767225600}, "body.startLicenseDate"),
    ({"startLicenseDate": "2026-01-01T00:00:00"}, "body.startLicenseDate"),
    ({"startLicenseDate": "0001-01-01T00:00:00+10:00"}, "body.startLicenseDate"),
    ({"startLicenseDate": "2026-02-30T00:00:00Z"}, "body.startLicenseDate"),
    ({"endLicenseDate": "2025-01-01T00:00:00Z", "startLicenseDate": "2026-01-01T00:00:00Z"}, "body.endLicenseDate"),
    ({"metadata": []}, "body.metadata"),
    ({"status": "HEALTHY"}, "body.status"),
]


async def test_a_wrong_field_is_refused(client: httpx.AsyncClient, instance: str) -> None:
    for change, location in WRONG:
        body = {"name": "Staging", "customerId": await _customer_id(client), "licenseSlug": "team"}
        answer = await client.post("/instances", json={**body, **change})
        assert (answer.status_code, answer.json()["errors"][0]["location"]) == (422, location), change


async def test_put_replaces_all_but_what_it_may_leave_out(client: httpx.AsyncClient, instance: str) -> None:
    zone = (await client.post("/deployment-zones", json={"name": "Europe", "type": "production"})).json()
    change = {"deploymentZoneId": zone["id"], "status": "DEGRADED", "description": "x", "metadata": {"a": 1}, **DATES}
    await client.patch(f"/instances/{instance}", json=change)
    body = {"name": "Production", "customerId": await _customer_id(client), "slug": "production"}
    assert (await client.put(f"/instances/{instance}", json=body)).status_code == 204
    read = (await client.get("/instances/production")).json()
    assert (read["name"], read["description"], read["metadata"], read["endLicenseDate"]) == (
        "Production",
        "",
        None,
        None,
    )
    assert (read["deploymentZoneSlug"], read["licenseSlug"], read["status"]) == ("europe", "team", "DEGRADED")
    assert (await client.get(f"/instances/{instance}")).status_code == 404


async def test_patch_changes_only_what_it_names(client: httpx.AsyncClient, instance: str) -> None:
    path = f"/instances/{instance}"
    before = (await client.get(path)).json()
    assert (await client.patch(path, json={"lifecycleStage": "TRIAL"})).status_code == 204
    after = (await client.get(path)).json()
    changed = {key for key in before if before[key] != after[key]}
    assert (changed, after["lifecycleStage"]) == ({"lifecycleStage", "updatedAt"}, "TRIAL")


async def test_patch_can_empty_what_may_be_empty_and_nothing_else(client: httpx.AsyncClient, instance: str) -> None:
    path = f"/instances/{instance}"
    await client.patch(path, json={"metadata": {"a": 1}, **DATES})
    assert (await client.patch(path, json={"metadata": None, "endLicenseDate": None})).status_code == 204
    read = (await client.get(path)).json()
    assert (read["metadata"], read["endLicenseDate"], read["startLicenseDate"]) == (None, None, "2026-01-01T00:00:00Z")
    for field in ("name", "slug", "customerId", "licenseId", "status"):
        answer = await client.patch(path, json={field: None})
        assert (answer.status_code, answer.json()["errors"][0]["location"]) == (422, f"body.{field}")


async def test_patch_holds_new_dates_against_old_ones(client: httpx.AsyncClient, instance: str) -> None:
    await client.patch(f"/instances/{instance}", json=DATES)
    answer = await client.patch(f"/instances/{instance}", json={"endLicenseDate": "2025-06-01T00:00:00Z"})
    assert (answer.status_code, answer.json()["errors"][0]["location"]) == (422, "body.endLicenseDate")


async def test_no_concurrent_patch_is_lost(client: httpx.AsyncClient, instance: str) -> None:
    path = f"/instances/{instance}"
    changes = [{"name": "New"}, {"description": "new"}, {"lifecycleStage": "new"}, {"metadata": {"new": 1}}, DATES]
    answers = await asyncio.gather(*(client.patch(path, json=change) for change in changes))
    assert {answer.status_code for answer in answers} == {204}
    read = (await client.get(path)).json()
    assert (read["name"], read["description"], read["lifecycleStage"], read["metadata"]) == (
        "New",
        "new",
        "new",
        {"new": 1},
    )
    assert read["startLicenseDate"] == DATES["startLicenseDate"]


async def test_a_customers_instances_are_listed_apart(client: httpx.AsyncClient, instance: str) -> None:
    await client.post("/customers", json={"name": "Beta"})
    of_acme = (await client.get("/customers/acme/instances")).json()["items"]
    of_beta = (await client.get("/customers/beta/instances")).json()["items"]
    assert ([found["slug"] for found in of_acme], of_beta) == ([instance], [])
    assert [found["slug"] for found in (await client.get("/instances")).json()["items"]] == [instance]


async def test_an_archived_license_is_kept_but_not_given(client: httpx.AsyncClient, instance: str) -> None:
    await client.post("/licenses", json={"name": "Old", "type": "PAID"})
    for slug in ("old", "team"):
        await client.post(f"/licenses/{slug}/archive")
    body = {"name": "Staging", "customerId": await _customer_id(client), "licenseSlug": "old"}
    for answer in (
        await client.post("/instances", json=body),
        await client.put(f"/instances/{instance}", json=body),
        await client.patch(f"/instances/{instance}", json={"licenseSlug": "old"}),
    ):
        assert (answer.status_code, answer.json()["code"].partition(".")[2]) == (409, "LicenseArchived")
    assert (await client.patch(f"/instances/{instance}", json={"licenseSlug": "team"})).status_code == 204


async def test_a_draft_license_can_be_tried(client: httpx.AsyncClient, instance: str) -> None:
    await client.post("/licenses", json={"name": "Next", "type": "PAID", "lifecycleState": "DRAFT"})
    assert (await client.patch(f"/instances/{instance}", json={"licenseSlug": "next"})).status_code == 204


async def test_one_license_is_named_and_not_two(client: httpx.AsyncClient, instance: str) -> None:
    license_id = (await client.get("/licenses/team")).json()["id"]
    answer = await client.patch(f"/instances/{instance}", json={"licenseSlug": "team", "licenseId": license_id})
    assert answer.status_code == 422
