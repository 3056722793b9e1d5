"""What is wrong with a request is said as a problem document, with where and why."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from catalog.catalog import Catalog

JSON = {"Content-Type": "application/json"}


def _is_problem(answer: httpx.Response, status: int, code: str) -> bool:
    document = answer.json()
    return (
        answer.headers["content-type"] == "application/problem+json"
        and answer.status_code == document["status"] == status
        and document["code"] == code
        and document["instance"].startswith("urn:uuid:")
        and {"type", "title", "detail", "errors"} <= document.keys()
    )


async def test_malformed_json_is_400(client: httpx.AsyncClient) -> None:
    for body in (b"{", b"\xff", b'{"name": "\\ud800"}', b"[" * 100_000, b'{"name": 01}', b'{"name": "a", "name": "b"}'):
        answer = await client.post("/customers", content=body, headers=JSON)
        assert _is_problem(answer, 400, "CreateCustomer.MalformedJson"), body[:20]


async def test_nan_is_422(client: httpx.AsyncClient) -> None:
    answer = await client.post("/customers", content=b'{"name": NaN}', headers=JSON)
    assert _is_problem(answer, 422, "CreateCustomer.Invalid")


async def test_an_unknown_key_is_refused_by_its_name(client: httpx.AsyncClient) -> None:
    answer = await client.post("/customers", json={"name": "Acme", "colour": "red"})
    assert _is_problem(answer, 422, "CreateCustomer.Invalid")
    assert answer.json()["errors"] == [
        {"location": "body.colour", "message": "Extra inputs are not permitted", "value": "red"}
    ]


WRONG: list[Any] = [
    ({}, "body.name"),
    ({"name": 7}, "body.name"),
    ({"name": "  "}, "body.name"),
    ({"name": "x" * 201}, "body.name"),
    ({"name": " " + "x" * 200}, "body.name"),
    ({"name": "a\0b"}, "body.name"),
    ({"name": "Acme", "slug": "../etc"}, "body.slug"),
    ({"name": "Acme", "slug": "a\0b"}, "body.slug"),
    ({"name": "Acme", "slug": "a"}, "body.slug"),
    ({"name": "Acme", "slug": "x" * 101}, "body.slug"),
    ({"name": "Acme", "slug": "acme\n"}, "body.slug"),
    ([], "body"),
    ("Acme", "body"),
    (None, "body"),
]


async def test_a_wrong_field_is_refused_where_it_stands(client: httpx.AsyncClient) -> None:
    for body, location in WRONG:
        answer = await client.post("/customers", json=body)
        assert _is_problem(answer, 422, "CreateCustomer.Invalid")
        assert answer.json()["errors"][0]["location"] == location


async def test_every_fault_is_told_at_once(client: httpx.AsyncClient) -> None:
    answer = await client.post("/customers", json={"slug": "A", "colour": 1})
    assert {fault["location"] for fault in answer.json()["errors"]} == {"body.name", "body.slug", "body.colour"}


async def test_a_body_that_is_declared_as_something_else_than_json_is_415(client: httpx.AsyncClient) -> None:
    for headers in ({"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}):
        answer = await client.post("/customers", content=b'{"name": "Acme"}', headers=headers)
        assert _is_problem(answer, 415, "CreateCustomer.UnsupportedMediaType")


async def test_an_undeclared_body_is_json(client: httpx.AsyncClient) -> None:
    assert (await client.post("/customers", content=b'{"name": "Acme"}')).status_code == 201


async def test_a_missing_body_is_422(client: httpx.AsyncClient) -> None:
    assert _is_problem(await client.post("/customers"), 422, "CreateCustomer.Invalid")


async def test_a_body_of_5_mb_is_413_declared_or_streamed(client: httpx.AsyncClient) -> None:
    async def streamed() -> AsyncIterator[bytes]:
        for _ in range(5 * 1024):
            yield b" " * 1024

    for body in (b" " * 5_000_000, streamed()):
        answer = await client.post("/customers", content=body, headers=JSON)
        assert _is_problem(answer, 413, "CreateCustomer.TooLarge")


async def test_an_unknown_route_is_404_and_a_wrong_method_405(client: httpx.AsyncClient) -> None:
    assert _is_problem(await client.get("/nowhere"), 404, "RouteNotFound")
    answer = await client.request("TRACE", "/customers/acme")
    assert answer.status_code == 405
    assert answer.json()["code"].endswith("MethodNotAllowed")


async def test_a_crash_is_500_and_leaks_nothing(
    app: FastAPI, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    @app.get("/crash", operation_id="Crash")
    async def crash() -> None:
        raise RuntimeError("the password is tiger")

    answer = await client.get("/crash")
    assert _is_problem(answer, 500, "Crash.Internal")
    assert "tiger" not in answer.text
    assert answer.json()["instance"] in caplog.text


def _make_unreadable(database: Path) -> None:
    database.unlink()
    database.mkdir()


async def test_while_the_database_is_away_it_is_503(
    client: httpx.AsyncClient, catalog: Catalog, sqlite_file: Path
) -> None:
    await client.get("/customers")
    await catalog.close()
    _make_unreadable(sqlite_file)
    answer = await client.get("/customers")
    assert _is_problem(answer, 503, "ListCustomers.Unavailable")
    assert answer.headers["retry-after"] == "1"


async def test_metadata_has_a_largest_size(client: httpx.AsyncClient) -> None:
    body = {"name": "Europe", "type": "production", "metadata": {"note": "x" * 20_000}}
    answer = await client.post("/deployment-zones", json=body)
    assert _is_problem(answer, 422, "CreateDeploymentZone.Invalid")
    assert answer.json()["errors"][0]["location"] == "body.metadata"
