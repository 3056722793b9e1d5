"""The table of the catalog in the contract: a test for each of its rows, named after it, on all of its routes."""

from __future__ import annotations

from typing import Any

import httpx

_STAMPS = {"id", "createdAt", "createdBy", "updatedAt", "updatedBy"}


async def _crud(client: httpx.AsyncClient, path: str, body: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Make, list, get and replace one resource; returns it as it is read then."""
    created = await client.post(path, json=body)
    assert created.status_code == 201, created.text
    document = created.json()
    assert {**document, **body} == document, "it is answered as it was asked for"
    assert document.keys() >= _STAMPS
    own = f"{path}/{document['slug']}"
    assert document["slug"] in [one["slug"] for one in (await client.get(path)).json()["items"]]
    assert (await client.get(own)).json() == document
    replaced = {**body, **change}
    assert (await client.put(own, json=replaced)).status_code == 204
    read: dict[str, Any] = (await client.get(own)).json()
    assert {**read, **replaced} == read
    return read


async def test_service_accounts(client: httpx.AsyncClient) -> None:
    await _crud(client, "/service-accounts", {"name": "CI", "slug": "ci"}, {"name": "Builds"})
    token = {"name": "Nightly", "slug": "nightly", "scopes": ["read:*"], "expiresAt": "2199-01-01T00:00:00Z"}
    created = await client.post("/service-accounts/ci/tokens", json=token)
    assert (created.status_code, created.json()["token"][:4]) == (201, "tdm_")
    listed = (await client.get("/service-accounts/ci/tokens")).json()["items"]
    assert [{key: one[key] for key in token} for one in listed] == [token]
    assert (await client.delete("/service-accounts/ci/tokens/nightly")).status_code == 204


async def test_customers(client: httpx.AsyncClient) -> None:
    body = {"name": "Acme", "slug": "acme", "externalCustomerId": "c-1", "domain": "acme.com"}
    await _crud(client, "/customers", body, {"domain": "acme.org"})
    assert (await client.delete("/customers/acme")).status_code == 204


async def test_deployment_zones(client: httpx.AsyncClient) -> None:
    body = {"name": "Europe", "slug": "europe", "description": "EU", "type": "cloud", "metadata": {"region": "eu-1"}}
    await _crud(client, "/deployment-zones", body, {"metadata": {"region": "eu-2"}})
    assert (await client.delete("/deployment-zones/europe")).status_code == 204


async def test_entitlements(client: httpx.AsyncClient) -> None:
    await client.post("/entitlement-groups", json={"name": "Limits"})
    metering = {"meterType": "RAW_EVENT", "aggregationMethod": "MAX", "resetPeriod": "MONTH"}
    shown = {"unitSingular": "call", "unitPlural": "calls", "userFacing": True, "displayOrder": 3}
    body = {
        "name": "Calls",
        "slug": "calls",
        "description": "To the API",
        "type": "NUMBER",
        **metering,
        "resetAnchor": "LICENSE_START",
        "warningThresholdPercent": 80,
        **shown,
        "groupSlugs": ["limits"],
    }
    await _crud(client, "/entitlements", body, {"warningThresholdPercent": 90, "groupSlugs": []})
    assert (await client.delete("/entitlements/calls")).status_code == 204


async def test_entitlement_groups(client: httpx.AsyncClient) -> None:
    await _crud(client, "/entitlement-groups", {"name": "Limits", "slug": "limits", "description": "x"}, {"name": "L"})
    await client.post("/entitlements", json={"name": "Calls", "type": "NUMBER"})
    members = "/entitlement-groups/limits/entitlements"
    assert (await client.post(members, json={"entitlementSlug": "calls"})).status_code == 201
    assert (await client.delete(f"{members}/calls")).status_code == 204
    assert (await client.delete("/entitlement-groups/limits")).status_code == 204


async def test_licenses(client: httpx.AsyncClient) -> None:
    body = {
        "name": "Team",
        "slug": "team",
        "description": "For teams",
        "type": "PAID",
        "versionName": "v1",
        "isActive": True,
        "isDefault": True,
        "lifecycleState": "PUBLISHED",
    }
    first = await _crud(client, "/licenses", body, {"versionName": "v1.1", "isDefault": False})
    assert (first["version"], first["familySlug"]) == ("1", "team")
    second = (await client.post("/licenses", json={"name": "Team", "type": "PAID", "familySlug": "team"})).json()
    assert second["version"] == "2"
    for step, state in (("archive", "ARCHIVED"), ("unarchive", "PUBLISHED")):
        assert (await client.post(f"/licenses/team/{step}")).json()["lifecycleState"] == state
    assert (await client.post("/licenses/team/publish")).status_code == 409
    assert (await client.get("/license-families/team")).json()["currentVersion"] == second
    assert [one["slug"] for one in (await client.get("/license-families")).json()["items"]] == ["team"]
    assert (await client.delete("/licenses/team")).status_code == 204


async def test_license_links(client: httpx.AsyncClient) -> None:
    license_ = (await client.post("/licenses", json={"name": "Team", "type": "PAID"})).json()
    await client.post("/entitlements", json={"name": "Calls", "type": "NUMBER"})
    path, terms = "/licenses/team/entitlements", {"value": {"type": "number", "value": 1000}}
    assert (await client.post(path, json={"entitlementSlug": "calls", **terms})).status_code == 204
    raised = {"value": {"type": "number", "value": -1}, "limitCapExceededOveragePercent": -1}
    assert (await client.put(f"{path}/calls", json=raised)).status_code == 204
    read = (await client.get(f"{path}/calls")).json()
    names = {"entitlementName": "Calls", "entitlementSlug": "calls", "entitlementType": "NUMBER", "licenseSlug": "team"}
    assert {**read, **raised, **names, "licenseId": license_["id"], "licenseID": license_["id"]} == read
    assert (await client.get(path)).json()["items"] == [read]
    assert (await client.delete(f"{path}/calls")).status_code == 204


async def test_instances(client: httpx.AsyncClient) -> None:
    customer = (await client.post("/customers", json={"name": "Acme"})).json()
    zone = (await client.post("/deployment-zones", json={"name": "Europe", "type": "cloud"})).json()
    team = (await client.post("/licenses", json={"name": "Team", "type": "PAID", "isDefault": True})).json()
    body = {
        "name": "Prod",
        "slug": "prod",
        "description": "x",
        "customerId": customer["id"],
        "licenseId": team["id"],
        "startLicenseDate": "2026-01-01T00:00:00Z",
        "endLicenseDate": "2027-01-01T00:00:00Z",
        "deploymentZoneId": zone["id"],
        "metadata": {"a": 1},
    }
    read = await _crud(client, "/instances", body, {"endLicenseDate": None})
    assert [read[f"{noun}Slug"] for noun in ("customer", "license", "deploymentZone")] == ["acme", "team", "europe"]
    patch = {"status": "DEGRADED", "lifecycleStage": "TRIAL", "licenseSlug": "team"}
    assert (await client.patch("/instances/prod", json=patch)).status_code == 204
    read = (await client.get("/customers/acme/instances")).json()["items"][0]
    assert (read["status"], read["lifecycleStage"]) == ("DEGRADED", "TRIAL")
    by_default = (await client.post("/instances", json={"name": "Next", "customerId": customer["id"]})).json()
    assert by_default["licenseSlug"] == "team"
    assert (await client.delete("/instances/prod")).status_code == 204
