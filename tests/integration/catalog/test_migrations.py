"""Migrations: they make just what the models say, keep what there is on the way up and down, and can be run again."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import httpx
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from catalog.catalog import Catalog
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


def test_a_catalog_goes_down_to_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'fresh.db'}"
    migrate(url)
    downgrade(url, "base")
    with closing(sqlite3.connect(tmp_path / "fresh.db")) as database:
        assert database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall() == [
            ("alembic_version",),
            ("sqlite_sequence",),
        ]


def test_processes_that_start_at_once_migrate_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'fresh.db'}"
    with ProcessPoolExecutor(2, get_context("spawn")) as processes:
        assert list(processes.map(migrate, [url, url])) == [None, None]
