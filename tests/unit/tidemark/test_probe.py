"""The probe: it asks the partitions that are not heard, and is silent otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from metering.command import Command, Peek
from metering.grant import Grant
from metering.problems import NoDecision
from stream.gateway import Answered
from stream.topics import partition_of
from tidemark import probe

DEADLINE = 5.0


class SilentGateway:
    """Of three partitions, answers in `unheard` from the `answers_at`-th command on, and then hears them."""

    partitions = 3
    connected = True

    def __init__(self, *unheard: int, answers_at: int = 1) -> None:
        self.unheard = [*unheard]
        self.asked: list[tuple[int, Command]] = []
        self._answers_at = answers_at

    async def submit(self, grant: Grant, command: Command) -> Answered:
        partition = partition_of(grant.key, self.partitions)
        self.asked.append((partition, command))
        if len(self.asked) >= self._answers_at:
            self.unheard.remove(partition)
        raise NoDecision("late")


@asynccontextmanager
async def probing(gateway: SilentGateway) -> AsyncIterator[None]:
    task = asyncio.create_task(probe.probe(gateway))
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_PAUSE_S", 0.001)


async def test_it_asks_until_a_worker_is_heard_by_commands_that_leave_no_trace() -> None:
    gateway = SilentGateway(2, answers_at=3)
    async with probing(gateway), asyncio.timeout(DEADLINE):
        while gateway.unheard:
            await asyncio.sleep(0.001)
    assert [(partition, type(command)) for partition, command in gateway.asked] == [(2, Peek)] * 3


async def test_it_asks_each_partition_for_itself() -> None:
    gateway = SilentGateway(0, 1, 2)
    async with probing(gateway), asyncio.timeout(DEADLINE):
        while gateway.unheard:
            await asyncio.sleep(0.001)
    assert sorted(partition for partition, _ in gateway.asked) == [0, 1, 2]


async def test_it_asks_again_after_a_silence() -> None:
    gateway = SilentGateway()
    async with probing(gateway), asyncio.timeout(DEADLINE):
        await asyncio.sleep(0.01)
        assert gateway.asked == []
        gateway.unheard.append(1)
        while gateway.unheard:
            await asyncio.sleep(0.001)
    assert [partition for partition, _ in gateway.asked] == [1]
