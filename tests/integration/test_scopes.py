"""Who may do what: every route asks for its one scope, and for a token that is in force."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from catalog.principal import SCOPES
from tests.pipeline import Pipeline, wait_until
from tests.shop import post
from tests.tenants import Operation, ask, operations

pytestmark = pytest.mark.integration


class Holders:
    """Clients whose tokens hold just the scopes that are asked for; each is issued once."""

    def __init__(self, pipeline: Pipeline, issuer: httpx.Client, stack: ExitStack) -> None:
        self._pipeline, self._issuer, self._stack = pipeline, issuer, stack
        self._clients: dict[frozenset[str], httpx.Client] = {}

    def of(self, scopes: frozenset[str]) -> httpx.Client:
        if scopes not in self._clients:
            name = f"Holder {len(self._clients)}"
            token = post(self._issuer, "/service-accounts/admin/tokens", name=name, scopes=sorted(scopes))["token"]
            self._clients[scopes] = self._stack.enter_context(self._pipeline.client(token))
        return self._clients[scopes]


@pytest.fixture(scope="module")
def issuer(pipeline: Pipeline) -> Iterator[httpx.Client]:
    with pipeline.client(pipeline.new_organization("Scopes")) as client:
        yield client


@pytest.fixture(scope="module")
def holders(pipeline: Pipeline, issuer: httpx.Client) -> Iterator[Holders]:
    with ExitStack() as stack:
        yield Holders(pipeline, issuer, stack)


@pytest.fixture(scope="module")
def every(client: httpx.Client) -> list[Operation]:
    return list(operations(client.get("/openapi.json").json()))


def scope_of(operation: Operation) -> str:
    scope: str = operation.described["security"][0]["HTTPBearer"][0]
    return scope


def instead_of(scope: str) -> frozenset[str]:
    """The scopes that do for `scope`: it, its module's write, and those of all modules."""
    access, _, module = scope.partition(":")
    accesses = ("write",) if access == "write" else ("read", "write")
    return frozenset(f"{held}:{of}" for held in accesses for of in (module, "*"))


def ask_as(client: httpx.Client, operation: Operation) -> httpx.Response:
    body = {"json": {}} if "requestBody" in operation.described else {}
    return ask(client, operation, operation.path_for(lambda _: "nobody"), **body)


def test_without_a_token_in_force_every_route_is_401(pipeline: Pipeline, every: list[Operation]) -> None:
    for headers in ({}, {"Authorization": "Bearer tdm_unknown"}, {"Authorization": "Basic YWRtaW46YWRtaW4="}):
        with httpx.Client(base_url=pipeline.url, headers=headers) as visitor:
            for operation in every:
                answer = ask_as(visitor, operation)
                assert answer.status_code == 401, (operation.name, answer.text)
                assert answer.headers["www-authenticate"] == "Bearer"
                assert answer.json()["code"].endswith("Unauthenticated")


def test_with_every_other_scope_every_route_is_403_and_names_the_one(holders: Holders, every: list[Operation]) -> None:
    for operation in every:
        scope = scope_of(operation)
        answer = ask_as(holders.of(SCOPES - instead_of(scope)), operation)
        assert answer.status_code == 403, (operation.name, answer.text)
        assert answer.json()["code"] == f"{operation.name}.MissingScope"
        assert answer.json()["scope"] == scope


def test_with_its_scope_alone_every_route_lets_in(holders: Holders, every: list[Operation]) -> None:
    for operation in every:
        for enough in instead_of(scope_of(operation)):
            answer = ask_as(holders.of(frozenset({enough})), operation)
            assert answer.status_code not in (401, 403), (operation.name, enough, answer.text)


def test_malformed_json_of_nobody_is_401_and_not_read(pipeline: Pipeline) -> None:
    assert httpx.post(f"{pipeline.url}/customers", content=b"{").status_code == 401


def test_a_token_is_refused_from_its_expiry_on(pipeline: Pipeline, issuer: httpx.Client) -> None:
    expires_at = datetime.now(UTC) + timedelta(seconds=2)
    body: dict[str, Any] = {"name": "Brief", "scopes": ["read:*"], "expiresAt": expires_at.isoformat()}
    issued = post(issuer, "/service-accounts/admin/tokens", **body)
    with pipeline.client(issued["token"]) as brief:
        assert brief.get("/customers").status_code == 200
        wait_until(lambda: brief.get("/customers").status_code == 401, 10, "the token expired")
    assert datetime.now(UTC) >= expires_at
