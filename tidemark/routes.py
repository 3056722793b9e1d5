"""How routes get into the app: under their bare path, and under `/api` as well."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.routing import Route


def include(app: FastAPI, router: APIRouter) -> None:
    """Add a router's routes under both paths; the document tells the bare ones."""
    app.include_router(router)
    app.include_router(router, prefix="/api", include_in_schema=False)


def add(app: FastAPI, routes: Iterable[Route]) -> None:
    """Add bare routes, which describe themselves: see `document`."""
    for route in routes:
        app.router.routes += [route, _under_api(route)]


def repeat_under_api(app: FastAPI) -> None:
    """The OpenAPI document and what shows it, which FastAPI adds under their bare paths alone."""
    app.router.routes += [_under_api(route) for route in app.routes if isinstance(route, Route)]


def document(app: FastAPI, path: str, method: str, operation: dict[str, Any]) -> None:
    """Put a bare route into the app's OpenAPI document."""
    described = app.openapi

    def with_operation() -> dict[str, Any]:
        document = described()
        document["paths"].setdefault(path, {})[method] = operation
        return document

    app.openapi = with_operation  # type: ignore[method-assign]  # FastAPI's own way to extend it


def _under_api(route: Route) -> Route:
    return Route(f"/api{route.path}", route.endpoint, methods=list(route.methods or ()), name=route.name)
