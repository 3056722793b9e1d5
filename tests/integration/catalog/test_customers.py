"""Customers, and with them what holds for every resource alike."""

from __future__ import annotations

import asyncio
from datetime import datetime

import httpx


async def test_a_customer_is_created_read_replaced_and_deleted(client: httpx.AsyncClient) -> None:
    created = await client.post("/customers", json={"name": "Acme", "domain": "acme.com"})
    assert created.status_code == 201
    assert created.json()["slug"] == "acme"
    assert (await client.put("/customers/acme", json={"name": "Acme Inc"})).status_code == 204
    read = (await client.get("/customers/acme")).json()
    assert (read["name"], read["slug"], read["domain"]) == ("Acme Inc", "acme", None)
    assert (await client.delete("/customers/acme")).status_code == 204
    assert (await client.get("/customers/acme")).status_code == 404


async def test_every_route_answers_under_api_too(client: httpx.AsyncClient) -> None:
    await client.post("/api/customers", json={"name": "Acme"})
    assert (await client.get("/customers/acme")).json() == (await client.get("/api/customers/acme")).json()


async def test_a_resource_says_who_made_and_changed_it_when(client: httpx.AsyncClient) -> None:
    created = (await client.post("/customers", json={"name": "Acme"})).json()
    assert created["createdBy"]["name"] == created["updatedBy"]["name"] == "Admin"
    assert created["createdAt"].endswith("Z")
    assert datetime.fromisoformat(created["createdAt"]) == datetime.fromisoformat(created["updatedAt"])


async def test_a_taken_slug_is_a_conflict(client: httpx.AsyncClient) -> None:
    await client.post("/customers", json={"name": "Acme"})
    answer = await client.post("/customers", json={"name": "ACME"})
    assert (answer.status_code, answer.json()["code"]) == (409, "CreateCustomer.SlugTaken")


async def test_of_many_that_want_one_slug_one_gets_it(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(client.post("/customers", json={"name": "Acme"}) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7


async def test_renaming_to_a_taken_slug_is_a_conflict(client: httpx.AsyncClient) -> None:
    for name in ("Acme", "Beta"):
        await client.post("/customers", json={"name": name})
    answer = await client.put("/customers/beta", json={"name": "Beta", "slug": "acme"})
    assert (answer.status_code, answer.json()["code"]) == (409, "UpdateCustomer.SlugTaken")


async def test_a_customer_with_instances_cannot_be_deleted(client: httpx.AsyncClient, instance: str) -> None:
    answer = await client.delete("/customers/acme")
    assert (answer.status_code, answer.json()["code"]) == (409, "DeleteCustomer.InUse")
    assert answer.json()["blockers"] == [{"type": "Instance", "slug": instance, "name": "Prod"}]
    await client.delete(f"/instances/{instance}")
    assert (await client.delete("/customers/acme")).status_code == 204


async def test_pages_follow_each_other_without_gap_or_repeat(client: httpx.AsyncClient) -> None:
    for number in range(7):
        await client.post("/customers", json={"name": f"Customer {number}"})
    slugs, cursor = [], None
    while True:
        query = {"limit": "3", **({"cursor": cursor} if cursor else {})}
        page = (await client.get("/customers", params=query)).json()
        slugs += [customer["slug"] for customer in page["items"]]
        cursor = page["nextCursor"]
        if not page["hasMore"]:
            break
    assert slugs == [f"customer-{number}" for number in range(7)]
    assert cursor is None


async def test_a_cursor_that_was_not_given_out_is_refused(client: httpx.AsyncClient) -> None:
    for cursor in ("%%%", "bm90IGEgc2x1Zw", "é", ""):
        answer = await client.get("/customers", params={"cursor": cursor})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["location"] == "query.cursor"


async def test_a_limit_lies_between_1_and_200(client: httpx.AsyncClient) -> None:
    for limit in ("0", "201", "many"):
        answer = await client.get("/customers", params={"limit": limit})
        assert (answer.status_code, answer.json()["errors"][0]["location"]) == (422, "query.limit")
    assert (await client.get("/customers", params={"limit": "200"})).status_code == 200


async def test_a_name_without_letters_still_gets_a_slug(client: httpx.AsyncClient) -> None:
    created = (await client.post("/customers", json={"name": "☃"})).json()
    assert (await client.get(f"/customers/{created['slug']}")).json()["name"] == "☃"


async def test_what_could_be_no_slug_is_not_found(client: httpx.AsyncClient) -> None:
    for slug in ("..%2F..%2Fetc", "a%00b", "A", "-a-", "x" * 500):
        assert (await client.get(f"/customers/{slug}")).status_code == 404
