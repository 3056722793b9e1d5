"""The one way to ClickHouse: the same calls on a server over HTTP and on the engine inside this process (chDB)."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, Final, Self, TypeVar

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, OperationalError

from metering.problems import Unavailable
from sql.migrate import migrate
from sql.native import Blocks, Column
from sql.statements import command_text, insert_statement, statement

READERS: Final = 3

#: One INSERT is one part, there or not there: one block whatever its bytes, and a second quarter in it is an error.
#: None takes so long that the tokens of those that came after its check no longer fit
#: `non_replicated_deduplication_window`. What is dropped, an expired quarter or a copied table, goes however large it
#: is: 50 GB are a server's own bound.
WRITING: Final[Mapping[str, Any]] = {
    "async_insert": 0,
    "max_insert_threads": 1,
    "max_execution_time": 60,
    "max_partitions_per_insert_block": 1,
    "min_insert_block_size_rows": 1_048_576,
    "min_insert_block_size_bytes": 0,
    "max_table_size_to_drop": 0,
    "max_partition_size_to_drop": 0,
}

#: What one question may cost: past it, that question fails and no other waits for it.
READING: Final[Mapping[str, Any]] = {
    "max_execution_time": 10,
    "max_memory_usage": 512 << 20,
    "max_threads": 2,
    "max_block_size": 8_192,  # little is asked for, of many columns: room for 65,536 rows of each costs more than it
    "local_filesystem_read_method": "pread",  # small reads, each by the thread that needs it
}

#: The engine in this process keeps its files mapped: a page is a thousand small reads of some three hundred files, and
#: each would be opened and read anew. On a server mapped files would count as its memory.
MAPPED: Final[Mapping[str, Any]] = {"local_filesystem_read_method": "mmap", "min_bytes_to_use_mmap_io": 1}

IN_ANY_ORDER: Final[Mapping[str, Any]] = {"optimize_read_in_order": 0}

_EMBEDDED: Final = "chdb:"
_THROWN: Final = 395  # FUNCTION_THROW_IF_VALUE_IS_NON_ZERO
_OVERFLOWN: Final = 407  # DECIMAL_OVERFLOW
_TOO_MANY_ROWS: Final = 158
_TOO_COSTLY: Final = {_TOO_MANY_ROWS, 159, 160, 241, 307}  # rows, time, estimated time, memory, bytes

T = TypeVar("T")


class Overflown(Exception):
    """A value has more digits than what it was to be told as."""


class TooManyRows(Exception):
    """A question would look at more rows than whoever asked it wants to wait for: there may be a better one."""


class Moved(Exception):
    """The rows do not end where an INSERT was to begin: another sink has written, and this one must look again."""


class ClickHouse:
    """Clients in threads of their own: one that writes, a few that read. Close it after the last call."""

    def __init__(self, writer: Client, readers: Sequence[Client]) -> None:
        self._writer = _Clients([writer])
        self._readers = _Clients(readers)
        self._blocks: dict[str, Blocks] = {}

    @property
    def changes(self) -> int | None:
        """How often something may have been changed so far, or None where others can do so, too: on a server.

        Of the engine in this process it is all, as long as nothing else here has opened its directory.
        """
        return self._writer.calls if self._writer.are_embedded else None

    async def migrate(self) -> None:
        """Bring the schema up to date, and wait until the rows are; safe to repeat.

        Raises `ClickHouseError`, so while another one copies rows, or where rows can't be written anew.
        """
        await migrate(self._writer.run)

    async def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Add rows of the table's one partition, fewer than a million: all of them or, raising, none.

        Raises `ClickHouseError` (`clickhouse_connect`); when a server fell silent the rows may be there nevertheless.
        """

        def add(client: Client) -> None:
            block = self._blocks_of(client, table, columns).block([*zip(*rows, strict=True)])
            client.raw_insert(table, columns, block, fmt="Native")

        if rows:
            await self._writer.run(add)

    async def append(
        self, name: str, names: Sequence[str], columns: Sequence[Column], *, token: str, **parameters: object
    ) -> None:
        """Add rows, given column by column, as `inserts/{name}.sql` says.

        Nothing is added where an INSERT with the same `token` went in not long ago, and nothing is said of it. Raises
        `Moved` where the statement refuses them, and `ClickHouseError` as `insert` does.
        """
        settings = {"insert_deduplication_token": token}

        def add(client: Client) -> None:
            blocks = self._blocks_of(client, name, names)
            _insert(client, insert_statement(name), blocks, blocks.block(columns), parameters, settings)

        try:
            await self._writer.run(add)
        except DatabaseError as error:
            if error.code == _THROWN:
                raise Moved(f"the rows of {name} do not end at {parameters}") from error
            raise

    def _blocks_of(self, client: Client, table: str, columns: Sequence[str]) -> Blocks:
        if table not in self._blocks:  # the columns' types need not be asked for each time
            types = client.create_insert_context(table, columns).column_types
            self._blocks[table] = Blocks(columns, [type_.name for type_ in types])
        return self._blocks[table]

    async def command(self, name: str, **parameters: object) -> None:
        """Do what `commands/{name}.sql` says, between two inserts. Raises `ClickHouseError`."""
        text = command_text(name)
        await self._writer.run(lambda client: client.command(text, parameters))

    async def query(self, name: str, **parameters: object) -> list[tuple[Any, ...]]:
        """The rows that answer `queries/{name}.sql`; raises `Unavailable` when it costs too much or nobody answers."""
        text = statement(name, frozenset(parameters))
        return await self._asked(lambda client: _rows(client, text, parameters))

    async def query_few(self, most_rows: int, name: str, **parameters: object) -> list[tuple[Any, ...]]:
        """The same, if no more than so many rows have to be looked at; else raises `TooManyRows`, before any is.

        They are looked for part by part, not in the key's order, for which all parts would be opened at once.
        """
        text, few = statement(name, frozenset(parameters)), {"max_rows_to_read": most_rows, **IN_ANY_ORDER}
        try:
            return await self._asked(lambda client: _rows(client, text, parameters, few))
        except Unavailable as error:
            if isinstance(error.__cause__, DatabaseError) and error.__cause__.code == _TOO_MANY_ROWS:
                raise TooManyRows from error
            raise

    async def formatted(self, name: str, told_as: str, **parameters: object) -> bytes:
        """The same in one of ClickHouse's formats, whole in memory: for pages that are bounded. Raises `Overflown`."""
        text = statement(name, frozenset(parameters))
        return await self._asked(lambda client: client.raw_query(text, parameters, fmt=told_as))

    async def _asked(self, question: Callable[[Client], T]) -> T:
        try:
            return await self._readers.run(question)
        except ClickHouseError as error:
            if isinstance(error, DatabaseError) and error.code in _TOO_COSTLY:
                raise Unavailable("The question takes more time or memory than one question may.") from error
            if isinstance(error, DatabaseError) and error.code == _OVERFLOWN:
                raise Overflown from error
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
    reading = {**READING, **MAPPED} if dsn.startswith(_EMBEDDED) else READING
    return ClickHouse(_connect(dsn, WRITING), [_connect(dsn, reading) for _ in range(READERS)])


