"""Requests that never end, or that nobody can read, answers that are due before them, or that nobody takes."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

import api.problems
from tidemark import protocol
from tidemark.ports import free_port
from tidemark.protocol import HttpProtocol

HOST = "127.0.0.1"
HEAD = b"POST /echo HTTP/1.1\r\nHost: tidemark\r\nContent-Length: 4\r\n\r\n"
WITHIN = 30.0


async def echo(request: Request) -> str:
    return (await request.body()).decode()


async def slow() -> str:
    await asyncio.sleep(0.1)
    return "slow"


class Endless:
    """An answer without end, and whether anybody still makes it."""

    under_way = False

    async def pieces(self) -> AsyncIterator[bytes]:
        self.under_way = True
        try:
            while True:
                yield bytes(1 << 20)
                await asyncio.sleep(0)  # a page is asked for
        finally:
            self.under_way = False


@pytest.fixture
def endless() -> Endless:
    return Endless()


@pytest.fixture
async def server(endless: Endless) -> AsyncIterator[uvicorn.Server]:
    """One that would wait for ever for the requests under way."""
    app = FastAPI()
    api.problems.install(app)
    app.post("/echo")(echo)
    app.get("/slow")(slow)
    app.get("/endless")(lambda: StreamingResponse(endless.pieces()))
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


@pytest.mark.parametrize("begun", [b"POST /echo HTTP/1.1\r\nHost:", HEAD + b"ab"], ids=["head", "body"])
async def test_a_request_without_end_is_408(
    server: uvicorn.Server, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(protocol, "_RECEIVED_WITHIN", 0.1)
    async with connected(server) as (reader, writer), asyncio.timeout(WITHIN):
        writer.write(begun)
        answered = await reader.read()
    assert answered.startswith(b"HTTP/1.1 408")
    assert b'"code":"RequestTimeout"' in answered


async def test_a_connection_that_never_asks_for_anything_is_closed_without_a_word(
    server: uvicorn.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "_RECEIVED_WITHIN", 0.1)
    async with connected(server) as (reader, _), asyncio.timeout(WITHIN):
        assert await reader.read() == b""


async def test_an_answer_may_take_longer_than_its_request(
    server: uvicorn.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "_RECEIVED_WITHIN", 0.01)
    async with connected(server) as (reader, writer), asyncio.timeout(WITHIN):
        writer.write(b"GET /slow HTTP/1.1\r\nHost: tidemark\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).endswith(b'"slow"')


async def test_nonsense_behind_requests_overtakes_none_of_their_answers(server: uvicorn.Server) -> None:
    async with connected(server) as (reader, writer), asyncio.timeout(WITHIN):
        writer.write(HEAD + b"1234" + HEAD + b"5678" + b"nonsense\r\n\r\n")
        answered = await reader.read()
    assert (answered.count(b"HTTP/1.1 200"), answered.count(b"HTTP/1.1 ")) == (2, 2)
    assert answered.endswith(b'"5678"')


async def test_a_broken_body_behind_an_open_answer_gets_none(server: uvicorn.Server) -> None:
    broken = b"POST /echo HTTP/1.1\r\nHost: tidemark\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    async with connected(server) as (reader, writer), asyncio.timeout(WITHIN):
        writer.write(b"GET /slow HTTP/1.1\r\nHost: tidemark\r\n\r\n" + broken)
        assert await reader.read() == b""


async def test_a_client_that_takes_nothing_of_its_answer_is_cut_off_and_finds_no_end(
    server: uvicorn.Server, endless: Endless, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "_TAKEN_WITHIN", 0.05)
    caplog.set_level(logging.INFO, protocol.log.name)
    with socket.create_connection((HOST, server.config.port)) as client:
        client.sendall(b"GET /endless HTTP/1.1\r\nHost: tidemark\r\n\r\n")
        async with asyncio.timeout(WITHIN):
            await under_way(server, 1)
            while endless.under_way or server.server_state.connections:
                await asyncio.sleep(0.01)
        assert not _rest(client).endswith(b"0\r\n\r\n"), "what it can still take has no end"
    (told,) = (record for record in caplog.records if record.name == protocol.log.name)
    assert "took nothing of /endless" in told.message


async def test_a_client_that_takes_a_little_at_a_time_is_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    left, loop = iter((900, 899, 1, 1)), asyncio.get_running_loop()
    aborted = asyncio.Event()
    transport = SimpleNamespace(get_write_buffer_size=lambda: next(left), abort=aborted.set)
    connection = HttpProtocol.__new__(HttpProtocol)
    connection.__dict__.update(transport=transport, loop=loop, client=(HOST, 1), scope={"path": "/"}, flow=Mock())
    monkeypatch.setattr(protocol, "_TAKEN_WITHIN", 0)
    connection.pause_writing()
    await asyncio.wait_for(aborted.wait(), WITHIN)
    assert [*left] == [], "it was asked until nothing was taken"


def _rest(client: socket.socket) -> bytes:
    rest = b""
    with suppress(ConnectionResetError):
        while piece := client.recv(1 << 20):
            rest = piece
    return rest
