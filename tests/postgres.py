"""PostgreSQL for tests: a server of Debian's programs where they are, a container where Docker is, else a skip."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import yaml
from sqlalchemy import make_url
from testcontainers.community.postgres import PostgresContainer

from tests.containers import require_docker
from tests.pipeline import ROOT, wait_until

_USER = "postgres"
_UNSAFE_AND_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=")


@contextmanager
def postgres_server() -> Iterator[str]:
    """A server for as long as it is needed; gives its address, which ends at the name of a database to be added."""
    if programs := find_programs():
        with _server_of(programs) as url:
            yield url
    else:
        require_docker()
        image = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["postgres"]["image"]
        with PostgresContainer(image, dbname=_USER, driver=None) as server:
            yield server.get_connection_url()


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """A database with nothing in it, gone afterwards."""
    name = f"fresh_{uuid4().hex}"
    asyncio.run(run(server, f"CREATE DATABASE {name}"))
    yield database_of(server, name)
    asyncio.run(run(server, f"DROP DATABASE {name} WITH (FORCE)"))


def empty(url: str, tables: Iterable[str]) -> None:
    """Delete all rows: ten times faster than a database for each test."""
    deletions = "".join(f"DELETE FROM {table};" for table in tables)
    asyncio.run(run(url, f"SET session_replication_role = replica; {deletions}"))


async def run(server: str, statement: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def database_of(server: str, name: str) -> str:
    """The address of one database on the server."""
    head, _, query = server.partition("?")
    return f"{head.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")


def find_programs() -> Path | None:
    """Where `initdb` and `postgres` are; Debian keeps them off the path."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "postgres").exists()), None)


@contextmanager
def _server_of(programs: Path) -> Iterator[str]:
    """A server on a socket of its own; as it refuses to run as root, then as the user that Debian made for it."""
    user = _USER if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory() as folder:
        if user:
            shutil.chown(folder, user)
        init = [
            f"{programs}/initdb",
            "-D",
            f"{folder}/data",
            "-U",
            _USER,
            "-A",
            "trust",
            "--no-sync",
            "--locale=C.UTF-8",
        ]
        subprocess.run(init, user=user, check=True, cwd=folder, stdout=subprocess.DEVNULL)
        settings = [part for setting in _UNSAFE_AND_FAST for part in ("-c", setting)]
        command = [f"{programs}/postgres", "-D", f"{folder}/data", "-k", folder, *settings]
        with subprocess.Popen(command, user=user, cwd=folder, stderr=subprocess.DEVNULL) as server:
            try:
                url = f"postgresql://{_USER}@/{_USER}?host={folder}"
                wait_until(lambda: takes_connections(url), 30, "PostgreSQL takes connections")
                yield url
            finally:
                server.terminate()


def takes_connections(url: str) -> bool:
    """Whether the server is up."""
    try:
        asyncio.run(run(url, "SELECT 1"))
    except (OSError, asyncpg.PostgresError):
        return False
    return True


async def close_for_all(server: str, url: str) -> None:
    """Let nobody into this database, and throw out who is there: as while the server stops or starts."""
    name = make_url(url).database
    await run(server, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await run(server, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")


async def open_again(server: str, url: str) -> None:
    await run(server, f"ALTER DATABASE {make_url(url).database} ALLOW_CONNECTIONS true")
