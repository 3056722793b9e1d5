"""The sink: decisions from the log into ClickHouse, each once.

The rows are their own offset store. At start the sink asks them for the highest place of each partition, goes on
reading `decisions` at the record that brought it, and skips commands at or below; one INSERT is there or not. So it
can be killed between any two steps, and a failed step is answered by starting over from the rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError, UnknownTopicOrPartitionError
from clickhouse_connect.driver.exceptions import ClickHouseError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from metering.balance import Place
from metering.problems import Unavailable
from sql.clickhouse import ClickHouse
from stream.records import Decided, decode_decided
from stream.rows import COLUMNS, TABLE, Row, parts, rows_of
from stream.topics import DECISIONS

#: Rows read and not yet written, after which reading waits.
MOST_WAITING: Final = 50_000
#: A part costs merging, so groups start no closer than this; one that comes after a pause goes at once.
PACE_SECONDS: Final = 0.1

_RECORDS_A_POLL: Final = 200
_POLL_MS: Final = 1_000
_AWAY: Final = (KafkaError, ClickHouseError, Unavailable, OSError)

log = structlog.get_logger(__name__)


class DecisionsLost(Exception):
    """The topic no longer holds decisions that the table needs: a person has to look, so the sink stops."""


class Consumer(Protocol):
    """What the sink needs of an `AIOKafkaConsumer`."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def topics(self) -> Collection[str]: ...
    def partitions_for_topic(self, topic: str) -> set[int] | None: ...
    def assign(self, partitions: Iterable[TopicPartition]) -> None: ...
    def seek(self, partition: TopicPartition, offset: int) -> None: ...
    async def seek_to_beginning(self, *partitions: TopicPartition) -> Any: ...
    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> Mapping[TopicPartition, Sequence[ConsumerRecord[bytes, bytes]]]: ...


def kafka_consumer(bootstrap_servers: str) -> Consumer:
    consumer: Consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        enable_auto_commit=False,
        auto_offset_reset="none",  # an offset that is gone must be noticed, never skipped
        fetch_max_wait_ms=100,  # a partition without news holds back its broker's others for as long
    )
    return consumer


@dataclass
class Reading:
    """How far one partition has been read: the last command taken, None before the first record of an empty table."""

    partition: int
    last: Place | None = None

    def take(self, record: ConsumerRecord[bytes, bytes]) -> list[Row]:
        """The rows that this record adds; none when it was taken before. Raises `DecisionsLost` on a hole."""
        decided = _decoded(record)
        if decided is None:
            return []
        last = self.last or Place(decided.offset, -1)
        if decided.offset > last.offset + 1:
            raise DecisionsLost(
                f"Partition {self.partition} of {DECISIONS}: after the decisions of usage record {last.offset} come "
                f"those of {decided.offset}, at offset {record.offset}."
            )
        if decided.offset < last.offset:
            return []
        self.last = max(last, Place(decided.offset, len(decided.answers) - 1))
        return _rows(decided, record, last)


@dataclass
class Group:
    """Rows that wait to be written, and the offset of `usage` that each partition is complete to with them."""

    rows: list[Row] = field(default_factory=list)
    complete_to: dict[int, int] = field(default_factory=dict)

    def add(self, rows: Iterable[Row], readings: Iterable[Reading]) -> None:
        self.rows.extend(rows)
        self.complete_to.update({reading.partition: reading.last.offset for reading in readings if reading.last})


