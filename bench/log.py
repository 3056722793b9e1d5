"""The log as a bench sees it, from outside of those who work on it: fill a topic, watch another grow, read it."""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bench.work import PARTITIONS
from stream.producer import log_producer
from stream.topics import LARGEST_RECORD
from tidemark.child import Child
from tidemark.kafka import EmbeddedKafka
from tidemark.topics import create_topics

_LOOK_EVERY: Final = 0.01
_STARTS_WITHIN: Final = 60.0
_STALLED_AFTER: Final = 10.0
_STOP_WITHIN: Final = 20.0


#: A topic made a moment ago may be written to before its leader knows; aiokafka tries again, and says so each time.
logging.getLogger("aiokafka").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Run:
    """From the first record that a process wrote to its last: how many in between, its seconds and CPU seconds."""

    records: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds


@contextmanager
def kafka(partitions: int = PARTITIONS) -> Iterator[tuple[str, Path]]:
    """A broker of its own with every topic of a deployment; gives its address and a folder beside its log."""
    with tempfile.TemporaryDirectory() as name:
        broker = EmbeddedKafka(Path(name) / "kafka")
        try:
            broker.start()
            asyncio.run(create_topics(broker.bootstrap_servers, partitions))
            yield broker.bootstrap_servers, Path(name)
        finally:
            broker.stop()


@contextmanager
def python(*arguments: str, env: dict[str, str], output: Path) -> Iterator[int]:
    """A Python process at work; gives its pid."""
    child = Child([sys.executable, *arguments], env=env, output=output)
    try:
        yield child.pid
    finally:
        child.stop(_STOP_WITHIN)


async def make_topics(servers: str, *names: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        config = {"max.message.bytes": str(LARGEST_RECORD)}
        await admin.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs=config) for name in names])
    finally:
        await admin.close()


async def fill(servers: str, topic: str, records: Iterable[tuple[int, bytes | None, bytes]]) -> tuple[int, int]:
    """Append the records (partition, key, value); returns how many there were, and the bytes of their values."""
    producer = log_producer(servers)
    await producer.start()
    sent, size = [], 0
    try:
        for partition, key, value in records:
            sent.append(await producer.send(topic, value, key=key, partition=partition))
            size += len(value)
        await asyncio.gather(*sent)
    finally:
        await producer.stop()
    return len(sent), size


async def watch(servers: str, topic: str, expected: int, *pids: int, partitions: int = PARTITIONS) -> Run:
    """Look on while the processes write so many records to the topic; where they stall, those that they wrote count."""
    async with _consumer(servers) as consumer:
        look = Look(consumer, _partitions(topic, partitions), [psutil.Process(pid) for pid in pids])
        begun = last = await look.grown(1, _STARTS_WITHIN)
        while last.records < expected:
            try:
                last = await look.grown(last.records + 1, _STALLED_AFTER)
            except TimeoutError:
                break
    return Run(last.records - begun.records, last.seconds - begun.seconds, last.cpu_seconds - begun.cpu_seconds)


async def read(servers: str, topic: str, partitions: int = PARTITIONS) -> AsyncIterator[tuple[int, bytes]]:
    """Every record of the topic: its partition and value, each partition in order."""
    async with _consumer(servers) as consumer:
        wanted = _partitions(topic, partitions)
        consumer.assign(wanted)
        await consumer.seek_to_beginning(*wanted)
        ends = await consumer.end_offsets(wanted)
        while any([await consumer.position(tp) < end for tp, end in ends.items()]):
            for tp, records in (await consumer.getmany(timeout_ms=1_000)).items():
                for found in records:
                    yield tp.partition, found.value


@dataclass(frozen=True)
class Look:
    """A topic and the processes that write it, looked at from outside."""

    consumer: Any
    partitions: Sequence[TopicPartition]
    processes: Sequence[psutil.Process]

    async def grown(self, least: int, within: float) -> Run:
        """The topic's records, and the processes' clock and CPU, once it holds `least` of them."""
        deadline = time.monotonic() + within
        while (records := sum((await self.consumer.end_offsets(self.partitions)).values())) < least:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.partitions[0].topic} stands at {records} records")
            await asyncio.sleep(_LOOK_EVERY)
        used = [process.cpu_times() for process in self.processes]
        return Run(records, time.monotonic(), sum(times.user + times.system for times in used))


@asynccontextmanager
async def _consumer(servers: str) -> AsyncIterator[Any]:
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


def _partitions(topic: str, partitions: int) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for number in range(partitions)]
