from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from metering.problems import NoDecision, Unavailable
from stream.pump import MOST_COMMANDS, Pump, Waiting, make_batch, not_decided
from stream.records import Rules
from tests.unit.stream.fakes import grant, report


def waiting(value: str = "1", transaction_id: str | None = None, deadline: float = 1e9) -> Waiting:
    future = asyncio.get_running_loop().create_future()
    return Waiting(grant(), report(value, transaction_id), future, for_answer=True, deadline=deadline)


class SlowLog:
    """Takes one batch at a time, and only when told to."""

    def __init__(self) -> None:
        self.batches: list[list[Waiting]] = []
        self._taken = asyncio.Semaphore(0)
        self.entered = asyncio.Event()

    async def append(self, batch: list[Waiting]) -> None:
        self.batches.append(batch)
        self.entered.set()
        await self._taken.acquire()

    def take(self) -> None:
        self.entered.clear()
        self._taken.release()


@asynccontextmanager
async def pumping(log: SlowLog) -> AsyncIterator[Pump]:
    pump = Pump(log.append)
    task = asyncio.create_task(pump.run())
    try:
        yield pump
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_lone_command_leaves_at_once_and_the_next_record_fills_meanwhile() -> None:
    log = SlowLog()
    async with pumping(log) as pump:
        pump.put(waiting())
        await log.entered.wait()
        for _ in range(5):
            pump.put(waiting())
        log.take()
        await log.entered.wait()
        assert [len(batch) for batch in log.batches] == [1, 5]


async def test_a_flood_is_cut_into_records_that_the_log_takes() -> None:
    log = SlowLog()
    async with pumping(log) as pump:
        for _ in range(MOST_COMMANDS + 1):
            pump.put(waiting())
        await log.entered.wait()
        log.take()
        await log.entered.wait()
        assert sum(map(len, log.batches)) == MOST_COMMANDS + 1
        assert len(log.batches) == 2


async def test_a_command_that_waited_past_its_deadline_never_reaches_the_log() -> None:
    log = SlowLog()
    pump = Pump(log.append)
    late, timely = waiting(deadline=1.0), waiting(deadline=3.0)
    pump.put(late)
    pump.put(timely)
    pump.expire(now=2.0)
    with pytest.raises(Unavailable):
        await late.future
    task = asyncio.create_task(pump.run())
    await log.entered.wait()
    assert log.batches == [[timely]]
    task.cancel()


async def test_no_decision_says_that_a_retry_never_counts_twice() -> None:
    problem = not_decided(waiting(transaction_id="t-1"))
    assert isinstance(problem, NoDecision)
    assert problem.status == 503
    assert problem.extensions == {"transactionId": "t-1"}


async def test_a_batch_holds_each_distinct_grant_once() -> None:
    shared, other = grant(), grant(entitlement="e-2")
    commands = [waiting() for _ in range(3)]
    for command, held_against in zip(commands, (shared, other, shared), strict=True):
        command.grant = held_against
    batch = make_batch(commands, b"origin__", 7, 2, Rules())
    assert batch.grants == [shared, other]
    assert batch.grant_of == [0, 1, 0]
    assert batch.reply_to == 2


async def test_a_batch_that_nobody_waits_for_wants_no_reply() -> None:
    queued = waiting()
    queued.for_answer = False
    assert make_batch([queued], b"origin__", 7, 2, Rules()).reply_to is None
