"""The one way to ClickHouse: the same calls on a server over HTTP and on the engine inside this process (chDB)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, Final, Self, TypeVar

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, OperationalError
from clickhouse_connect.driver.insert import InsertContext
from clickhouse_migrations.connection import ClickhouseConnectConnection
from clickhouse_migrations.migration import MigrationStorage
from clickhouse_migrations.migrator import Migrator

from metering.problems import Unavailable
from sql.statements import MIGRATIONS, statement

READERS: Final = 3

#: One INSERT is one part, there or not there: one block whatever its bytes, and a second month in it is an error.
WRITING: Final[Mapping[str, Any]] = {
    "async_insert": 0,
    "max_insert_threads": 1,
    "max_partitions_per_insert_block": 1,
    "min_insert_block_size_rows": 1_048_576,
    "min_insert_block_size_bytes": 0,
}

#: What one question may cost: past it, that question fails and no other waits for it.
READING: Final[Mapping[str, Any]] = {
    "max_execution_time": 10,
    "max_memory_usage": 512 << 20,
    "max_threads": 2,
}

_TOO_COSTLY: Final = {158, 159, 160, 241, 307}  # rows, time, estimated time, memory, bytes

T = TypeVar("T")


class ClickHouse:
    """Clients in threads of their own: one that writes, a few that read. Close it after the last call."""

    def __init__(self, writer: Client, readers: Sequence[Client]) -> None:
        self._writer = _Clients([writer])
        self._readers = _Clients(readers)
        self._contexts: dict[str, InsertContext] = {}

    async def migrate(self) -> None:
        """Bring the schema up to date; safe to repeat."""
        await self._writer.run(_migrate)

    async def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Add rows of the table's one partition, fewer than a million: all of them or, raising, none.

        Raises `ClickHouseError` (`clickhouse_connect`); when a server fell silent the rows may be there nevertheless.
        """
        await self._writer.run(lambda client: client.insert(context=self._into(client, table, columns), data=rows))

    def _into(self, client: Client, table: str, columns: Sequence[str]) -> InsertContext:
        if table not in self._contexts:  # it asks for the columns' types, which need not be asked each time
            self._contexts[table] = client.create_insert_context(table, columns)
        return self._contexts[table]

    async def query(self, name: str, **parameters: object) -> list[tuple[Any, ...]]:
        """The rows that answer `queries/{name}.sql`; raises `Unavailable` when it costs too much or nobody answers."""
        text = statement(name)
        try:
            return await self._readers.run(lambda client: _rows(client, text, parameters))
        except ClickHouseError as error:
            if isinstance(error, DatabaseError) and error.code in _TOO_COSTLY:
                raise Unavailable("The question takes more time or memory than one question may.") from error
            if isinstance(error, DatabaseError) and not isinstance(error, OperationalError):
                raise  # the question itself is wrong
            raise Unavailable("The audit trail does not answer.", headers={"Retry-After": "1"}) from error

    async def close(self) -> None:
        """Wait for running calls and let go of the data."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._readers.close()
        self._writer.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def open_clickhouse(dsn: str) -> ClickHouse:
    """Connect to `chdb:///directory` (one per process, one process per directory) or `http://user:password@host:port/database`.

    Raises `ClickHouseError` when nobody answers or another process holds the directory.
    """
    return ClickHouse(_connect(dsn, WRITING), [_connect(dsn, READING) for _ in range(READERS)])


def _connect(dsn: str, settings: Mapping[str, Any]) -> Client:
    client: Client = clickhouse_connect.get_client(dsn=dsn, settings=dict(settings), tz_mode="schema")
    return client


def _migrate(client: Client) -> None:
    migrator = Migrator(ClickhouseConnectConnection(client))
    migrator.init_schema()
    migrator.apply_migration(MigrationStorage(MIGRATIONS).migrations(), multi_statement=True)


def _rows(client: Client, text: str, parameters: dict[str, object]) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in client.query(text, parameters=parameters).result_rows]


class _Clients:
    """Clients that serve one call each at a time; a call waits until one is free."""

    def __init__(self, clients: Sequence[Client]) -> None:
        self._clients = clients
        self._free: SimpleQueue[Client] = SimpleQueue()
        for client in clients:
            self._free.put(client)
        self._threads = ThreadPoolExecutor(len(clients), thread_name_prefix="clickhouse")

    async def run(self, call: Callable[[Client], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._borrow, call)

    def close(self) -> None:
        self._threads.shutdown()
        for client in self._clients:
            client.close()

    def _borrow(self, call: Callable[[Client], T]) -> T:
        client = self._free.get()
        try:
            return call(client)
        finally:
            self._free.put(client)
