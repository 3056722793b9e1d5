"""Health: red names what is missing, and a process that answers is alive all the same."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette

from tidemark.health import Health


async def asked(health: Health, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(Starlette(routes=health.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get(path)


@pytest.mark.parametrize("path", ["/health", "/readyz"])
async def test_a_process_is_ready_while_every_check_holds(path: str) -> None:
    health, broken = Health(), {"sink"}
    health.watch("log", lambda: "log" not in broken)
    health.watch("sink", lambda: "sink" not in broken)
    red = await asked(health, path)
    assert (red.status_code, red.json()["checks"]) == (503, {"log": True, "sink": False})
    broken.clear()
    assert (await asked(health, path)).status_code == 200


async def test_a_process_that_is_not_ready_is_alive() -> None:
    health = Health()
    health.watch("log", lambda: False)
    assert (await asked(health, "/livez")).json() == {"status": "ok"}


async def test_a_process_that_has_not_opened_anything_yet_is_not_ready() -> None:
    assert (await asked(Health(), "/readyz")).status_code == 503
