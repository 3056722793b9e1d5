"""The questions, asked from another process: the embedded engine lets only one hold its data.

Whoever holds it answers `queries/` by name over a Unix socket that its own user alone can open. A message is its length
in 4 bytes and msgpack: the question forth, its rows back, decimals as text.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Self

import msgspec
from clickhouse_connect.driver.exceptions import ClickHouseError

from metering.problems import Problem, Unavailable
from sql.clickhouse import ClickHouse
from sql.statements import names

log: Final = logging.getLogger(__name__)

_LENGTH: Final = struct.Struct(">I")
_PRIVATE: Final = 0o177


class Question(msgspec.Struct, frozen=True):
    name: str
    parameters: dict[str, Any]


class Reply(msgspec.Struct, frozen=True):
    """The rows, or what went wrong."""

    rows: list[list[Any]] = []
    error: str | None = None


_encode: Final = msgspec.msgpack.Encoder().encode
_question: Final = msgspec.msgpack.Decoder(Question).decode
_reply: Final = msgspec.msgpack.Decoder(Reply).decode


@asynccontextmanager
async def answering(clickhouse: ClickHouse, path: Path) -> AsyncIterator[None]:
    """Answer at `path` for the length of the block; where no socket can be made, say so and answer nobody."""

    asking: set[asyncio.StreamWriter] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asking.add(writer)
        try:
            while (message := await _read(reader)) is not None:
                await _write(writer, _encode(await _answer(clickhouse, message)))
        except OSError as error:
            log.info("who asked at %s went away: %s", path, error)
        finally:
            asking.discard(writer)
            writer.close()

    try:
        server = await asyncio.start_unix_server(answer, sock=_private_socket(path))
    except OSError as error:  # its path is too long, or its file system has none
        log.warning("no questions are answered at %s: %s", path, error)
        yield
        return
    try:
        yield
    finally:
        server.close()
        for writer in [*asking]:  # newer Pythons would wait for them to leave
            writer.close()


class ClickHouseSocket:
    """Asks the process that answers at `path`; the same `query` as `ClickHouse`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Raises `OSError` when nobody answers there."""
        return cls(*await asyncio.open_unix_connection(path))

    async def query(self, name: str, **parameters: object) -> list[list[Any]]:
        """The rows of `queries/{name}.sql`, one question at a time; raises `Unavailable`."""
        await _write(self._writer, _encode(Question(name, dict(parameters))))
        message = await _read(self._reader)
        reply = _reply(message) if message is not None else Reply(error="the process that held the data went away")
        if reply.error is not None:
            raise Unavailable(f"The audit trail does not answer: {reply.error}")
        return reply.rows

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


def _private_socket(path: Path) -> socket.socket:
    """Nobody else may ask: the mode is there from the first moment on."""
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX)
    mask = os.umask(_PRIVATE)
    try:
        bound.bind(str(path))
    except OSError:
        bound.close()
        raise
    finally:
        os.umask(mask)
    return bound


async def _answer(clickhouse: ClickHouse, message: bytes) -> Reply:
    try:
        question = _question(message)
        if question.name not in names():
            return Reply(error=f"there is no question {question.name!r}")
        return Reply([[*row] for row in await clickhouse.query(question.name, **question.parameters)])
    except (msgspec.MsgspecError, ClickHouseError, Problem) as error:
        log.warning("a question could not be answered: %r", error)
        return Reply(error=str(error))


async def _read(reader: asyncio.StreamReader) -> bytes | None:
    """The next message, None at the end."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        return await reader.readexactly(length)
    except asyncio.IncompleteReadError:
        return None


async def _write(writer: asyncio.StreamWriter, message: bytes) -> None:
    writer.write(_LENGTH.pack(len(message)) + message)
    await writer.drain()
