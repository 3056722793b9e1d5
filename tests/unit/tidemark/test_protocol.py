"""A stop waits for what can be answered, and not for clients that never send the rest."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import uvicorn
from fastapi import FastAPI, Request

import api.problems
from tidemark import protocol
from tidemark.ports import free_port
from tidemark.protocol import HttpProtocol

HOST = "127.0.0.1"
HEAD = b"POST /echo HTTP/1.1\r\nHost: tidemark\r\nContent-Length: 4\r\n\r\n"
WITHIN = 30.0


async def echo(request: Request) -> str:
    return (await request.body()).decode()


@pytest.fixture
async def server() -> AsyncIterator[uvicorn.Server]:
    """One that would wait for ever for the requests under way."""
    app = FastAPI()
    api.problems.install(app)
    app.post("/echo")(echo)
    config = uvicorn.Config(app, HOST, free_port(HOST), http=HttpProtocol, log_config=None, ws="none")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server
    server.should_exit = True
    await asyncio.wait_for(serving, WITHIN)


@asynccontextmanager
async def connected(server: uvicorn.Server) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(HOST, server.config.port)
    yield reader, writer
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def under_way(server: uvicorn.Server, requests: int) -> None:
    while len(server.server_state.tasks) < requests:
        await asyncio.sleep(0.01)


async def test_a_client_that_never_sends_the_rest_of_its_body_does_not_hold_up_a_stop(
    server: uvicorn.Server, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "_BODY_WITHIN", 0.05)
    async with connected(server) as (reader, writer):
        writer.write(HEAD + b"ab")
        await under_way(server, 1)
        server.should_exit = True
        async with asyncio.timeout(WITHIN):
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_body_that_comes_in_time_is_answered_though_a_stop_was_asked_for(server: uvicorn.Server) -> None:
    async with connected(server) as (reader, writer):
        writer.write(HEAD + b"ab")
        await under_way(server, 1)
        server.should_exit = True
        while server.servers[0].is_serving():
            await asyncio.sleep(0.01)
        writer.write(b"cd")
        assert (await reader.read()).endswith(b'"abcd"')
