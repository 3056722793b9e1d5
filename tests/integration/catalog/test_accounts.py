"""Service accounts, their tokens, and what a token may do."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.routes import routers
from catalog.catalog import Catalog
from catalog.rate import RateLimit

Clients = Callable[[dict[str, str]], Awaitable[httpx.AsyncClient]]


async def _token(client: httpx.AsyncClient, scopes: list[str], **more: Any) -> dict[str, Any]:
    body = {"name": "CI", "scopes": scopes, **more}
    answer = await client.post("/service-accounts/admin/tokens", json=body)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def test_an_account_is_created_read_and_renamed(client: httpx.AsyncClient) -> None:
    assert (await client.post("/service-accounts", json={"name": "Billing"})).status_code == 201
    assert (await client.put("/service-accounts/billing", json={"name": "Invoices"})).status_code == 204
    assert (await client.get("/service-accounts/billing")).json()["name"] == "Invoices"
    assert len((await client.get("/service-accounts")).json()["items"]) == 2


async def test_a_renamed_account_signs_with_its_new_name(client: httpx.AsyncClient) -> None:
    await client.put("/service-accounts/admin", json={"name": "Root"})
    assert (await client.post("/customers", json={"name": "Acme"})).json()["createdBy"]["name"] == "Root"


async def test_a_token_is_shown_once_and_stored_as_a_hash(client: httpx.AsyncClient, sqlite_file: Path) -> None:
    issued = await _token(client, ["read:customers"])
    assert issued["token"].startswith("tdm_")
    assert len(issued["token"]) >= len("tdm_") + 43
    listed = (await client.get("/service-accounts/admin/tokens")).text
    assert "ci" in listed
    assert issued["token"] not in listed
    with sqlite3.connect(sqlite_file) as database:
        assert issued["token"] not in "\n".join(database.iterdump())
    database.close()


async def test_a_token_does_what_its_scopes_say_and_no_more(client: httpx.AsyncClient, client_of: Clients) -> None:
    issued = await _token(client, ["write:customers"])
    limited = await client_of({"Authorization": f"Bearer {issued['token']}"})
    assert (await limited.post("/customers", json={"name": "Acme"})).status_code == 201
    assert (await limited.get("/customers")).status_code == 200
    answer = await limited.get("/licenses")
    assert (answer.status_code, answer.json()["code"]) == (403, "ListLicenses.MissingScope")


async def test_nobody_hands_out_more_than_they_hold(client: httpx.AsyncClient, client_of: Clients) -> None:
    issued = await _token(client, ["write:tokens"])
    limited = await client_of({"Authorization": f"Bearer {issued['token']}"})
    body = {"name": "More", "scopes": ["read:customers"]}
    assert (await limited.post("/service-accounts/admin/tokens", json=body)).status_code == 403
    assert (await limited.post("/service-accounts/admin/tokens", json={**body, "scopes": ["read:tokens"]})).is_success


async def test_a_revoked_token_is_refused_at_the_next_call(client: httpx.AsyncClient, client_of: Clients) -> None:
    issued = await _token(client, ["read:*"])
    limited = await client_of({"Authorization": f"Bearer {issued['token']}"})
    assert (await limited.get("/customers")).status_code == 200
    assert (await client.delete("/service-accounts/admin/tokens/ci")).status_code == 204
    answer = await limited.get("/customers")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    shown = (await client.get("/service-accounts/admin/tokens")).json()["items"][0]
    assert (shown["slug"], shown["revokedBy"]["name"]) == ("ci", "Admin")


async def test_a_token_expires_also_when_it_is_cached(client: httpx.AsyncClient, catalog: Catalog) -> None:
    expires_at = datetime.now(UTC) + timedelta(hours=1)
    issued = await _token(client, ["read:*"], expiresAt=expires_at.isoformat())
    authorization = f"Bearer {issued['token']}"
    assert (await catalog.authenticator.authenticate(authorization)).token_slug == "ci"
    catalog.authenticator._clock = expires_at.timestamp
    assert catalog.authenticator.cached(authorization) is None


async def test_a_token_past_its_rate_is_told_when_to_go_on_and_others_are_not_held_up(
    client: httpx.AsyncClient, client_of: Clients, catalog: Catalog
) -> None:
    issued = await _token(client, ["read:customers"])
    limited = await client_of({"Authorization": f"Bearer {issued['token']}"})
    catalog.authenticator._rate_limit = RateLimit(2, lambda: 1_000.0)
    assert [(await limited.get("/customers")).status_code for _ in range(3)] == [200, 200, 429]
    answer = await limited.get("/customers")
    assert (answer.json()["code"], answer.headers["retry-after"]) == ("ListCustomers.RateLimitExceeded", "1")
    assert answer.headers["ratelimit"] == '"token";r=0;t=1'
    assert (await client.get("/customers")).status_code == 200


SENSELESS: list[tuple[dict[str, Any], str]] = [
    ({"scopes": []}, "body.scopes"),
    ({"scopes": ["read:everything"]}, "body.scopes.0"),
    ({"scopes": ["*"]}, "body.scopes.0"),
    ({"expiresAt": "2020-01-01T00:00:00Z"}, "body.expiresAt"),
]


async def test_a_token_that_makes_no_sense_is_refused(client: httpx.AsyncClient) -> None:
    for change, location in SENSELESS:
        answer = await client.post(
            "/service-accounts/admin/tokens", json={"name": "CI", "scopes": ["read:*"], **change}
        )
        assert (answer.status_code, answer.json()["errors"][0]["location"]) == (422, location)


BAD_HEADERS: list[dict[str, str]] = [
    {},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer tdm_unknown"},
    {"Authorization": "Basic YWRtaW46YWRtaW4="},
]


async def test_without_a_good_token_every_route_is_401(app: FastAPI, client_of: Clients) -> None:
    for headers in BAD_HEADERS:
        visitor = await client_of(headers)
        routes = [route for router in routers() for route in router.routes if isinstance(route, APIRoute)]
        for route in routes:
            path = route.path.replace("{", "").replace("}", "")
            answer = await visitor.request(next(iter(route.methods)), path)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), route.path
        assert len(routes) > 30
