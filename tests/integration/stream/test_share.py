"""Sinks that divide the lanes through a real broker's group: who leaves is replaced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from stream.share import LaneOf, Reassigned, Shared
from tests.pipeline import Pipeline
from tidemark.kafka import last_servers

pytestmark = pytest.mark.integration

WITHIN = 30.0


class Sharing:
    """A sink that copies nothing: its lanes, as the group says."""

    def __init__(self, servers: str) -> None:
        self.lanes: list[LaneOf] | None = None
        self._share = Shared(servers)
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            while True:
                self.lanes = await self._share.join()
                try:
                    await self._share.hold()
                except Reassigned:
                    self.lanes = None
        finally:
            await self._share.close()

    async def leave(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.fixture
async def sinks(pipeline: Pipeline) -> AsyncIterator[list[Sharing]]:
    servers = pipeline.settings.get("TIDEMARK_KAFKA") or last_servers(pipeline.data / "kafka")
    sinks = [Sharing(servers) for _ in range(2)]
    yield sinks
    for sink in sinks:
        await sink.leave()


async def until(*wanted: tuple[Sharing, int]) -> None:
    async with asyncio.timeout(WITHIN):
        while any(sink.lanes is None or len(sink.lanes) != lanes for sink, lanes in wanted):
            await asyncio.sleep(0.05)


async def test_two_sinks_have_half_of_the_lanes_each_and_one_that_is_left_all(sinks: list[Sharing]) -> None:
    first, second = sinks
    await until((first, 2), (second, 2))
    assert first.lanes is not None
    assert second.lanes is not None
    assert {p for lane in first.lanes + second.lanes for p in lane} == {0, 1, 2, 3}
    await first.leave()
    await until((second, 4))
    assert {p for lane in second.lanes for p in lane} == {0, 1, 2, 3}
