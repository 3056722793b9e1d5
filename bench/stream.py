"""A thousand clients that follow audit trails at once: how soon each event reaches them, and what a client costs.

Ten of them follow each of the hundred instances, while reports come in on all.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import aiohttp

from bench.answer import INSTANCES, make_meters
from bench.load import load
from bench.report import Figure
from tests.listening import ear_of
from tests.pipeline import TOKEN, Pipeline, running_pipeline

CLIENTS, REPORTS = 1_000, 4_000
_DRAINED_WITHIN = 30.0
_TIMESTAMP = re.compile(rb'"timestamp":"([^"]+)"')


@dataclass
class Heard:
    """What one client got: the decisions' ids, and how old each was on arrival, in seconds."""

    began: bool = False
    ids: list[bytes] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)

    def take(self, line: bytes) -> None:
        self.began = self.began or line.startswith(b"id: ")
        if line.startswith(b"data: ") and (found := _TIMESTAMP.search(line)):
            self.ages.append(time.time() - datetime.fromisoformat(found[1].decode()).timestamp())
            self.ids.append(line[:40])


def run() -> Sequence[Figure]:
    with tempfile.TemporaryDirectory() as folder, running_pipeline(Path(folder) / "data") as pipeline:
        meters = make_meters(pipeline)
        asyncio.run(load(meters, TOKEN, clients=16, reports=2_000))
        return asyncio.run(_followed(pipeline, meters))


async def _followed(pipeline: Pipeline, meters: Sequence[str]) -> list[Figure]:
    heard = [Heard() for _ in range(CLIENTS)]
    alone = pipeline.resident_bytes()["http"]
    async with ear_of(pipeline.url, TOKEN) as ear:
        following = [asyncio.create_task(_follow(ear, number % INSTANCES, one)) for number, one in enumerate(heard)]
        await _until(lambda: all(one.began for one in heard))
        crowded = pipeline.resident_bytes()["http"]
        outcome = await load(meters, TOKEN, clients=8, reports=REPORTS)
        expected = REPORTS * CLIENTS // INSTANCES
        with suppress(TimeoutError):
            await _until(lambda: sum(len(one.ids) for one in heard) >= expected)
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
    ages = sorted(age for one in heard for age in one.ages)
    once = sum(len(set(one.ids)) for one in heard)
    return [
        Figure(f"reports answered, {CLIENTS:,} streams open", outcome.rate, "reports/s", "rate"),
        Figure("events delivered", len(ages), "", "delivered"),
        Figure("of them missing", expected - once, "", "missing", at_most=0),
        Figure("of them twice", len(ages) - once, "", "twice", at_most=0),
        Figure("from receipt to the client, median", ages[len(ages) // 2] * 1e3, "ms", "median_ms"),
        Figure("from receipt to the client, 99 %", ages[len(ages) * 99 // 100] * 1e3, "ms", "p99_ms", at_most=2_000),
        Figure("memory of the HTTP process for a stream", (crowded - alone) / CLIENTS / 1024, "KiB", at_most=100),
    ]


async def _follow(ear: aiohttp.ClientSession, instance: int, heard: Heard) -> None:
    timeout = aiohttp.ClientTimeout(total=None)
    async with ear.get(f"/instances/instance-{instance}/audit-trails/stream", timeout=timeout) as response:
        response.raise_for_status()
        async for line in response.content:
            heard.take(line)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(_DRAINED_WITHIN):
        while not condition():  # noqa: ASYNC110  # many streams fill it, each in its own time
            await asyncio.sleep(0.05)
