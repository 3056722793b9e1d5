"""The gateway: how the edges reach the log. Submit a command, await its answer."""

from __future__ import annotations

import asyncio
import logging
import os
import zlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final, Protocol

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from metering.balance import Place
from metering.command import Command
from metering.decision import Answer
from metering.grant import Grant
from stream.in_flight import InFlight
from stream.overload import Flow
from stream.producer import log_producer
from stream.pump import Pump, Waiting, make_batch, not_decided, out_of_reach, too_many
from stream.records import ORIGIN_SIZE, Decided, Rules, decision_id, decode_decided, encode
from stream.topics import REPLIES, REPLY_PARTITIONS, USAGE, partition_of

log: Final = logging.getLogger(__name__)

_SWEEP_EVERY: Final = 0.05
_RECONNECT_AFTER: Final = 1.0
_STOP_WITHIN: Final = 5.0
#: Shares of the answer timeout: from which wait on a command is refused, and how old a queue is by then.
_LONGEST_WAIT: Final = 0.5
_STANDING_QUEUE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a submitted command, and where it stands in the log."""

    partition: int
    place: Place
    answer: Answer

    @property
    def decision_id(self) -> str:
        return decision_id(self.partition, self.place)


class Gateway(Protocol):
    """The port to the log; `KafkaGateway` is the real one.

    Both calls raise `TooManyWaiting` (429) at once when too many wait, or the answer would come late; and `Unavailable`
    (503) when the log does not take the command in time.
    """

    async def submit(self, grant: Grant, command: Command) -> Answered:
        """Append the command to its meter's log and wait for the answer; raises `NoDecision` (503) when it is late."""

    async def enqueue(self, grant: Grant, command: Command) -> str:
        """Append the command and return, once the log holds it, the id that its decision will have."""


class WrongPartitions(Exception):
    """The log has another number of partitions than this gateway spreads its meters over."""


