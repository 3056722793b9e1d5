"""The database behind the catalog: SQLite or PostgreSQL, one engine, one schema."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from importlib.resources import files
from typing import Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, event, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from metering.problems import Unavailable

_DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
_AWAY: Final = (OperationalError, InterfaceError, PoolTimeout, OSError)
_EDIT_LOCK: Final = 0x7469646D61726B  # "tidemark": one writer at a time, among all replicas


class Database:
    """Sessions on one database. Raises `Unavailable` where it cannot be reached or stays locked."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._turn = asyncio.Lock()  # editors of this process wait here, not on a connection that readers want

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A transaction for reading; nothing is committed."""
        with _unavailable_when_away():
            async with AsyncSession(self._engine, expire_on_commit=False) as session:
                yield session

    @asynccontextmanager
    async def edit(self) -> AsyncIterator[AsyncSession]:
        """A transaction for editing, committed at the end. Edits are made one after another, on both databases.

        So no edit is lost to another, and what the change feed reads is numbered in the order of the commits.
        """
        async with self._turn, self.session() as session:
            connection = await session.connection(execution_options={"edits": True})
            if connection.dialect.name == "postgresql":
                await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_EDIT_LOCK})")
            yield session
            await session.commit()

    async def close(self) -> None:
        await self._engine.dispose()


@contextmanager
def _unavailable_when_away() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, PoolTimeout, OSError) as error:
        if isinstance(error, _AWAY) or getattr(error, "connection_invalidated", False):
            raise Unavailable("The catalog cannot be reached.", headers={"Retry-After": "1"}) from error
        raise


def open_database(url: str) -> Database:
    """The database at `sqlite:///…` or `postgresql://…`; connects at first use."""
    return Database(_engine(url))


def migrate(url: str) -> None:
    """Bring the schema up to date; callable with or without a running event loop, and by several processes at once.

    Raises `Unavailable`.
    """
    with _unavailable_when_away(), ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(_migrate(url))).result()


async def _migrate(url: str) -> None:
    engine = _engine(url)
    try:
        async with engine.connect() as connection:
            locked = await connection.execution_options(edits=True)
            if locked.dialect.name == "postgresql":
                await locked.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_EDIT_LOCK})")
            await locked.run_sync(_upgrade)
            await locked.commit()
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(files("catalog") / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _engine(url: str) -> AsyncEngine:
    parsed = make_url(url)
    parsed = parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
    if parsed.get_backend_name() != "sqlite":
        return create_async_engine(parsed, pool_pre_ping=True)
    engine = create_async_engine(parsed)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late to hold the lock from the first read on
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "busy_timeout=5000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    edits = connection.get_execution_options().get("edits", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if edits else "BEGIN")
