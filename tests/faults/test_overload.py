"""More reports than can be decided: refused early, with a time to come back, and each counts once in the end."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import aiohttp
import psutil
import pytest

from tests.pipeline import TOKEN, Pipeline, running_pipeline
from tests.shop import Sold, sell

pytestmark = pytest.mark.faults

REPORTS = 3_000
#: So many come together, and again after so many seconds, whether the ones before are answered or not.
_COME_TOGETHER, _EVERY = 10, 0.01
_CONNECTIONS = 600
MOST_GROWTH = 200e6
WITHIN = 90.0
#: A worker that rests for longer than half of the answer timeout allows, and is quick enough in between.
_WORKS_FOR, _RESTS_FOR = 0.3, 1.0


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    data = tmp_path_factory.mktemp("overload")
    with running_pipeline(data, TIDEMARK_PARTITIONS="1", TIDEMARK_ANSWER_TIMEOUT="2") as running:
        yield running


@contextmanager
def slowed(process: psutil.Process) -> Iterator[None]:
    over = threading.Event()

    def slow() -> None:
        while not over.wait(_WORKS_FOR):
            process.suspend()
            over.wait(_RESTS_FOR)
            process.resume()

    slowing = threading.Thread(target=slow)
    slowing.start()
    try:
        yield
    finally:
        over.set()
        slowing.join()


@dataclass
class Crowd:
    """Clients that come at their own pace, and come back when they are told to, until each report is answered."""

    url: str
    path: str
    statuses: Counter[int] = field(default_factory=Counter)
    without_retry_after: int = 0

    async def come(self) -> None:
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS)
        async with (
            asyncio.timeout(WITHIN),
            aiohttp.ClientSession(self.url, headers=headers, connector=connector) as session,
            asyncio.TaskGroup() as clients,
        ):
            for number in range(REPORTS):
                clients.create_task(self._report(session, number))
                if number % _COME_TOGETHER == 0:
                    await asyncio.sleep(_EVERY)

    async def _report(self, session: aiohttp.ClientSession, number: int) -> None:
        body = {"value": {"type": "number", "value": 1}, "transactionId": f"report-{number}"}
        while (pause := await self._send(session, body)) is not None:
            await asyncio.sleep(pause)

    async def _send(self, session: aiohttp.ClientSession, body: dict[str, object]) -> float | None:
        """None once it is answered, else when to come back."""
        async with session.post(self.path, json=body) as response:
            await response.read()
        self.statuses[response.status] += 1
        if response.status == 200:
            return None
        self.without_retry_after += "Retry-After" not in response.headers
        return float(response.headers.get("Retry-After", 1))


@pytest.mark.timeout(180)
def test_more_than_can_be_decided_is_refused_early_and_counts_once_in_the_end(pipeline: Pipeline) -> None:
    with pipeline.client() as client:
        sold = sell(client, limit=REPORTS)
        sold.report(0)
        http = pipeline.child("serve")
        before = http.memory_info().rss
        crowd = Crowd(pipeline.url, sold.usage_path)
        with slowed(pipeline.child("worker")):
            asyncio.run(crowd.come())
        assert crowd.statuses.keys() <= {200, 429, 503}
        assert crowd.statuses[429] > 0
        assert crowd.statuses[503] < crowd.statuses[429] / 10, "refused at once, not after a wait in vain"
        assert crowd.without_retry_after == 0
        assert http.memory_info().rss - before < MOST_GROWTH
        assert_everything_counted_once(sold)


def assert_everything_counted_once(sold: Sold) -> None:
    assert sold.usage()["value"] == {"type": "number", "value": REPORTS, "event_count": REPORTS + 1}
    assert sold.report(1).status_code == 409
