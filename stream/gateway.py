"""The gateway: how the edges reach the log. Submit a command, await its answer."""

from __future__ import annotations

import asyncio
import logging
import os
import zlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from metering.balance import Place
from metering.command import Command
from metering.decision import Answer
from metering.grant import Grant
from metering.problems import Unavailable
from stream.producer import log_producer
from stream.pump import Pump, Waiting, make_batch, not_decided
from stream.records import Decided, Rules, decision_id, decode_decided, encode
from stream.topics import REPLIES, REPLY_PARTITIONS, USAGE

log: Final = logging.getLogger(__name__)

_SWEEP_EVERY: Final = 0.05
_RECONNECT_AFTER: Final = 1.0


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

    Both calls raise `TooManyWaiting` (429) at once when the queue of the meter's partition is full, and `Unavailable`
    (503) when the log does not take the command in time.
    """

    async def submit(self, grant: Grant, command: Command) -> Answered:
        """Append the command to its meter's log and wait for the answer; raises `NoDecision` (503) when it is late."""

    async def enqueue(self, grant: Grant, command: Command) -> str:
        """Append the command and return, once the log holds it, the id that its decision will have."""


def partition_of(meter: bytes, partitions: int) -> int:
    """The partition of a meter's key: CRC-32, which is the same in every process and costs nothing."""
    return zlib.crc32(meter) % partitions


@dataclass(slots=True)
class _InFlight:
    """A batch that was sent, until its reply is here or its deadline passed."""

    waiting: list[Waiting]
    deadline: float


class KafkaGateway:
    """The gateway over Kafka: a pump per partition, one producer, one consumer of this gateway's replies.

    Survives the broker: while it is away callers get their 503, and the service comes back by itself.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        partitions: int,
        *,
        answer_timeout: timedelta = timedelta(seconds=5),
        most_waiting: int = 5_000,
        rules: Rules | None = None,
    ) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._answer_timeout = answer_timeout.total_seconds()
        self._rules = rules or Rules()
        self._origin = os.urandom(8)
        self._number = 0
        self._reply_to = zlib.crc32(self._origin) % REPLY_PARTITIONS
        self._pumps = [Pump(self._appender(number), most_waiting) for number in range(partitions)]
        self._in_flight: dict[int, _InFlight] = {}
        self._producer: AIOKafkaProducer | None = None
        self._listening = False
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def connected(self) -> bool:
        """Whether commands can leave and answers can arrive."""
        return self._producer is not None and self._listening

    async def open(self) -> None:
        """Start; returns at once, and connects in the background."""
        self._tasks = [
            asyncio.create_task(task) for task in (self._listen(), self._sweep(), *(pump.run() for pump in self._pumps))
        ]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._disconnect()

    async def submit(self, grant: Grant, command: Command) -> Answered:
        answered: Answered = await self._put(grant, command, for_answer=True)
        return answered

    async def enqueue(self, grant: Grant, command: Command) -> str:
        place: tuple[int, Place] = await self._put(grant, command, for_answer=False)
        return decision_id(*place)

    def _put(self, grant: Grant, command: Command, *, for_answer: bool) -> asyncio.Future[Any]:
        if not self.connected:
            raise Unavailable("The log is out of reach; send this again in a moment.", headers={"Retry-After": "1"})
        loop = asyncio.get_running_loop()
        waiting = Waiting(grant, command, loop.create_future(), for_answer, loop.time() + self._answer_timeout)
        self._pumps[partition_of(grant.key, len(self._pumps))].put(waiting)
        return waiting.future

    def _appender(self, partition: int) -> Any:
        async def append(batch: list[Waiting]) -> None:
            if batch:
                await self._append(partition, batch)

        return append

    async def _append(self, partition: int, batch: list[Waiting]) -> None:
        self._number += 1
        number = self._number
        value = encode(make_batch(batch, self._origin, number, self._reply_to, self._rules))
        answered = [waiting for waiting in batch if waiting.for_answer]
        if answered:
            self._in_flight[number] = _InFlight(batch, max(waiting.deadline for waiting in answered))
        try:
            producer = await self._connect()
            appended = await (await producer.send(USAGE, value, partition=partition))
        except (KafkaError, OSError) as error:
            log.warning("the log did not take a batch of %d commands: %r", len(batch), error)
            await self._disconnect()
            for waiting in batch:
                waiting.fail(not_decided(waiting))  # it may be in the log all the same
            return
        for position, waiting in enumerate(batch):
            if not waiting.for_answer and not waiting.future.done():
                waiting.future.set_result((partition, Place(appended.offset, position)))

    async def _connect(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = log_producer(self._bootstrap_servers, request_timeout_ms=10_000)
            await producer.start()
            self._producer = producer
        return self._producer

    async def _disconnect(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                async with asyncio.timeout(self._answer_timeout):
                    await producer.stop()
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("the producer did not stop cleanly: %r", error)

    async def _listen(self) -> None:
        """Read this gateway's replies for ever, connecting again whenever the broker went away."""
        while True:
            try:
                await self._read_replies()
            except (KafkaError, OSError) as error:
                log.warning("replies are out of reach: %r", error)
            self._listening = False
            await asyncio.sleep(_RECONNECT_AFTER)

    async def _read_replies(self) -> None:
        consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap_servers, enable_auto_commit=False)
        tp = TopicPartition(REPLIES, self._reply_to)
        await consumer.start()
        try:
            consumer.assign([tp])
            await consumer.seek_to_end(tp)
            await self._connect()
            self._listening = True
            while True:
                for record in (await consumer.getmany(tp, timeout_ms=1_000)).get(tp, []):
                    if record.key[:8] == self._origin:
                        self._answer(int.from_bytes(record.key[8:], "big"), decode_decided(record.value))
        finally:
            await consumer.stop()

    def _answer(self, number: int, decided: Decided) -> None:
        batch = self._in_flight.pop(number, None)
        if batch is None:
            return  # decided twice, or after its callers gave up
        for position, (waiting, answer) in enumerate(zip(batch.waiting, decided.answers, strict=True)):
            if waiting.for_answer and answer is not None and not waiting.future.done():
                waiting.future.set_result(Answered(decided.partition, Place(decided.offset, position), answer))

    async def _sweep(self) -> None:
        """Hold every caller's deadline."""
        now = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(_SWEEP_EVERY)
            for pump in self._pumps:
                pump.expire(now())
            for number in [number for number, batch in self._in_flight.items() if batch.deadline <= now()]:
                for waiting in self._in_flight.pop(number).waiting:
                    if waiting.for_answer:
                        waiting.fail(not_decided(waiting))
