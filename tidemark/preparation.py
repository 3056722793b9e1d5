"""What has to be there before any part can start: topics, schemas, the first organization."""

from __future__ import annotations

import asyncio

from catalog.database import open_database
from catalog.migrate import migrate
from catalog.operator import ensure_first_organization
from tidemark.failures import CannotRun, catalog_in_words
from tidemark.settings import Settings
from tidemark.topics import create_topics


def prepare(settings: Settings) -> str | None:
    """Create topics, the catalog's schema and the first organization; returns the token that was made, if one was.

    Raises `CannotRun` where one of them does not answer.
    """
    asyncio.run(create_topics(settings.kafka_servers, settings.partitions, replication=settings.replication))
    with catalog_in_words():
        migrate(settings.catalog_url)
        return asyncio.run(_first_organization(settings))


def prepare_clickhouse(settings: Settings) -> None:
    """Create the schema of the ClickHouse server, if one is set: the embedded one makes its own when it is opened.

    Raises `CannotRun` where it does not answer.
    """
    if settings.clickhouse is not None:
        asyncio.run(_migrate_clickhouse(settings.clickhouse))


async def _first_organization(settings: Settings) -> str | None:
    database = open_database(settings.catalog_url)
    token = settings.token.get_secret_value() if settings.token else None
    try:
        return await ensure_first_organization(database, token)
    finally:
        await database.close()


async def _migrate_clickhouse(dsn: str) -> None:
    from clickhouse_connect.driver.exceptions import ClickHouseError

    from sql.clickhouse import open_clickhouse

    try:
        async with open_clickhouse(dsn) as clickhouse:
            await clickhouse.migrate()
    except ClickHouseError as error:
        raise CannotRun(f"ClickHouse can't be prepared: {error}\nTIDEMARK_CLICKHOUSE says where it is.") from error
