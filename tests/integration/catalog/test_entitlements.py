"""Entitlements."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

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


@pytest.mark.parametrize(
    ("field", "value"),
    [
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
    ],
)
async def test_a_field_takes_only_what_it_says(client: httpx.AsyncClient, field: str, value: Any) -> None:
    answer = await client.post("/entitlements", json={**CALLS, field: value})
    assert (answer.status_code, answer.json()["errors"][0]["location"]) == (422, f"body.{field}")


async def test_the_reset_period_cannot_be_changed(client: httpx.AsyncClient) -> None:
    await client.post("/entitlements", json=CALLS)
    for period in ("DAY", None):
        answer = await client.put("/entitlements/calls", json={**CALLS, "resetPeriod": period})
        assert (answer.status_code, answer.json()["errors"][0]["location"]) == (422, "body.resetPeriod")
    assert (await client.put("/entitlements/calls", json=CALLS)).status_code == 204


async def test_a_licensed_entitlement_keeps_its_meter(client: httpx.AsyncClient, instance: str) -> None:
    for change in ({"aggregationMethod": "MAX"}, {"meterType": "CALCULATED_USAGE"}, {"type": "BOOLEAN"}):
        answer = await client.put("/entitlements/calls", json={"name": "Calls", "type": "NUMBER", **change})
        assert (answer.status_code, answer.json()["blockers"][0]["slug"]) == (409, "team")
    assert (await client.put("/entitlements/calls", json={"name": "API calls", "type": "NUMBER"})).status_code == 204


async def test_a_licensed_entitlement_cannot_be_deleted(client: httpx.AsyncClient, instance: str) -> None:
    answer = await client.delete("/entitlements/calls")
    assert (answer.status_code, answer.json()["code"]) == (409, "DeleteEntitlement.InUse")
    assert answer.json()["blockers"] == [{"type": "License", "slug": "team", "name": "Team"}]
