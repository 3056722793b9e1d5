"""Problems on the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Literal

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import api.problems
from metering.problems import MissingScope, ThresholdExceeded


class _Circle(BaseModel):
    kind: Literal["circle"]
    radius: int


class _Square(BaseModel):
    kind: Literal["square"]
    sides: list[int]


class _Drawing(BaseModel):
    shape: _Circle | _Square


async def _echo_length(request: Request) -> Response:
    return Response(str(len(await request.body())))


async def _refuse(_: Request) -> Response:
    raise ThresholdExceeded(
        limit=Decimal("0.3"), current=Decimal("0.1"), requested=Decimal(5), remaining=Decimal("0.2"), resets_at=None
    )


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI(routes=[Route("/bare", _refuse, name="Report"), Route("/length", _echo_length, methods=["POST"])])

    @app.post("/draw", operation_id="Draw")
    async def draw(drawing: _Drawing) -> str:
        return drawing.shape.kind

    @app.get("/scoped", operation_id="Scoped")
    async def scoped() -> None:
        raise MissingScope("read:customers")

    api.problems.install(app, largest_body=100)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://tidemark") as client:
        yield client


async def test_a_problem_is_named_after_the_operation_it_stopped(client: httpx.AsyncClient) -> None:
    answer = await client.get("/scoped")
    assert (answer.status_code, answer.json()["code"]) == (403, "Scoped.MissingScope")
    assert answer.json()["scope"] == "read:customers"


async def test_a_bare_route_is_an_operation_by_its_name(client: httpx.AsyncClient) -> None:
    answer = await client.get("/bare")
    assert (answer.status_code, answer.json()["code"]) == (409, "Report.ThresholdExceeded")
    assert '"limit":0.3,"current":0.1,"requested":5,"remaining":0.2' in answer.text


async def test_each_failure_has_an_occurrence_of_its_own(client: httpx.AsyncClient) -> None:
    occurrences = {(await client.get("/bare")).json()["instance"] for _ in range(3)}
    assert len(occurrences) == 3


async def test_a_fault_is_located_as_the_caller_wrote_it(client: httpx.AsyncClient) -> None:
    answer = await client.post("/draw", json={"shape": {"kind": "square", "sides": [1, "two"]}})
    assert "body.shape.sides.1" in {fault["location"] for fault in answer.json()["errors"]}
    assert not any("_Square" in fault["location"] for fault in answer.json()["errors"])


@pytest.mark.parametrize(("length", "status"), [(100, 200), (101, 413)])
async def test_the_cap_on_bodies_holds_for_bare_routes(client: httpx.AsyncClient, length: int, status: int) -> None:
    async def streamed() -> AsyncIterator[bytes]:
        for _ in range(length):
            yield b"x"

    for body in (b"x" * length, streamed()):
        assert (await client.post("/length", content=body)).status_code == status


async def test_a_wrong_method_is_405(client: httpx.AsyncClient) -> None:
    answer = await client.get("/length")
    assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")
    assert "POST" in answer.headers["allow"]
