"""Two organizations: neither can see, guess or touch anything of the other."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from api.routes import routers

FLAG: dict[str, Any] = {
    "name": "Checkout",
    "type": "boolean",
    "enabled": True,
    "variants": [{"name": "on", "value": True}],
    "default_variant": {"type": "basic", "variant": "on"},
    "targetings": [],
}
BODIES: dict[str, dict[str, Any]] = {
    "UpdateServiceAccount": {"name": "Mine"},
    "CreateToken": {"name": "Mine", "scopes": ["read:*"]},
    "UpdateCustomer": {"name": "Mine"},
    "UpdateDeploymentZone": {"name": "Mine", "type": "mine"},
    "UpdateEntitlement": {"name": "Mine", "type": "NUMBER"},
    "UpdateEntitlementGroup": {"name": "Mine"},
    "AddEntitlementGroupMember": {"entitlementSlug": "calls"},
    "UpdateLicense": {"name": "Mine", "type": "PAID"},
    "AssociateLicenseEntitlement": {"entitlementSlug": "calls", "value": {"type": "number", "value": 1}},
    "UpdateLicenseEntitlement": {"value": {"type": "number", "value": 1}},
    "UpdateInstance": {"name": "Mine", "customerId": "00000000-0000-0000-0000-000000000000"},
    "PatchInstance": {"name": "Mine"},
    "UpdateFeatureFlag": FLAG,
}
SLUGS = {
    "serviceAccountSlug": "billing",
    "tokenSlug": "ci",
    "customerSlug": "acme",
    "deploymentZoneSlug": "europe",
    "entitlementSlug": "calls",
    "entitlementGroupSlug": "billing",
    "licenseSlug": "team",
    "familySlug": "team",
    "instanceSlug": "prod",
    "featureFlagSlug": "checkout",
}
NAMED = [route for router in routers() for route in router.routes if isinstance(route, APIRoute) and "{" in route.path]


@pytest.fixture(autouse=True)
async def _everything(client: httpx.AsyncClient, instance: str) -> None:
    await client.post("/deployment-zones", json={"name": "Europe", "type": "production"})
    await client.post("/entitlement-groups", json={"name": "Billing"})
    await client.post("/feature-flags", json=FLAG)
    await client.post("/service-accounts", json={"name": "Billing"})
    await client.post("/service-accounts/billing/tokens", json={"name": "CI", "scopes": ["read:*"]})


@pytest.mark.parametrize("route", NAMED, ids=lambda route: route.operation_id)
async def test_anothers_resource_is_not_found(stranger: httpx.AsyncClient, route: APIRoute) -> None:
    path = route.path.format(**SLUGS)
    answer = await stranger.request(next(iter(route.methods)), path, json=BODIES.get(route.operation_id or ""))
    assert answer.status_code == 404
    assert answer.json()["code"].endswith("NotFound")


async def test_lists_hold_only_ones_own(client: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    for path in (
        "/customers",
        "/deployment-zones",
        "/entitlements",
        "/entitlement-groups",
        "/licenses",
        "/license-families",
        "/instances",
        "/feature-flags",
    ):
        assert len((await client.get(path)).json()["items"]) == 1
        assert (await stranger.get(path)).json()["items"] == []
    assert [one["slug"] for one in (await stranger.get("/service-accounts")).json()["items"]] == ["admin"]


async def test_slugs_are_unique_within_an_organization_only(stranger: httpx.AsyncClient) -> None:
    assert (await stranger.post("/customers", json={"name": "Acme"})).status_code == 201


async def test_anothers_ids_are_not_found_as_references(client: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    theirs = (await client.get("/instances/prod")).json()
    mine = (await stranger.post("/customers", json={"name": "Acme"})).json()["id"]
    for body in ({"customerId": theirs["customerId"]}, {"customerId": mine, "licenseId": theirs["licenseId"]}):
        answer = await stranger.post("/instances", json={"name": "Mine", **body})
        assert answer.status_code == 404