def _connect(dsn: str, settings: Mapping[str, Any]) -> Client:
    client: Client = clickhouse_connect.get_client(dsn=dsn, settings=dict(settings), tz_mode="schema")
    return client


def _insert(
    client: Client, text: str, blocks: Blocks, block: bytes, parameters: dict[str, object], settings: dict[str, Any]
) -> None:
    """A server reads the block behind the statement; the engine in this process has no such way, and reads a file."""
    if not _is_embedded(client):
        text = text.replace("@block", f"input('{blocks.structure}')") + "FORMAT Native"
        client.command(text, parameters, data=block, settings=settings)
        return
    with tempfile.NamedTemporaryFile(suffix=".native") as file:
        file.write(block)
        file.flush()
        text = text.replace("@block", "file({path:String}, Native)")
        client.command(text, {"path": file.name, **parameters}, settings=settings)


def _rows(client: Client, text: str, parameters: dict[str, object], settings: Any = None) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in client.query(text, parameters=parameters, settings=settings).result_rows]


class _Clients:
    """Clients that serve one call each at a time; a call waits until one is free."""

    def __init__(self, clients: Sequence[Client]) -> None:
        self._clients = clients
        self._free: SimpleQueue[Client] = SimpleQueue()
        for client in clients:
            self._free.put(client)
        self._threads = ThreadPoolExecutor(len(clients), thread_name_prefix="clickhouse")
        self.are_embedded = all(_is_embedded(client) for client in clients)
        self.calls = 0
        """How many are over, failed ones too: exact where there is one client."""

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
        except Exception:
            _drain(client)
            raise
        finally:
            self.calls += 1
            self._free.put(client)


def _drain(client: Client) -> None:
    """Throw away what a failed question was answered so far: chDB 4.4 puts it in front of the next one's answer."""
    if _is_embedded(client):
        client.raw_query("SELECT 1", fmt="TSV")


def _is_embedded(client: Client) -> bool:
    return client.uri.startswith(_EMBEDDED)
