"""Bringing the catalog's schema up to date, and back: Alembic on a connection, and in a transaction, of our own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from catalog.database import lock, open_engine, unavailable_when_away
from metering.problems import Fault, Invalid

Command = Callable[[Config, str], None]


def migrate(url: str, revision: str = "head") -> None:
    """Bring the schema up to `revision`, all of it or nothing. Raises `Unavailable`.

    Callable with or without a running event loop, and by several processes at once.
    """
    _run(url, command.upgrade, revision)


def downgrade(url: str, revision: str) -> None:
    """Take the schema back to `revision`. What a later one brought is gone afterwards.

    Raises `Unavailable`, and `Invalid` for a revision that there is not, or that lies ahead.
    """
    try:
        _run(url, command.downgrade, revision)
    except CommandError as error:
        raise Invalid(f"The catalog cannot be taken back: {error}", faults=[Fault("revision", str(error))]) from error


def _run(url: str, change: Command, revision: str) -> None:
    with unavailable_when_away(), ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(_change(url, change, revision))).result()


async def _change(url: str, change: Command, revision: str) -> None:
    engine = open_engine(url)
    try:
        async with engine.connect() as connection:
            await _without_foreign_keys(connection)
            locked = await connection.execution_options(edits=True)
            await lock(locked)
            await locked.run_sync(_alembic, change, revision)
            await _ensure_foreign_keys_hold(locked)
            await locked.commit()
    finally:
        await engine.dispose()


def _alembic(connection: Connection, change: Command, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(files("catalog") / "migrations"))
    config.attributes["connection"] = connection
    change(config, revision)


async def _without_foreign_keys(connection: AsyncConnection) -> None:
    """SQLite alters a table by copying it and dropping the old one, which must not delete what refers to it.

    It takes no notice of this pragma within a transaction.
    """
    if connection.dialect.name == "sqlite":
        raw = await connection.get_raw_connection()
        assert raw.driver_connection is not None
        await raw.driver_connection.execute("PRAGMA foreign_keys=OFF")


async def _ensure_foreign_keys_hold(connection: AsyncConnection) -> None:
    if connection.dialect.name == "sqlite":
        broken = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).all()
        if broken:
            raise RuntimeError(f"The migration would leave rows that refer to nothing: {broken[:5]}")
