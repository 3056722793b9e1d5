"""Migrations: they make just what the models say, and can be run again."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from catalog.catalog import Catalog
from catalog.database import migrate
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


def test_processes_that_start_at_once_migrate_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'fresh.db'}"
    with ProcessPoolExecutor(2, get_context("spawn")) as processes:
        assert list(processes.map(migrate, [url, url])) == [None, None]
