"""The database behind the catalog: SQLite or PostgreSQL, one engine, one schema."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

from sqlalchemy import Connection, event, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

from metering.problems import Unavailable

_DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
_AWAY: Final = (OperationalError, InterfaceError, PoolTimeout, OSError)
_CLASSES_OF_AWAY: Final = ("08", "53", "57")  # SQLSTATE: connection, resources, operator intervention
_EDIT_LOCK: Final = 0x7469646D61726B  # "tidemark": one writer at a time, among all replicas


class Database:
    """Sessions on one database. Raises `Unavailable` where it cannot be reached or stays locked."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._turn = asyncio.Lock()  # editors of this process wait here, not on a connection that readers want

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A transaction for reading; nothing is committed."""
        with unavailable_when_away():
            async with AsyncSession(self._engine, expire_on_commit=False) as session:
                yield session

    @asynccontextmanager
    async def edit(self) -> AsyncIterator[AsyncSession]:
        """A transaction for editing, committed at the end. Edits are made one after another, on both databases.

        So no edit is lost to another, and what the change feed reads is numbered in the order of the commits.
        """
        async with self._turn, self.session() as session:
            connection = await session.connection(execution_options={"edits": True})
            await lock(connection)
            yield session
            await session.commit()

    async def close(self) -> None:
        await self._engine.dispose()


async def lock(connection: AsyncConnection) -> None:
    """Wait until this transaction is the only one that edits, among all replicas. SQLite's `BEGIN IMMEDIATE` did."""
    if connection.dialect.name == "postgresql":
        await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_EDIT_LOCK})")


@contextmanager
def unavailable_when_away() -> Iterator[None]:
    """Raise `Unavailable` for what a driver says of a database that cannot be reached."""
    try:
        yield
    except (DBAPIError, PoolTimeout, OSError) as error:
        if isinstance(error, _AWAY) or _lost(error):
            raise Unavailable("The catalog cannot be reached.", headers={"Retry-After": "1"}) from error
        raise


def _lost(error: DBAPIError) -> bool:
    """Whether there was no connection to ask on, or it was taken away: PostgreSQL starts, stops, or is full."""
    state = getattr(error.orig, "sqlstate", None) or ""
    return error.statement is None or error.connection_invalidated or state[:2] in _CLASSES_OF_AWAY


def open_database(url: str) -> Database:
    """The database at `sqlite:///…` or `postgresql://…`; connects at first use."""
    return Database(open_engine(url))


def open_engine(url: str) -> AsyncEngine:
    """Connections to `url` that lock and enforce alike, whatever they are for."""
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
