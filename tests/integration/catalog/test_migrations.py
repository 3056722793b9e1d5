"""Migrations: they make just what the models say, keep what there is on the way up and down, and can be run again."""

from __future__ import annotations

import asyncio
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

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
    paths = ("/licenses/team", "/licenses/team/entitlements/calls", f"/instances/{instance}", "/entitlements/calls")
    before = [(await client.get(path)).json() for path in paths]
    await catalog.database.close()
    downgrade(url, "0001")
    migrate(url)
    after = [(await client.get(path)).json() for path in paths]
    for document in (before[0], after[0]):
        document.pop("familyId", None)  # a license without a family begins one
    assert after == before
    async with catalog.database.session() as session:
        assert await (await session.connection()).run_sync(_differences) == []


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
