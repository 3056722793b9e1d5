"""The express way of a report: what its callers get, and what is counted of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from metering.problems import Invalid, LicenseInactive, NoDecision, TooManyWaiting
from tidemark.express import Express
from tidemark.metrics import Metrics

PATH = "/api/instances/prod/entitlements/calls/usage"


def express(report: Callable[[Request], Awaitable[Response]], metrics: Metrics) -> Express:
    return Express(Starlette(routes=metrics.routes()), report, 1_000, metrics)


def counted(told: str) -> dict[str, float]:
    """The outcomes that were counted at least once, and all observations."""
    samples = [sample for family in text_string_to_metric_families(told) for sample in family.samples]
    found = {s.labels["outcome"]: s.value for s in samples if s.name == "tidemark_reports_total" and s.value}
    return {**found, "seconds": next(s.value for s in samples if s.name == "tidemark_answer_seconds_count")}


@pytest.mark.parametrize(
    ("made", "status", "outcome"),
    [
        (Response(), 200, "accepted"),
        (Response(headers={"Idempotent-Replayed": "true"}), 200, "replayed"),
        (Response(status_code=202), 202, "queued"),
        (LicenseInactive("no"), 403, "rejected"),
        (Invalid("no"), 422, "invalid"),
        (TooManyWaiting("later"), 429, "failed"),
        (NoDecision("late"), 503, "failed"),
        (RuntimeError("a secret"), 500, "failed"),
    ],
)
async def test_a_report_is_counted_once_by_what_became_of_it(
    made: Response | Exception, status: int, outcome: str
) -> None:
    async def report(_: Request) -> Response:
        if isinstance(made, Exception):
            raise made
        return made

    transport = httpx.ASGITransport(express(report, Metrics()))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.post(PATH)
        told = (await client.get("/metrics")).text
    assert answer.status_code == status
    assert "a secret" not in answer.text
    assert counted(told) == {outcome: 1, "seconds": 1}


async def test_a_client_that_leaves_in_the_middle_of_its_report_is_no_crash(caplog: pytest.LogCaptureFixture) -> None:
    async def report(request: Request) -> Response:
        return Response(await request.body())

    async def leaves() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def unheard(message: Any) -> None:
        raise AssertionError(f"nobody is left to hear {message}")

    scope = {"type": "http", "method": "POST", "path": PATH, "headers": [], "query_string": b""}
    await express(report, Metrics())(scope, leaves, unheard)
    assert not caplog.records
