"""Reaching the log: whoever of the servers is there first, however long it takes."""

from __future__ import annotations

import asyncio
import socket

import pytest

from stream.reach import wait_until_reachable
from tidemark.ports import free_port

HOST = "127.0.0.1"


def test_one_server_that_is_there_is_enough(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server((HOST, 0)) as server:
        wait_until_reachable(f"{HOST}:{free_port(HOST)}, {HOST}:{server.getsockname()[1]}")
    assert caplog.text == ""


async def test_it_waits_for_a_server_that_comes_later(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port(HOST)
    waiting = asyncio.create_task(asyncio.to_thread(wait_until_reachable, f"{HOST}:{port}"))
    while "waiting for the log" not in caplog.text:
        await asyncio.sleep(0.01)
    assert not waiting.done()
    with socket.create_server((HOST, port)):
        async with asyncio.timeout(10):
            await waiting
