"""The audit routes over the engine, with a catalog of one organization and one instance at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import httpx
from fastapi import FastAPI

import api.audit
import api.audit_counts
import api.audit_top
import api.history
import api.problems
from catalog.principal import Principal
from metering.problems import ResourceNotFound
from sql.clickhouse import ClickHouse

INSTANCE = "prod"


class Resolver:
    async def instance_id(self, organization_id: str, slug: str) -> str:
        if slug != INSTANCE:
            raise ResourceNotFound("Instance", slug)
        return "prod-id"

    async def meter_ids(self, organization_id: str, slug: str, entitlement_slug: str) -> tuple[str, str]:
        return await self.instance_id(organization_id, slug), f"{entitlement_slug}-id"

    async def existing_instances(self, _: str, ids: Iterable[str]) -> set[str]:
        return {identity for identity in ids if identity != "gone-id"}


class Authenticator:
    def __init__(self, organization: str) -> None:
        self._principal = Principal(organization, "a", "a", "t", "t", frozenset({"read:instances"}))

    async def admit(self, _: str | None) -> Principal:
        return self._principal


@asynccontextmanager
async def trail_client(clickhouse: ClickHouse, organization: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the organization's audit trail."""
    app = FastAPI()
    for module in (api.audit_counts, api.audit_top, api.audit, api.history):
        app.include_router(module.router)
    api.problems.install(app)
    app.state.clickhouse = clickhouse
    app.state.catalog = SimpleNamespace(resolver=Resolver(), authenticator=Authenticator(organization))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://tidemark") as client:
        yield client


async def pages(client: httpx.AsyncClient, path: str, **query: Any) -> list[list[dict[str, Any]]]:
    """All pages, each found by the cursor of the one before."""
    found = []
    cursor: dict[str, str] = {}
    while True:
        page = (await client.get(path, params={**query, **cursor})).raise_for_status().json()
        found.append(page["items"])
        if not page["hasMore"]:
            assert page["nextCursor"] is None
            return found
        cursor = {"cursor": page["nextCursor"]}
