"""Deployment zones."""

from __future__ import annotations

import httpx

ZONE = {"name": "Europe", "type": "production", "description": "Frankfurt", "metadata": {"region": "eu-central-1"}}


async def test_a_zone_is_created_read_replaced_and_deleted(client: httpx.AsyncClient) -> None:
    assert (await client.post("/deployment-zones", json=ZONE)).status_code == 201
    read = (await client.get("/deployment-zones/europe")).json()
    assert {key: read[key] for key in ZONE} == ZONE
    await client.put("/deployment-zones/europe", json={"name": "Europe", "type": "staging"})
    read = (await client.get("/deployment-zones/europe")).json()
    assert (read["type"], read["description"], read["metadata"]) == ("staging", "", None)
    assert (await client.delete("/deployment-zones/europe")).status_code == 204
    assert (await client.get("/deployment-zones")).json() == {"items": [], "hasMore": False, "nextCursor": None}


async def test_metadata_comes_back_digit_by_digit(client: httpx.AsyncClient) -> None:
    body = b'{"name": "Europe", "type": "production", "metadata": {"ratio": 0.1000000000000000000001, "n": 1e3}}'
    await client.post("/deployment-zones", content=body, headers={"Content-Type": "application/json"})
    assert (
        '"metadata":{"ratio":0.1000000000000000000001,"n":1E+3}' in (await client.get("/deployment-zones/europe")).text
    )


async def test_a_zone_with_instances_cannot_be_deleted(client: httpx.AsyncClient, instance: str) -> None:
    zone = (await client.post("/deployment-zones", json=ZONE)).json()
    await client.patch(f"/instances/{instance}", json={"deploymentZoneId": zone["id"]})
    answer = await client.delete("/deployment-zones/europe")
    assert (answer.status_code, answer.json()["code"]) == (409, "DeleteDeploymentZone.InUse")
    assert answer.json()["blockers"][0]["slug"] == instance
