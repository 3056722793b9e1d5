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


CatalogState = Annotated[Catalog, Depends(catalog_of)]


async def principal_of(request: Request) -> Principal:
    """The principal behind the request's token; raises `Unauthenticated`."""
    authorization, authenticator = request.headers.get("authorization"), catalog_of(request).authenticator
    return authenticator.cached(authorization) or await authenticator.authenticate(authorization)


def requires(scope: str) -> Callable[..., Awaitable[Principal]]:
    """A dependency that gives the principal, once its token was found to hold `scope`: 401 or 403 otherwise."""

    async def principal(
        request: Request, _documented: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
    ) -> Principal:
        caller = await principal_of(request)
        caller.require(scope)
        return caller

    return principal
