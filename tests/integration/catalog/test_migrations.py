"""Migrations: they make just what the models say, keep what there is on the way up and down, and can be run again."""

from __future__ import annotations

import asyncio
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import httpx
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect

from catalog.catalog import Catalog
from catalog.database import open_database
from catalog.migrate import downgrade, migrate
from catalog.operator import ensure_first_organization
from catalog.schema import METADATA


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, METADATA))


async def test_the_migrated_schema_is_that_of_the_models(catalog: Catalog) -> None:
    async with catalog.database.session() as session:
        connection = await session.connection()
        assert await connection.run_sync(_differences) == []


async def test_migrating_again_keeps_what_there_is(catalog: Catalog, url: str) -> None:
    token = await ensure_first_organization(catalog.database)
    migrate(url)
    assert await catalog.authenticator.authenticate(f"Bearer {token}")


async def test_a_catalog_goes_down_and_up_again_with_its_data(
    client: httpx.AsyncClient, catalog: Catalog, instance: str, url: str
) -> None:
    await client.post("/licenses", json={"name": "Team", "type": "PAID", "familySlug": "team", "isDefault": True})
    await client.post("/entitlement-groups", json={"name": "Limits"})
    await client.post("/entitlement-groups/limits/entitlements", json={"entitlementSlug": "calls"})
    paths = (
        *("/licenses/team", "/licenses/team-v2", "/licenses/team/entitlements/calls"),
        *(f"/instances/{instance}", "/customers/acme", "/service-accounts/admin/tokens"),
    )
    before = [_without_family((await client.get(path)).json()) for path in paths]
    await catalog.database.close()
    downgrade(url, "0001")
    migrate(url)
    assert [_without_family((await client.get(path)).json()) for path in paths] == before
    families = (await client.get("/license-families")).json()["items"]
    assert [(one["slug"], one["currentVersion"]["version"]) for one in families] == [("team", "1"), ("team-v2", "2")]
    assert (await client.get("/entitlements/calls")).json()["groupSlugs"] == []
    async with catalog.database.session() as session:
        assert await (await session.connection()).run_sync(_differences) == []


async def test_a_catalog_that_came_up_again_is_held_to_the_same_rules(
    client: httpx.AsyncClient, catalog: Catalog, instance: str, url: str
) -> None:
    await catalog.database.close()
    downgrade(url, "0001")
    migrate(url)
    assert (await client.delete("/licenses/team")).status_code == 409
    for name in ("One", "Two"):
        await client.post("/licenses", json={"name": name, "type": "PAID", "isDefault": True})
    listed = (await client.get("/licenses")).json()["items"]
    assert [one["slug"] for one in listed if one["isDefault"]] == ["two"]
    await client.delete(f"/instances/{instance}")
    assert (await client.delete("/licenses/team")).status_code == 204
    assert (await client.delete("/entitlements/calls")).status_code == 204, "its link went with the license"


def _without_family(document: dict[str, Any]) -> dict[str, Any]:
    """A license that had a family goes on in one of its own."""
    return {key: value for key, value in document.items() if not key.startswith("family")}


def test_a_catalog_goes_down_to_nothing(fresh: str) -> None:
    migrate(fresh)
    downgrade(fresh, "base")
    assert _tables(fresh) == ["alembic_version"]


def test_processes_that_start_at_once_migrate_once(fresh: str) -> None:
    with ProcessPoolExecutor(2, get_context("spawn")) as processes:
        assert list(processes.map(migrate, [fresh, fresh])) == [None, None]


def _tables(url: str) -> list[str]:
    async def listed() -> list[str]:
        database = open_database(url)
        async with database.session() as session:
            connection = await session.connection()
            tables = await connection.run_sync(lambda reading: inspect(reading).get_table_names())
        await database.close()
        return tables

    return asyncio.run(listed())