class KafkaGateway:
    """The gateway over Kafka: a pump per partition, one producer, one consumer of this gateway's replies.

    Survives the broker: while it is away callers get their 503, and the service comes back by itself. At most
    `most_waiting` commands wait at a time, queued or on their way to a decision; and fewer where their partition is
    decided so slowly that the answer to one more would take half of `answer_timeout`.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        partitions: int,
        *,
        answer_timeout: timedelta = timedelta(seconds=5),
        most_waiting: int = 20_000,
        rules: Rules | None = None,
    ) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._answer_timeout = answer_timeout.total_seconds()
        self._most_waiting = most_waiting
        self._rules = rules or Rules()
        self._origin = os.urandom(ORIGIN_SIZE)
        self._number = 0
        self._waiting = 0
        self._flows = [Flow(_STANDING_QUEUE * self._answer_timeout) for _ in range(partitions)]
        self._reply_to = zlib.crc32(self._origin) % REPLY_PARTITIONS
        self._pumps = [Pump(partial(self._append, number)) for number in range(partitions)]
        self._in_flight: dict[int, InFlight] = {}
        self._producer: AIOKafkaProducer | None = None
        self._failed = False
        self._unheard = set(range(partitions))
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def connected(self) -> bool:
        """Whether commands can leave and answers can arrive."""
        return self._producer is not None and not any(task.done() for task in self._tasks)

    @property
    def partitions(self) -> int:
        return len(self._pumps)

    @property
    def unheard(self) -> Sequence[int]:
        """The partitions whose commands are not answered: until the first answer, and from a late one to the next."""
        return sorted(self._unheard)

    @property
    def waiting(self) -> int:
        """How many commands wait, queued or on their way to a decision."""
        return self._waiting

    async def open(self) -> None:
        """Start; returns at once, and connects in the background."""
        work = (self._stay_connected(), self._sweep(), *(pump.run() for pump in self._pumps))
        self._tasks = [asyncio.create_task(task) for task in work]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def submit(self, grant: Grant, command: Command) -> Answered:
        answered: Answered = await self._put(grant, command, for_answer=True)
        return answered

    async def enqueue(self, grant: Grant, command: Command) -> str:
        place: tuple[int, Place] = await self._put(grant, command, for_answer=False)
        return decision_id(*place)

    def _put(self, grant: Grant, command: Command, *, for_answer: bool) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        waiting = Waiting(grant, command, loop.create_future(), for_answer, loop.time() + self._answer_timeout)
        if not self.connected:
            raise out_of_reach(waiting)
        partition = partition_of(grant.key, len(self._pumps))
        self._ensure_room(waiting, self._flows[partition].expected_wait(loop.time()))
        self._enter(waiting, self._flows[partition])
        self._pumps[partition].put(waiting)
        return waiting.future

    def _ensure_room(self, waiting: Waiting, expected_wait: float) -> None:
        late = waiting.for_answer and expected_wait > _LONGEST_WAIT * self._answer_timeout
        if late or self._waiting >= self._most_waiting:
            raise too_many(waiting, expected_wait)

    def _enter(self, waiting: Waiting, flow: Flow) -> None:
        self._waiting += 1
        waiting.future.add_done_callback(self._no_longer_waits)
        if waiting.for_answer:
            flow.enter(waiting.future, waiting.future.get_loop().time())
            waiting.future.add_done_callback(partial(_leave, flow))

    def _no_longer_waits(self, _: asyncio.Future[Any]) -> None:
        self._waiting -= 1

    async def _append(self, partition: int, batch: list[Waiting]) -> None:
        self._number += 1
        number = self._number
        answered = [waiting for waiting in batch if waiting.for_answer]
        if answered:
            self._in_flight[number] = InFlight(partition, batch, max(waiting.deadline for waiting in answered))
        try:
            value = encode(make_batch(batch, self._origin, number, self._reply_to, self._rules))
            offset = await self._send(partition, value)
        except Exception as error:  # noqa: BLE001  # whatever it was, the callers are told, and the next batch is tried
            log.warning("the log did not take a batch of %d commands: %r", len(batch), error)
            self._failed = True
            for waiting in batch:
                waiting.fail(not_decided(waiting))  # it may be in the log all the same
            return
        for position, waiting in enumerate(batch):
            if not waiting.for_answer and not waiting.future.done():
                waiting.future.set_result((partition, Place(offset, position)))
        if sent := self._in_flight.get(number):
            await sent.hold()

    async def _send(self, partition: int, value: bytes) -> int:
        if self._producer is None:
            raise KafkaConnectionError("the log is out of reach")
        appended = await (await self._producer.send(USAGE, value, partition=partition))
        offset: int = appended.offset
        return offset

    async def _stay_connected(self) -> None:
        """Connect, and connect again whenever a batch was not taken or replies can't be read."""
        while True:
            try:
                await self._connection()
            except (KafkaError, OSError, WrongPartitions) as error:
                log.warning("the log is out of reach: %r", error)
            await asyncio.sleep(_RECONNECT_AFTER)

    async def _connection(self) -> None:
        async with AsyncExitStack() as stack:
            producer = log_producer(self._bootstrap_servers, request_timeout_ms=10_000)
            stack.push_async_callback(_stop, producer.stop)
            await producer.start()
            if len(found := await producer.partitions_for(USAGE)) != len(self._pumps):
                raise WrongPartitions(
                    f"{USAGE} has {len(found)} partitions, TIDEMARK_PARTITIONS says {len(self._pumps)}"
                )
            replies = AIOKafkaConsumer(bootstrap_servers=self._bootstrap_servers, enable_auto_commit=False)
            stack.push_async_callback(_stop, replies.stop)
            await replies.start()
            await self._read_replies(replies, producer)

    async def _read_replies(self, replies: AIOKafkaConsumer, producer: AIOKafkaProducer) -> None:
        tp = TopicPartition(REPLIES, self._reply_to)
        replies.assign([tp])
        await replies.seek_to_end(tp)
        await replies.position(tp)
        self._failed = False
        self._producer = producer
        try:
            while not self._failed:
                for record in (await replies.getmany(tp, timeout_ms=1_000)).get(tp, []):
                    self._read(record.key or b"", record.value or b"")
        finally:
            self._producer = None

    def _read(self, key: bytes, value: bytes) -> None:
        if key[:ORIGIN_SIZE] != self._origin:
            return  # another gateway's
        try:
            self._answer(int.from_bytes(key[ORIGIN_SIZE:], "big"), decode_decided(value))
        except msgspec.MsgspecError as error:
            log.warning("a reply that cannot be read: %s", error)

    def _answer(self, number: int, decided: Decided) -> None:
        self._unheard.discard(decided.partition)
        batch = self._in_flight.get(number)
        if batch is None or len(decided.answers) != len(batch.waiting):
            return  # decided twice, after its callers gave up, or not decided at all
        for position, (waiting, answer) in enumerate(zip(batch.waiting, decided.answers, strict=True)):
            if waiting.for_answer and answer is not None and not waiting.future.done():
                waiting.future.set_result(Answered(decided.partition, Place(decided.offset, position), answer))
        if all(waiting.future.done() for waiting in batch.waiting if waiting.for_answer):
            del self._in_flight[number]  # else its deadline ends it
            batch.answered.set()

    async def _sweep(self) -> None:
        """Hold every caller's deadline."""
        now = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(_SWEEP_EVERY)
            for pump in self._pumps:
                pump.expire(now())
            for number in [number for number, batch in self._in_flight.items() if batch.deadline <= now()]:
                self._give_up(self._in_flight.pop(number))

    def _give_up(self, batch: InFlight) -> None:
        late = [waiting for waiting in batch.waiting if waiting.for_answer and not waiting.future.done()]
        for waiting in late:
            waiting.fail(not_decided(waiting))
        if late:
            self._unheard.add(batch.partition)


def _leave(flow: Flow, future: asyncio.Future[Any]) -> None:
    decided = not future.cancelled() and future.exception() is None
    flow.leave(future, future.get_loop().time(), decided=decided)


async def _stop(stop: Callable[[], Awaitable[None]]) -> None:
    try:
        async with asyncio.timeout(_STOP_WITHIN):
            await stop()
    except (KafkaError, OSError, TimeoutError) as error:
        log.warning("a client of the log did not stop cleanly: %r", error)
