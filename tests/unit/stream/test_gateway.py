"""The gateway between its callers and the log, without a broker: what becomes of answers, and of too many callers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from metering.decision import Decision, Status
from metering.period import LIFETIME
from metering.problems import NoDecision, TooManyWaiting, Unavailable
from metering.quantity import ZERO
from stream.gateway import KafkaGateway
from stream.records import VERSION, Decided, decode_batch, encode, reply_key
from tests.unit.stream.fakes import grant, report

SOON, NEVER = 0.2, float("inf")  # seconds
DECISION = Decision(Status.ACCEPTED, 1, ZERO, ZERO, 1, LIFETIME)


@dataclass
class FakeProducer:
    """Takes every record at the next offset, unless it was told to fail."""

    sent: list[bytes] = field(default_factory=list)
    fails: bool = False

    async def send(self, topic: str, value: bytes, *, partition: int) -> asyncio.Future[Any]:
        if self.fails:
            raise RuntimeError("no one foresaw this")
        self.sent.append(value)
        appended: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        appended.set_result(Appended(len(self.sent) - 1))
        return appended


@dataclass
class Appended:
    offset: int


class Connected(KafkaGateway):
    """A gateway that finds its log connected from the start."""

    def __init__(self, producer: FakeProducer, most_waiting: int = 10, answer_timeout: float = 60) -> None:
        super().__init__("", 1, answer_timeout=timedelta(seconds=answer_timeout), most_waiting=most_waiting)
        self._producer = producer

    async def _stay_connected(self) -> None:
        await asyncio.Event().wait()

    def reply(self, value: bytes, *answers: Decision | None) -> None:
        batch = decode_batch(value)
        self._read(reply_key(batch.origin, batch.number), encode(Decided(VERSION, 0, 0, list(answers), b"")))


@pytest.fixture
def producer() -> FakeProducer:
    return FakeProducer()


@pytest.fixture
async def gateway(producer: FakeProducer) -> AsyncIterator[Connected]:
    gateway = Connected(producer)
    await gateway.open()
    yield gateway
    await gateway.close()


async def submitted(gateway: Connected, producer: FakeProducer) -> asyncio.Task[Any]:
    """A report on its way, its batch in the log."""
    before = len(producer.sent)
    task = asyncio.create_task(gateway.submit(grant(), report("1", "t-1")))
    while len(producer.sent) == before:
        await asyncio.sleep(0)
    return task


async def test_an_answer_reaches_its_caller(gateway: Connected, producer: FakeProducer) -> None:
    task = await submitted(gateway, producer)
    gateway.reply(producer.sent[0], DECISION)
    answered = await task
    assert answered.decision_id == "0-0-0"
    assert answered.answer == DECISION


async def test_an_answer_that_a_restarted_worker_left_out_is_waited_for_until_the_deadline(
    gateway: Connected, producer: FakeProducer
) -> None:
    gateway._answer_timeout = SOON
    task = await submitted(gateway, producer)
    gateway.reply(producer.sent[0], None)
    with pytest.raises(NoDecision) as late:
        await task
    assert late.value.extensions == {"transactionId": "t-1"}


async def test_a_second_answer_to_the_same_batch_is_heard_by_nobody(gateway: Connected, producer: FakeProducer) -> None:
    task = await submitted(gateway, producer)
    gateway.reply(producer.sent[0], DECISION)
    gateway.reply(producer.sent[0], DECISION)
    assert (await task).answer == DECISION


async def test_garbage_among_the_replies_harms_no_one(gateway: Connected, producer: FakeProducer) -> None:
    task = await submitted(gateway, producer)
    batch = decode_batch(producer.sent[0])
    gateway._read(b"", b"")
    gateway._read(b"someone else's", b"\xff")
    gateway._read(reply_key(batch.origin, batch.number), b"\xff")
    gateway.reply(producer.sent[0], DECISION)
    assert (await task).answer == DECISION


async def test_what_nobody_foresaw_fails_its_batch_and_not_the_next(gateway: Connected, producer: FakeProducer) -> None:
    producer.fails = True
    with pytest.raises(NoDecision):
        await gateway.submit(grant(), report("1"))
    producer.fails = False
    task = await submitted(gateway, producer)
    gateway.reply(producer.sent[0], DECISION)
    assert (await task).answer == DECISION
    assert gateway.connected


async def test_more_callers_than_may_wait_are_refused_at_once_and_told_what_to_retry_with(
    producer: FakeProducer,
) -> None:
    gateway = Connected(producer, most_waiting=1)
    await gateway.open()
    task = await submitted(gateway, producer)
    with pytest.raises(TooManyWaiting) as refused:
        await gateway.submit(grant(), report("1", "t-2"))
    assert refused.value.headers["Retry-After"]
    assert refused.value.extensions == {"transactionId": "t-2"}
    gateway.reply(producer.sent[0], DECISION)
    await task
    after = await submitted(gateway, producer)
    gateway.reply(producer.sent[1], DECISION)
    assert (await after).answer == DECISION
    await gateway.close()


async def test_while_the_log_is_out_of_reach_nothing_is_taken(gateway: Connected) -> None:
    gateway._producer = None
    with pytest.raises(Unavailable) as refused:
        await gateway.submit(grant(), report("1", "t-1"))
    assert refused.value.extensions == {"transactionId": "t-1"}
    assert not gateway.connected


async def test_workers_are_heard_from_the_first_answer_on_until_one_is_late(
    gateway: Connected, producer: FakeProducer
) -> None:
    assert gateway.unheard == [0]
    first = await submitted(gateway, producer)
    assert gateway.waiting == 1
    gateway.reply(producer.sent[0], DECISION)
    await first
    assert (gateway.unheard, gateway.waiting) == ([], 0)
    gateway._answer_timeout = SOON
    with pytest.raises(NoDecision):
        await gateway.submit(grant(), report("1"))
    assert gateway.unheard == [0]


async def test_a_caller_that_went_away_says_nothing_of_the_workers(gateway: Connected, producer: FakeProducer) -> None:
    first = await submitted(gateway, producer)
    gateway.reply(producer.sent[0], DECISION)
    await first
    gateway._answer_timeout = SOON
    gone = await submitted(gateway, producer)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    async with asyncio.timeout(5):
        while gateway._in_flight:
            await asyncio.sleep(0.01)
    assert gateway.unheard == []


async def test_what_arrives_while_a_batch_is_decided_shares_the_next_record(
    gateway: Connected, producer: FakeProducer
) -> None:
    first = await submitted(gateway, producer)
    more = [asyncio.create_task(gateway.submit(grant(), report("1"))) for _ in range(3)]
    while gateway.waiting < 4:
        await asyncio.sleep(0)
    gateway.reply(producer.sent[0], DECISION)
    await first
    while len(producer.sent) < 2:
        await asyncio.sleep(0)
    gateway.reply(producer.sent[1], DECISION, DECISION, DECISION)
    assert [(await task).answer for task in more] == [DECISION] * 3


async def test_a_batch_that_is_not_answered_holds_the_next_one_back_for_a_moment_only(
    gateway: Connected, producer: FakeProducer
) -> None:
    unanswered = await submitted(gateway, producer)
    next_one = await submitted(gateway, producer)
    gateway.reply(producer.sent[1], DECISION)
    assert (await next_one).answer == DECISION
    assert not unanswered.done()
    unanswered.cancel()


async def test_where_answers_would_come_late_newcomers_are_refused_early_and_told_when_to_come_back(
    producer: FakeProducer,
) -> None:
    gateway = Connected(producer, most_waiting=2_000, answer_timeout=20)
    await gateway.open()
    flow = gateway._flows[0]
    flow._patience = NEVER
    callers = []
    for _ in range(1_100):  # a silent worker is taken to be good for 100 a second
        callers.append(asyncio.create_task(gateway.submit(grant(), report("1"))))
        await asyncio.sleep(0)
    assert len(flow) == 1_100, "a burst is no overload"
    flow._patience = 0
    with pytest.raises(TooManyWaiting) as refused:
        await gateway.submit(grant(), report("1", "t-2"))
    assert refused.value.headers["Retry-After"] == "11"
    assert (await gateway.enqueue(grant(), report("1"))).startswith("0-"), "who waits for no answer is taken"
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    assert len(flow) == 0
    await gateway.close()
