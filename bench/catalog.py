"""How long reads and edits of the catalog take, with 10,000 instances under 1,000 licenses, on both databases.

One call after another, through the app as it is, without a network between; PostgreSQL keeps Debian's defaults.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
from fastapi import FastAPI

import api.problems
from api.routes import routers
from bench.postgres import INSTALL, postgres
from bench.report import Figure
from bench.stock import ENTITLEMENTS, INSTANCES, Stock, fill
from catalog.catalog import Catalog, open_catalog
from catalog.migrate import migrate
from catalog.operator import ensure_first_organization
from tests.pipeline import wait_until
from tests.postgres import find_programs, takes_connections

WITHIN_MS: Final = 50

_ROUNDS: Final = 300
_WARM_UP: Final = 20
_TOKEN: Final = "tdm_bench-of-the-catalog-and-nothing-else"


class Calls:
    """What is measured, by what people call it; `turn` is the number of the call."""

    def __init__(self, client: httpx.AsyncClient, stock: Stock) -> None:
        self._client = client
        self._stock = stock
        self.reads: dict[str, Callable[[int], Awaitable[httpx.Response]]] = {
            "an instance": lambda turn: client.get(f"/instances/{_instance(turn)}"),
            "50 instances": lambda _: client.get("/instances", params={"cursor": self._cursor}),
            "a customer's instances": lambda turn: client.get(f"/customers/customer-{turn}/instances"),
            "50 licenses": lambda _: client.get("/licenses"),
            "50 families": lambda _: client.get("/license-families"),
            "a license's links": lambda turn: client.get(f"/licenses/license-{turn}/entitlements"),
        }
        self.edits: dict[str, Callable[[int], Awaitable[httpx.Response]]] = {
            "a new instance": self._create,
            "another license": lambda turn: client.patch(
                f"/instances/{_instance(turn)}", json={"licenseSlug": f"license-{turn}"}
            ),
            "another limit": lambda turn: client.put(
                f"/licenses/license-{turn}/entitlements/entitlement-{turn % ENTITLEMENTS}",
                json={"value": {"type": "number", "value": turn}},
            ),
            "a deletion": lambda turn: client.delete(f"/instances/new-{turn}"),
        }
        self._cursor = ""

    async def start(self) -> None:
        """Walk to the middle of the instances."""
        page = (await self._client.get("/instances", params={"limit": 200})).json()
        for _ in range(INSTANCES // 400):
            self._cursor = page["nextCursor"]
            page = (await self._client.get("/instances", params={"limit": 200, "cursor": self._cursor})).json()

    def _create(self, turn: int) -> Awaitable[httpx.Response]:
        names = {"name": f"New {turn}", "customerId": self._stock.customer_ids[turn]}
        return self._client.post("/instances", json={**names, "licenseSlug": f"license-{turn}"})


def run() -> Sequence[Figure]:
    return [figure for name, url in _databases() for figure in asyncio.run(_measure(name, url))]


def _databases() -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        yield "SQLite", f"sqlite:///{folder}/catalog.db"
    programs = find_programs()
    if programs is None:
        print(INSTALL)
        return
    with postgres(programs) as socket:
        url = f"postgresql://postgres@/postgres?host={socket}"
        wait_until(lambda: takes_connections(url), 30, "PostgreSQL takes connections")
        yield "PostgreSQL", url


async def _measure(name: str, url: str) -> Sequence[Figure]:
    migrate(url)
    async with _filled(url) as (catalog, stock, client):
        calls = Calls(client, stock)
        await calls.start()
        reads = {what: await _times(call) for what, call in calls.reads.items()}
        grants = await _times(lambda turn: _resolve(catalog, stock, turn))
        edits = {what: await _times(call) for what, call in calls.edits.items()}
    return [
        *_figures(f"{name}, read", reads, f"{name.lower()}_read"),
        *_figures(f"{name}, edit", edits, f"{name.lower()}_edit"),
        Figure(f"{name}, a grant that nobody knew yet, 99 %", _p99(grants), "ms"),
    ]


def _figures(kind: str, times: dict[str, list[float]], key: str) -> list[Figure]:
    every = [one for calls in times.values() for one in calls]
    return [
        *(Figure(f"{kind}: {what}, 99 %", _p99(calls), "ms") for what, calls in times.items()),
        Figure(f"{kind}: all, median", statistics.median(every), "ms", f"{key}_median_ms"),
        Figure(f"{kind}: all, 99 %", _p99(every), "ms", f"{key}_p99_ms", at_most=WITHIN_MS),
    ]


@asynccontextmanager
async def _filled(url: str) -> AsyncIterator[tuple[Catalog, Stock, httpx.AsyncClient]]:
    catalog = open_catalog(url)
    await ensure_first_organization(catalog.database, _TOKEN)
    stock = await fill(catalog, await catalog.authenticator.authenticate(f"Bearer {_TOKEN}"))
    feed = asyncio.create_task(catalog.feed.run())  # polls beside the calls, as it does in earnest
    transport, headers = httpx.ASGITransport(_app(catalog)), {"Authorization": f"Bearer {_TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://tidemark", headers=headers) as client:
        gc.collect()
        gc.freeze()  # as the HTTP process does behind its start
        yield catalog, stock, client
    feed.cancel()
    await asyncio.gather(feed, return_exceptions=True)
    await catalog.close()


def _app(catalog: Catalog) -> FastAPI:
    app = FastAPI()
    app.state.catalog, app.state.clickhouse, app.state.gateway = catalog, None, None
    for router in routers():
        app.include_router(router)
    api.problems.install(app)
    return app


async def _times(call: Callable[[int], Awaitable[Any]]) -> list[float]:
    """Milliseconds of each call, behind some that are not counted."""
    times = []
    for turn in range(_WARM_UP + _ROUNDS):
        begun = time.perf_counter()
        answer = await call(turn)
        times.append((time.perf_counter() - begun) * 1e3)
        if isinstance(answer, httpx.Response):
            answer.raise_for_status()
    return times[_WARM_UP:]


async def _resolve(catalog: Catalog, stock: Stock, turn: int) -> None:
    catalog.resolver.clear()
    number = turn * 31 % INSTANCES
    await catalog.resolver.resolve(stock.organization_id, f"instance-{number}", f"entitlement-{number % ENTITLEMENTS}")


def _instance(turn: int) -> str:
    return f"instance-{turn * 31 % INSTANCES}"


def _p99(times: Sequence[float]) -> float:
    return statistics.quantiles(times, n=100)[98]
