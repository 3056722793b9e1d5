"""Edits at once, on two replicas: none is lost, and what has to be unique stays so."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Sequence

import httpx

TEAM = {"name": "Team", "type": "PAID"}


async def _statuses(requests: Sequence[Awaitable[httpx.Response]]) -> Counter[int]:
    return Counter(answer.status_code for answer in await asyncio.gather(*requests))


async def test_one_of_many_gets_a_slug(clients: list[httpx.AsyncClient]) -> None:
    for path, body in (
        ("/licenses", TEAM),
        ("/entitlements", {"name": "Calls", "type": "NUMBER"}),
        ("/entitlement-groups", {"name": "Limits"}),
        ("/deployment-zones", {"name": "Europe", "type": "cloud"}),
    ):
        racing = [client.post(path, json=body) for _ in range(4) for client in clients]
        assert await _statuses(racing) == {201: 1, 409: 7}, path


async def test_one_of_many_links_an_entitlement(clients: list[httpx.AsyncClient]) -> None:
    await clients[0].post("/licenses", json=TEAM)
    await clients[0].post("/entitlements", json={"name": "Calls", "type": "NUMBER"})
    link = {"entitlementSlug": "calls", "value": {"type": "number", "value": 1}}
    racing = [client.post("/licenses/team/entitlements", json=link) for _ in range(4) for client in clients]
    assert await _statuses(racing) == {204: 1, 409: 7}


async def test_every_version_gets_a_number_of_its_own(clients: list[httpx.AsyncClient]) -> None:
    await clients[0].post("/licenses", json=TEAM)
    racing = [client.post("/licenses", json={**TEAM, "familySlug": "team"}) for _ in range(5) for client in clients]
    versions = [answer.json()["version"] for answer in await asyncio.gather(*racing)]
    assert sorted(map(int, versions)) == list(range(2, 12))


async def test_there_is_one_default_whoever_wins(clients: list[httpx.AsyncClient]) -> None:
    names = [f"License {number}" for number in range(6)]
    for name in names:
        await clients[0].post("/licenses", json={"name": name, "type": "PAID"})
    made_default = [
        client.put(f"/licenses/license-{number}", json={"name": name, "type": "PAID", "isDefault": True})
        for number, name in enumerate(names)
        for client in clients
    ]
    asked = [client.get("/licenses") for client in clients for _ in range(4)]
    answers = await asyncio.gather(*made_default, *asked)
    defaults = [
        sum(license_["isDefault"] for license_ in answer.json()["items"]) for answer in answers[len(made_default) :]
    ]
    assert {answer.status_code for answer in answers} == {200, 204}
    assert max(defaults) <= 1, "it moved in one step"
    final = (await clients[1].get("/licenses")).json()["items"]
    assert sum(license_["isDefault"] for license_ in final) == 1


async def test_no_edit_of_one_instance_is_lost(clients: list[httpx.AsyncClient], instance: str) -> None:
    changes = [{"name": "New"}, {"description": "new"}, {"lifecycleStage": "NEW"}, {"metadata": {"new": 1}}]
    racing = [clients[number % 2].patch(f"/instances/{instance}", json=change) for number, change in enumerate(changes)]
    assert await _statuses(racing) == {204: 4}
    read = (await clients[0].get(f"/instances/{instance}")).json()
    assert (read["name"], read["description"], read["lifecycleStage"], read["metadata"]) == (
        "New",
        "new",
        "NEW",
        {"new": 1},
    )


async def test_no_member_of_a_group_is_lost(clients: list[httpx.AsyncClient]) -> None:
    await clients[0].post("/entitlements", json={"name": "Calls", "type": "NUMBER"})
    for number in range(6):
        await clients[0].post("/entitlement-groups", json={"name": f"Group {number}"})
    racing = [
        clients[number % 2].post(f"/entitlement-groups/group-{number}/entitlements", json={"entitlementSlug": "calls"})
        for number in range(6)
    ]
    assert await _statuses(racing) == {201: 6}
    assert len((await clients[0].get("/entitlements/calls")).json()["groupSlugs"]) == 6


async def test_nothing_is_left_that_refers_to_what_was_deleted(clients: list[httpx.AsyncClient], instance: str) -> None:
    customer = (await clients[0].get("/customers/acme")).json()["id"]
    await clients[0].post("/licenses", json={"name": "Short-lived", "type": "TRIAL"})
    made = [
        clients[number % 2].post(
            "/instances", json={"name": f"Trial {number}", "customerId": customer, "licenseSlug": "short-lived"}
        )
        for number in range(6)
    ]
    deleted = [client.delete("/licenses/short-lived") for client in clients]
    answers = await asyncio.gather(made[0], deleted[0], *made[1:], deleted[1])
    assert {answer.status_code for answer in answers} <= {201, 204, 404, 409}
    under_it = (await clients[0].get("/customers/acme/instances")).json()["items"]
    is_there = (await clients[1].get("/licenses/short-lived")).status_code == 200
    assert is_there is any(one["licenseSlug"] == "short-lived" for one in under_it)
