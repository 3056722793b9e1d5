"""Grants: resolved once, then from memory, until something that they were made from is edited."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from catalog.catalog import Catalog
from catalog.principal import Principal
from metering.grant import Reason
from metering.meter import Aggregation
from metering.period import ResetPeriod
from metering.problems import EntitlementNotLicensed, ResourceNotFound

NAMES = ("prod", "calls")
LINK = "/licenses/team/entitlements/calls"
MOMENT = datetime(2026, 6, 1, tzinfo=UTC)


async def test_a_grant_says_what_a_meter_is_held_against(
    client: httpx.AsyncClient, catalog: Catalog, admin: Principal, instance: str
) -> None:
    terms = {"value": {"type": "number", "value": 1000.5}, "limitCapExceededOveragePercent": 10}
    await client.put(LINK, json=terms)
    body = b'{"name": "Calls", "type": "NUMBER", "warningThresholdPercent": 80.5}'
    await client.put("/entitlements/calls", content=body, headers={"Content-Type": "application/json"})
    entitled = await catalog.resolver.resolve(admin.organization_id, *NAMES)
    grant = entitled.grant
    assert grant is not None
    assert (grant.limit, grant.overage_percent, grant.warning_percent) == (Decimal("1000.5"), 10, Decimal("80.5"))
    assert (grant.aggregation, grant.license_version, grant.license_active) == (Aggregation.SUM, "1", True)
    assert (grant.instance_id, grant.license_id) == (entitled.instance_id, entitled.license_id)
    assert entitled.value == {"type": "number", "value": Decimal("1000.5")}


async def test_numbers_that_are_usage_already_are_summed(
    client: httpx.AsyncClient, catalog: Catalog, admin: Principal, instance: str
) -> None:
    body = {"name": "Seats", "type": "NUMBER", "meterType": "CALCULATED_USAGE", "aggregationMethod": "MAX"}
    await client.post("/entitlements", json=body)
    link = {"entitlementSlug": "seats", "value": {"type": "number", "value": -1}}
    await client.post("/licenses/team/entitlements", json=link)
    grant = (await catalog.resolver.resolve(admin.organization_id, instance, "seats")).grant
    assert grant is not None
    assert (grant.aggregation, grant.cap) == (Aggregation.SUM, None)


async def test_periods_are_anchored_where_the_entitlement_says(
    client: httpx.AsyncClient, catalog: Catalog, admin: Principal, instance: str
) -> None:
    for name, anchor in (("By calendar", "CALENDAR"), ("By license", "LICENSE_START")):
        body = {"name": name, "type": "NUMBER", "resetPeriod": "MONTH", "resetAnchor": anchor}
        slug = (await client.post("/entitlements", json=body)).json()["slug"]
        link = {"entitlementSlug": slug, "value": {"type": "number", "value": 1}}
        await client.post("/licenses/team/entitlements", json=link)
    read = (await client.get(f"/instances/{instance}")).json()
    by_calendar, by_license, _ = [
        one.grant for one in await catalog.resolver.resolve_all(admin.organization_id, instance)
    ]
    assert by_calendar is not None
    assert by_license is not None
    assert (by_calendar.reset_period, by_calendar.anchor) == (ResetPeriod.MONTH, None)
    assert by_license.anchor == datetime.fromisoformat(read["createdAt"])
    await client.patch(f"/instances/{instance}", json={"startLicenseDate": "2026-01-15T00:00:00Z"})
    by_license = (await catalog.resolver.resolve(admin.organization_id, instance, "by-license")).grant
    assert by_license is not None
    assert by_license.anchor == by_license.starts_at == datetime(2026, 1, 15, tzinfo=UTC)


async def test_what_cannot_be_resolved_says_which_part_is_missing(
    client: httpx.AsyncClient, catalog: Catalog, admin: Principal, instance: str
) -> None:
    await client.post("/entitlements", json={"name": "Seats", "type": "NUMBER"})
    resolve, organization = catalog.resolver.resolve, admin.organization_id
    for names, noun in (
        (("other", "calls"), "Instance"),
        ((instance, "other"), "Entitlement"),
        (("../", "calls"), "Instance"),
    ):
        with pytest.raises(ResourceNotFound) as found:
            await resolve(organization, *names)
        assert found.value.noun == noun
    with pytest.raises(EntitlementNotLicensed):
        await resolve(organization, instance, "seats")


async def test_all_that_is_metered_is_resolved_in_display_order(
    client: httpx.AsyncClient, catalog: Catalog, admin: Principal, instance: str
) -> None:
    for name, kind, value in (
        ("Seats", "NUMBER", {"type": "number", "value": 5}),
        ("SSO", "BOOLEAN", {"type": "boolean", "value": True}),
    ):
        await client.post("/entitlements", json={"name": name, "type": kind, "displayOrder": -1})
        await client.post("/licenses/team/entitlements", json={"entitlementSlug": name.lower(), "value": value})
    resolved = await catalog.resolver.resolve_all(admin.organization_id, instance)
    assert [one.entitlement_slug for one in resolved] == ["seats", "calls"]
    sso = await catalog.resolver.resolve(admin.organization_id, instance, "sso")
    assert (sso.grant, sso.value) == (None, {"type": "boolean", "value": True})


async def test_an_organization_resolves_only_its_own(
    catalog: Catalog, admin: Principal, instance: str, stranger: httpx.AsyncClient
) -> None:
    await catalog.resolver.resolve(admin.organization_id, *NAMES)
    authorization = stranger.headers["Authorization"]
    other = (await catalog.authenticator.authenticate(authorization)).organization_id
    assert catalog.resolver.cached(other, *NAMES) is None
    with pytest.raises(ResourceNotFound):
        await catalog.resolver.resolve(other, *NAMES)
    with pytest.raises(ResourceNotFound):
        await catalog.resolver.instance_id(other, instance)


EDITS: list[tuple[str, str, dict[str, Any] | None]] = [
    ("PUT", LINK, {"value": {"type": "number", "value": 5}}),
    ("DELETE", LINK, None),
    ("PUT", "/licenses/team", {"name": "Team", "type": "PAID", "isActive": False}),
    ("PUT", "/licenses/team", {"name": "Team", "type": "PAID", "slug": "crew"}),
    ("PUT", "/entitlements/calls", {"name": "Calls", "type": "NUMBER", "warningThresholdPercent": 50}),
    ("PATCH", "/instances/prod", {"endLicenseDate": "2026-01-01T00:00:00Z"}),
    ("PATCH", "/instances/prod", {"slug": "production"}),
    ("DELETE", "/instances/prod", None),
]


@pytest.mark.parametrize(("method", "path", "body"), EDITS)
async def test_an_edit_is_in_force_here_at_once_and_elsewhere_at_the_next_poll(
    client: httpx.AsyncClient,
    catalog: Catalog,
    other_replica: Catalog,
    admin: Principal,
    instance: str,
    method: str,
    path: str,
    body: dict[str, Any] | None,
) -> None:
    await other_replica.feed.poll()
    for replica in (catalog, other_replica):
        await replica.resolver.resolve(admin.organization_id, *NAMES)
    assert (await client.request(method, path, json=body)).status_code == 204
    assert catalog.resolver.cached(admin.organization_id, *NAMES) is None
    assert other_replica.resolver.cached(admin.organization_id, *NAMES) is not None
    await other_replica.feed.poll()
    assert other_replica.resolver.cached(admin.organization_id, *NAMES) is None


async def test_the_id_of_an_instance_is_remembered_until_the_instance_is_edited(
    client: httpx.AsyncClient, catalog: Catalog, other_replica: Catalog, admin: Principal, instance: str
) -> None:
    await other_replica.feed.poll()
    for replica in (catalog, other_replica):
        known = await replica.resolver.instance_id(admin.organization_id, instance)
    assert (await client.patch("/instances/prod", json={"slug": "production"})).status_code == 204
    with pytest.raises(ResourceNotFound):
        await catalog.resolver.instance_id(admin.organization_id, instance)
    assert await other_replica.resolver.instance_id(admin.organization_id, instance) == known
    renamed = (await client.get("/instances/production")).json()
    body = {"name": "Prod", "customerId": renamed["customerId"], "licenseId": renamed["licenseId"]}
    assert (await client.post("/instances", json=body)).status_code == 201
    await other_replica.feed.poll()
    for replica in (catalog, other_replica):
        assert await replica.resolver.instance_id(admin.organization_id, instance) != known
        assert await replica.resolver.instance_id(admin.organization_id, "production") == known


async def test_what_is_read_of_an_instance_before_an_edit_is_not_kept_after_it(
    client: httpx.AsyncClient, catalog: Catalog, other_replica: Catalog, admin: Principal, instance: str
) -> None:
    resolver = other_replica.resolver
    reading = asyncio.create_task(resolver.instance_id(admin.organization_id, instance))
    await asyncio.sleep(0)
    resolver.evict("whatever was just edited")
    await reading
    await client.patch("/instances/prod", json={"slug": "production"})
    with pytest.raises(ResourceNotFound):
        await resolver.instance_id(admin.organization_id, instance)


async def test_nothing_is_remembered_once_it_is_cleared(
    client: httpx.AsyncClient, catalog: Catalog, other_replica: Catalog, admin: Principal, instance: str
) -> None:
    resolver = other_replica.resolver
    await resolver.resolve(admin.organization_id, *NAMES)
    await resolver.instance_id(admin.organization_id, instance)
    await client.patch("/instances/prod", json={"slug": "production"})
    resolver.clear()
    assert resolver.cached(admin.organization_id, *NAMES) is None
    with pytest.raises(ResourceNotFound):
        await resolver.instance_id(admin.organization_id, instance)


async def test_an_edit_of_something_else_evicts_nothing(
    client: httpx.AsyncClient, catalog: Catalog, admin: Principal, instance: str
) -> None:
    await catalog.feed.poll()
    await catalog.resolver.resolve(admin.organization_id, *NAMES)
    await client.post("/customers", json={"name": "Beta"})
    await client.put("/customers/acme", json={"name": "Acme Inc"})
    await catalog.feed.poll()
    assert catalog.resolver.cached(admin.organization_id, *NAMES) is not None


async def test_inactive_and_outside_its_dates_is_seen_in_the_grant(
    client: httpx.AsyncClient, catalog: Catalog, admin: Principal, instance: str
) -> None:
    async def refusal() -> Reason | None:
        grant = (await catalog.resolver.resolve(admin.organization_id, *NAMES)).grant
        assert grant is not None
        return grant.refusal_at(MOMENT)

    assert await refusal() is None
    await client.patch(f"/instances/{instance}", json={"endLicenseDate": "2026-05-01T00:00:00Z"})
    assert await refusal() is Reason.LICENSE_OUTSIDE_DATES
    await client.put("/licenses/team", json={"name": "Team", "type": "PAID", "isActive": False})
    assert await refusal() is Reason.LICENSE_INACTIVE
