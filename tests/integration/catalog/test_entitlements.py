"""Entitlements."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
from sqlalchemy import delete

from catalog.catalog import Catalog
from catalog.feed import Change
from tests.integration.catalog.conftest import Meters, Reporters

CALLS = {"name": "Calls", "type": "NUMBER", "resetPeriod": "MONTH", "warningThresholdPercent": 80}


async def test_an_entitlement_sums_raw_events_for_ever_unless_told_otherwise(client: httpx.AsyncClient) -> None:
    created = (await client.post("/entitlements", json={"name": "Calls", "type": "NUMBER"})).json()
    assert (created["meterType"], created["aggregationMethod"]) == ("RAW_EVENT", "SUM")
    assert (created["resetPeriod"], created["resetAnchor"]) == (None, "CALENDAR")


async def test_an_entitlement_is_created_read_replaced_and_deleted(client: httpx.AsyncClient) -> None:
    await client.post("/entitlements", json=CALLS)
    read = (await client.get("/entitlements/calls")).json()
    assert {key: read[key] for key in CALLS} == CALLS
    change = {"name": "API calls", "type": "NUMBER", "unitSingular": "call", "unitPlural": "calls", "userFacing": True}
    assert (await client.put("/entitlements/calls", json=change)).status_code == 204
    read = (await client.get("/entitlements/calls")).json()
    assert {key: read[key] for key in change} == change
    assert (read["resetPeriod"], read["warningThresholdPercent"]) == ("MONTH", None)
    assert (await client.delete("/entitlements/calls")).status_code == 204


WRONG: list[tuple[str, Any]] = [
    ("type", "STRING"),
    ("meterType", "GAUGE"),
    ("aggregationMethod", "MEDIAN"),
    ("resetPeriod", "DECADE"),
    ("resetAnchor", "BIRTH"),
    ("warningThresholdPercent", 101),
    ("warningThresholdPercent", -1),
    ("warningThresholdPercent", "80"),
    ("userFacing", "yes"),
    ("userFacing", 1),
    ("displayOrder", "1"),
    ("displayOrder", 2**31),
]


async def test_a_field_takes_only_what_it_says(client: httpx.AsyncClient) -> None:
    for field, value in WRONG:
        answer = await client.post("/entitlements", json={**CALLS, field: value})
        assert (answer.status_code, answer.json()["errors"][0]["location"]) == (422, f"body.{field}"), value


async def test_the_reset_period_cannot_be_changed(client: httpx.AsyncClient) -> None:
    await client.post("/entitlements", json=CALLS)
    for period in ("DAY", None):
        answer = await client.put("/entitlements/calls", json={**CALLS, "resetPeriod": period})
        assert (answer.status_code, answer.json()["errors"][0]["location"]) == (422, "body.resetPeriod")
    assert (await client.put("/entitlements/calls", json=CALLS)).status_code == 204


RECOUNTED: list[dict[str, Any]] = [
    {"aggregationMethod": "MAX"},
    {"meterType": "CALCULATED_USAGE"},
    {"type": "BOOLEAN"},
    {"resetPeriod": "DAY"},
    {"resetAnchor": "LICENSE_START"},
]


async def test_a_licensed_entitlement_is_counted_as_before(client: httpx.AsyncClient, instance: str) -> None:
    for change in RECOUNTED:
        answer = await client.put("/entitlements/calls", json={"name": "Calls", "type": "NUMBER", **change})
        assert (answer.status_code, answer.json()["code"]) == (409, "UpdateEntitlement.InUse"), change
        assert answer.json()["blockers"] == [{"type": "License", "slug": "team", "name": "Team"}]
    assert (await client.put("/entitlements/calls", json={"name": "API calls", "type": "NUMBER"})).status_code == 204


async def test_an_entitlement_with_usage_is_counted_as_before_though_no_license_grants_it(
    client: httpx.AsyncClient, instance: str, reporters: Reporters
) -> None:
    await client.delete("/licenses/team/entitlements/calls")
    reporters.instances = [(await client.get(f"/instances/{instance}")).json()["id"]]
    for change in RECOUNTED:
        answer = await client.put("/entitlements/calls", json={"name": "Calls", "type": "NUMBER", **change})
        assert (answer.status_code, answer.json()["counts"]) == (409, {"Instance": 1}), change
        assert answer.json()["blockers"] == [{"type": "Instance", "slug": "prod", "name": "Prod"}]


async def test_usage_that_the_trail_does_not_have_yet_is_counted_as_before(
    client: httpx.AsyncClient, instance: str, reporters: Reporters, meters: Meters
) -> None:
    reporters.instances = [str(uuid.uuid4())]  # one that is gone
    meters.events = {(await client.get(f"/instances/{instance}")).json()["id"]: 1}
    await client.delete("/licenses/team/entitlements/calls")
    answer = await client.put(
        "/entitlements/calls", json={"name": "Calls", "type": "NUMBER", "aggregationMethod": "MAX"}
    )
    assert (answer.status_code, answer.json()["counts"]) == (409, {"Instance": 1})


async def test_meters_are_asked_only_where_something_was_edited_lately(
    client: httpx.AsyncClient, instance: str, catalog: Catalog, meters: Meters
) -> None:
    await client.delete("/licenses/team/entitlements/calls")
    for change in ({"description": "Calls of the API"}, {"aggregationMethod": "SUM"}):
        await client.put("/entitlements/calls", json={"name": "Calls", "type": "NUMBER", **change})
    assert meters.asked == [], "what is counted the same way needs no question"
    async with catalog.database.edit() as session:
        await session.execute(delete(Change))
    changed = {"name": "Calls", "type": "NUMBER", "aggregationMethod": "MAX"}
    assert (await client.put("/entitlements/calls", json=changed)).status_code == 204
    assert meters.asked == []


async def test_usage_of_an_instance_that_is_gone_stands_in_nobody_s_way(
    client: httpx.AsyncClient, instance: str, reporters: Reporters
) -> None:
    await client.delete("/licenses/team/entitlements/calls")
    reporters.instances = [(await client.get(f"/instances/{instance}")).json()["id"]]
    await client.delete(f"/instances/{instance}")
    assert (await client.put("/entitlements/calls", json={"name": "SSO", "type": "BOOLEAN"})).status_code == 204
    assert (await client.get("/entitlements/calls")).json()["type"] == "BOOLEAN"


async def test_a_licensed_entitlement_cannot_be_deleted(client: httpx.AsyncClient, instance: str) -> None:
    answer = await client.delete("/entitlements/calls")
    assert (answer.status_code, answer.json()["code"]) == (409, "DeleteEntitlement.InUse")
    assert answer.json()["blockers"] == [{"type": "License", "slug": "team", "name": "Team"}]
