"""The peer: PostgreSQL, where each report is a transaction of lock, read, update and outbox insert.

The server is made anew in a temporary folder, with Debian's defaults, and runs as a user other than root.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]
import msgspec
import uvloop

from bench.work import Work
from metering.balance import NEW_BALANCE, Balance, Place
from metering.decision import decide

CONNECTIONS: Final = 32
INSTALL: Final = "PostgreSQL 15 is not here, so its rows are left out; to have them: sudo apt-get install postgresql"

_USER: Final = "postgres"
_WARM_UP: Final = 1_000
_SCHEMA: Final = """
CREATE TABLE balances (meter bytea PRIMARY KEY, balance bytea NOT NULL);
CREATE TABLE outbox (id bigserial PRIMARY KEY, meter bytea NOT NULL, decision bytea NOT NULL);
"""
_LOCK: Final = "SELECT pg_advisory_xact_lock($1)"
_READ: Final = "SELECT balance FROM balances WHERE meter = $1"
_UPDATE: Final = "UPDATE balances SET balance = $2 WHERE meter = $1"
_INSERT: Final = "INSERT INTO outbox (meter, decision) VALUES ($1, $2)"

_encode: Final = msgspec.msgpack.Encoder().encode
_decode_balance: Final = msgspec.msgpack.Decoder(Balance).decode


@contextmanager
def postgres(programs: Path) -> Iterator[str]:
    """A server on a socket of its own; gives the socket's folder."""
    with tempfile.TemporaryDirectory() as folder:
        user = _USER if os.geteuid() == 0 else None
        if user:
            shutil.chown(folder, user)
        data = f"{folder}/data"
        init = [f"{programs}/initdb", "-D", data, "-U", _USER, "-A", "trust", "--no-instructions"]
        subprocess.run(init, user=user, check=True, cwd=folder, stdout=subprocess.DEVNULL)
        command = [
            f"{programs}/postgres",
            "-D",
            data,
            "-k",
            folder,
            "-c",
            "listen_addresses=",
            "-c",
            "log_min_messages=fatal",
        ]
        with subprocess.Popen(command, user=user, cwd=folder) as server:
            try:
                yield folder
            finally:
                server.terminate()


def rate(socket: str, work: Work) -> float:
    """Reports decided a second over `CONNECTIONS` connections, everything durable when counted."""
    return uvloop.run(_rate(socket, work))


async def _rate(socket: str, work: Work) -> float:
    pool = await _pool(socket)
    async with pool:
        await _start_anew(pool, work)
        await _decide_all(pool, work.head(_WARM_UP))
        await _start_anew(pool, work)
        begun = time.perf_counter()
        await _decide_all(pool, work)
        seconds = time.perf_counter() - begun
        assert await pool.fetchval("SELECT count(*) FROM outbox") == len(work)
    return len(work) / seconds


async def _pool(socket: str) -> Any:
    """The connections, once the server takes them."""
    for _ in range(100):
        try:
            return await asyncpg.create_pool(
                host=socket, user=_USER, database=_USER, min_size=CONNECTIONS, max_size=CONNECTIONS
            )
        except (OSError, asyncpg.CannotConnectNowError):
            await asyncio.sleep(0.1)
    raise TimeoutError("PostgreSQL takes no connection")


async def _start_anew(pool: Any, work: Work) -> None:
    await pool.execute("DROP TABLE IF EXISTS balances, outbox")
    await pool.execute(_SCHEMA)
    rows = [(grant.key, _encode(NEW_BALANCE)) for grant in work.grants]
    await pool.executemany("INSERT INTO balances VALUES ($1, $2)", rows)
    await pool.execute("ANALYZE balances")


async def _decide_all(pool: Any, work: Work) -> None:
    indices = iter(range(len(work)))

    async def client() -> None:
        async with pool.acquire() as connection:
            for index in indices:
                await _decide(connection, work, index)

    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))


async def _decide(connection: Any, work: Work, index: int) -> None:
    grant = work.grants[work.meter_of[index]]
    meter = grant.key
    async with connection.transaction():
        await connection.execute(_LOCK, zlib.crc32(meter))
        balance = _decode_balance(await connection.fetchval(_READ, meter))
        balance, decision = decide(balance, work.report(index), grant, Place(index, 0))
        await connection.execute(_UPDATE, meter, _encode(balance))
        await connection.execute(_INSERT, meter, _encode(decision))
