"""Who is calling, and whether they may: one declaration per route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from catalog.catalog import Catalog
from catalog.principal import Principal

_bearer = HTTPBearer(auto_error=False, description="A token of a service account: `Bearer tdm_…`.")


def catalog_of(request: Request) -> Catalog:
    """The catalog of this application."""
    catalog: Catalog = request.app.state.catalog
    return catalog


async def _catalog_of(request: Request) -> Catalog:
    return catalog_of(request)  # a dependency that does not await would take its turn in a pool of threads


CatalogState = Annotated[Catalog, Depends(_catalog_of)]


async def ensure_authenticated(request: Request) -> None:
    """Raise `Unauthenticated` before anything is read of a request that nobody may make."""
    authorization, authenticator = request.headers.get("authorization"), catalog_of(request).authenticator
    if authenticator.cached(authorization) is None:
        await authenticator.authenticate(authorization)


def requires(scope: str) -> Callable[..., Awaitable[Principal]]:
    """A dependency that gives the principal, once its token was found to hold `scope`: 401 or 403 otherwise.

    It is the route's one declaration: the OpenAPI document tells the same scope.
    """

    async def principal(
        request: Request,
        _documented: HTTPAuthorizationCredentials | None = Security(_bearer, scopes=[scope]),
    ) -> Principal:
        caller = await catalog_of(request).authenticator.admit(request.headers.get("authorization"))
        caller.require(scope)
        return caller

    return principal
