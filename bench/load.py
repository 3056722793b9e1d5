"""A load of synchronous reports: so many clients, each sending its next report when its last one was answered."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp


@dataclass(frozen=True)
class Outcome:
    """Latencies in seconds, ascending; statuses and how often each came; reports a second over all clients."""

    latencies: Sequence[float]
    statuses: Counter[int]
    rate: float

    def quantile(self, share: float) -> float:
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * share))]


async def load(urls: Sequence[str], token: str, *, clients: int, reports: int) -> Outcome:
    """Send `reports` in all, over `clients` at once, to the meters at `urls` in turn."""
    latencies: list[float] = []
    statuses: Counter[int] = Counter()
    work = iter(range(reports))
    meters = itertools.cycle(urls)
    body = b'{"value":{"type":"number","value":1}}'
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    async def client(session: aiohttp.ClientSession) -> None:
        for _ in work:
            begun = time.perf_counter()
            async with session.post(next(meters), data=body) as response:
                await response.read()
                statuses[response.status] += 1
            latencies.append(time.perf_counter() - begun)

    connector = aiohttp.TCPConnector(limit=clients)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
        begun = time.perf_counter()
        await asyncio.gather(*(client(session) for _ in range(clients)))
        seconds = time.perf_counter() - begun
    return Outcome(sorted(latencies), statuses, reports / seconds)
