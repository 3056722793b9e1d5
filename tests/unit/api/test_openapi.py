"""The OpenAPI document."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from openapi_spec_validator import validate

import api.problems
from api import audit, audit_counts, audit_top, export, history, ofrep, stream, usage
from api.routes import routers


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    app = FastAPI(title="Tidemark", version="0")
    for module in (usage, history, stream, export, audit_counts, audit_top, audit, ofrep):
        app.include_router(module.router)
    for router in routers():
        app.include_router(router)
    api.problems.install(app)
    return app.openapi()


def test_it_is_valid(document: dict[str, Any]) -> None:
    assert validate(document) is None


def test_every_operation_has_a_name_of_its_own_and_tells_its_problems(document: dict[str, Any]) -> None:
    operations = [(path, one) for path, operations in document["paths"].items() for one in operations.values()]
    assert len({operation["operationId"] for _, operation in operations}) == len(operations)
    for path, operation in operations:
        not_found = "400" if path.startswith("/ofrep") else "404"
        assert {"401", "403", not_found, "422", "503"} <= operation["responses"].keys()
        assert operation["responses"]["422"] == {"$ref": "#/components/responses/Problem422"}
        assert operation["security"]


def test_a_usage_lookup_tells_what_it_answers_with_and_that_it_waits_its_turn(document: dict[str, Any]) -> None:
    for path in (
        "/instances/{instanceSlug}/entitlements/usage",
        "/instances/{instanceSlug}/entitlements/{entitlementSlug}/usage",
    ):
        operation = document["paths"][path]["get"]
        assert "429" in operation["responses"]
        assert "UsageView" in str(operation["responses"]["200"]["content"]["application/json"]["schema"])
    described = document["components"]["schemas"]["UsageView"]["properties"]
    assert {"entitlementSlug", "remaining", "currentPeriodStart", "limit", "value"} <= described.keys()
    assert "event_count" in document["components"]["schemas"]["UsedView"]["properties"]