class Backlog:
    """The group that fills while another is written. Bounded: a slow table slows the reading."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._group = Group()
        self._changed = asyncio.Condition()

    async def put(self, rows: Iterable[Row], readings: Iterable[Reading]) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._group.rows) < self._most)
            self._group.add(rows, readings)
            self._changed.notify_all()

    async def take(self) -> Group:
        """All that came meanwhile; waits until there is something."""
        async with self._changed:
            await self._changed.wait_for(lambda: bool(self._group.complete_to))
            group, self._group = self._group, Group()
            self._changed.notify_all()
            return group


class Sink:
    """Copies `decisions` into the table. `partitions` (None: all) lets several sinks share the work."""

    def __init__(
        self,
        bootstrap_servers: str,
        clickhouse: ClickHouse,
        *,
        partitions: Collection[int] | None = None,
        open_consumer: Callable[[str], Consumer] = kafka_consumer,
    ) -> None:
        self.complete_to: dict[int, int] = {}
        """Per partition, the offset of `usage` up to which every decision's row is in the table."""
        self._bootstrap_servers = bootstrap_servers
        self._clickhouse = clickhouse
        self._partitions = partitions
        self._open_consumer = open_consumer

    async def run(self) -> None:
        """Copy until cancelled. Starts over from the rows whenever Kafka or ClickHouse fail; raises `DecisionsLost`."""
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(_AWAY),
            wait=wait_exponential_jitter(multiplier=0.2, max=2, jitter=0.2),
            before_sleep=_say_why,
        ):
            with attempt:
                await self._copy()

    async def _copy(self) -> None:
        consumer = self._open_consumer(self._bootstrap_servers)
        try:
            await consumer.start()
            readings = await self._go_on(consumer)
            backlog = Backlog(MOST_WAITING)
            await _together(self._read(consumer, readings, backlog), self._write(backlog))
        except OffsetOutOfRangeError as error:
            raise DecisionsLost(f"{DECISIONS} does not hold the offset that the table goes on from: {error}") from error
        finally:
            await consumer.stop()

    async def _go_on(self, consumer: Consumer) -> dict[TopicPartition, Reading]:
        places = {partition: (Place(*last), at) for partition, last, at in await self._clickhouse.query("places")}
        readings = {
            TopicPartition(DECISIONS, partition): Reading(partition)
            for partition in await self._assigned_partitions(consumer)
        }
        consumer.assign(readings)
        for topic_partition, reading in readings.items():
            if reading.partition in places:
                reading.last, at = places[reading.partition]
                self.complete_to.setdefault(reading.partition, reading.last.offset - 1)
                consumer.seek(topic_partition, at)
            else:
                await consumer.seek_to_beginning(topic_partition)
        return readings

    async def _assigned_partitions(self, consumer: Consumer) -> Collection[int]:
        await consumer.topics()
        partitions = consumer.partitions_for_topic(DECISIONS)
        if not partitions:
            raise UnknownTopicOrPartitionError(f"there is no topic {DECISIONS} yet")
        return sorted(partitions if self._partitions is None else partitions.intersection(self._partitions))

    async def _read(self, consumer: Consumer, readings: dict[TopicPartition, Reading], backlog: Backlog) -> None:
        while True:
            polled = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_RECORDS_A_POLL)
            for topic_partition, records in polled.items():
                reading = readings[topic_partition]
                rows = await asyncio.to_thread(_take_all, reading, records)
                await backlog.put(rows, [reading])

    async def _write(self, backlog: Backlog) -> None:
        while True:
            group = await backlog.take()
            pace = asyncio.create_task(asyncio.sleep(PACE_SECONDS))
            for part in parts(group.rows):
                await self._clickhouse.insert(TABLE, COLUMNS, part)
            self.complete_to.update(group.complete_to)
            await pace


def _take_all(reading: Reading, records: Iterable[ConsumerRecord[bytes, bytes]]) -> list[Row]:
    return [row for record in records for row in reading.take(record)]


def _decoded(record: ConsumerRecord[bytes, bytes]) -> Decided | None:
    try:
        decided = decode_decided(record.value or b"")
    except msgspec.DecodeError as error:
        _say_skipped(record, str(error))
        return None
    if decided.partition == record.partition:
        return decided
    _say_skipped(record, f"decisions of partition {decided.partition}")
    return None


def _rows(decided: Decided, record: ConsumerRecord[bytes, bytes], after: Place) -> list[Row]:
    try:
        return rows_of(decided, record.offset, after)
    except (msgspec.DecodeError, ValueError) as error:
        _say_skipped(record, str(error))
        return []


def _say_skipped(record: ConsumerRecord[bytes, bytes], why: str) -> None:
    log.error("skipped a record of decisions", partition=record.partition, offset=record.offset, why=why)


def _say_why(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning("the sink starts over from the rows", attempt=state.attempt_number, error=repr(error))


async def _together(*loops: Any) -> None:
    """Run endless loops side by side until one fails; raises its error itself, not a group of one."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for loop in loops:
                tasks.create_task(loop)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures
