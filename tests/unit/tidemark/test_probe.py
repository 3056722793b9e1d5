"""The probe: it asks while no worker is heard, and is silent otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from metering.command import Command, Peek
from metering.grant import Grant
from metering.problems import NoDecision
from stream.gateway import Answered
from tidemark import probe

DEADLINE = 5.0


class SilentGateway:
    """Answers from the `answers_at`-th command on, and then hears its worker."""

    def __init__(self, answers_at: int = 1) -> None:
        self.connected = True
        self.hears_workers = False
        self.asked: list[Command] = []
        self._answers_at = answers_at

    async def submit(self, grant: Grant, command: Command) -> Answered:
        self.asked.append(command)
        self.hears_workers = len(self.asked) >= self._answers_at
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
    gateway = SilentGateway(answers_at=3)
    async with probing(gateway), asyncio.timeout(DEADLINE):
        while not gateway.hears_workers:
            await asyncio.sleep(0.001)
    assert [type(command) for command in gateway.asked] == [Peek] * 3


async def test_it_asks_again_after_a_silence() -> None:
    gateway = SilentGateway()
    gateway.hears_workers = True
    async with probing(gateway), asyncio.timeout(DEADLINE):
        await asyncio.sleep(0.01)
        assert gateway.asked == []
        gateway.hears_workers = False
        while not gateway.asked:
            await asyncio.sleep(0.001)
    assert gateway.hears_workers
