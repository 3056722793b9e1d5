"""The engine, opened once: a process can hold one directory, so tests share it under names of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sql.clickhouse import ClickHouse, open_clickhouse


@pytest.fixture(scope="session")
def clickhouse_dsn(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"chdb://{tmp_path_factory.mktemp('clickhouse')}"


@pytest.fixture(scope="session")
async def clickhouse(clickhouse_dsn: str) -> AsyncIterator[ClickHouse]:
    async with open_clickhouse(clickhouse_dsn) as opened:
        await opened.migrate()
        yield opened
