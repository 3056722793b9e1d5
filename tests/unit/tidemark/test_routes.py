"""Every route of the app: its scope, its description, and its second path."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from inspect import iscoroutinefunction
from typing import Any, Final

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from fastapi.security import HTTPBearer

from catalog.principal import SCOPES
from tidemark.http import compose
from tidemark.parts import Parts
from tidemark.settings import Settings

#: What anyone may ask, without a token.
OPEN: Final = {
    *("/livez", "/readyz", "/health", "/metrics"),
    *("/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc"),
}


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return compose(Settings(), Parts())


@pytest.fixture(scope="module")
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def served(app: FastAPI) -> set[tuple[str, str]]:
    """Each method and path that the app answers."""
    routes = iter_route_contexts(app.routes)
    return {(method, route.path or "") for route in routes for method in (route.methods or set()) - {"HEAD"}}


def bare(path: str) -> str:
    return path.removeprefix("/api")


def test_every_route_is_described_but_for_those_that_are_open_to_all(app: FastAPI, document: dict[str, Any]) -> None:
    described = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
    assert {(method, bare(path)) for method, path in served(app)} == described | {("GET", path) for path in OPEN}


def test_every_described_route_declares_one_scope(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            [[scope]] = [scheme["HTTPBearer"] for scheme in operation["security"]]
            assert scope in SCOPES, (method, path)
            changes = method != "get" and not path.startswith("/ofrep/")
            assert scope.startswith("write:" if changes else "read:"), (method, path)


def test_every_route_answers_under_api_too(app: FastAPI) -> None:
    routes = served(app)
    assert {(method, f"/api{bare(path)}") for method, path in routes} <= routes


def test_no_route_and_nothing_that_it_depends_on_takes_a_turn_in_a_pool_of_threads(app: FastAPI) -> None:
    routes = [*iter_route_contexts(app.routes)]
    dependants = [getattr(route, "dependant", None) for route in routes]
    called = {call for dependant in dependants if dependant for call in depended_on(dependant)}
    assert any(isinstance(call, HTTPBearer) for call in called), "what others depend on is among them"
    called |= {route.endpoint for route in routes if route.endpoint} | {*app.exception_handlers.values()}
    assert [call for call in called if not is_awaited(call)] == []


def depended_on(dependant: Dependant) -> Iterator[Callable[..., Any]]:
    """A route's function, and what is called before it."""
    if dependant.call is not None:
        yield dependant.call
    for one in dependant.dependencies:
        yield from depended_on(one)


def is_awaited(call: Callable[..., Any]) -> bool:
    return iscoroutinefunction(call) or iscoroutinefunction(type(call).__call__)
