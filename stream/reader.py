"""The reader: stretches of any topic, from one offset to another, for those who look at what is there.

No consumer group and nothing committed, so that looking changes nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Final, Protocol, Self, TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import UnknownTopicOrPartitionError

from stream.topics import LARGEST_RECORD

Record: TypeAlias = ConsumerRecord[bytes, bytes]

_RECORDS_A_POLL: Final = 200
_POLL_MS: Final = 1_000
_FETCH_WAIT_MS: Final = 100


class Reader(Protocol):
    """What there is of a topic; `LogReader` is the real one."""

    async def span(self, topic: str, partition: int) -> range:
        """The offsets that the topic holds now."""

    def read(self, topic: str, partition: int, span: range) -> AsyncGenerator[Record, None]:
        """The records in `span`, in order; where some are gone meanwhile it raises `OffsetOutOfRangeError`."""


class LogReader:
    """Reads from Kafka. Open it by `async with`; all calls raise `KafkaError` while Kafka is away."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.bootstrap_servers = bootstrap_servers
        self._admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)

    async def __aenter__(self) -> Self:
        await self._admin.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._admin.close()

    async def partitions(self, topic: str) -> list[int]:
        """The topic's partitions; raises `UnknownTopicOrPartitionError` when there is no such topic."""
        if topic not in await self._admin.list_topics():
            raise UnknownTopicOrPartitionError(f"there is no topic {topic}")
        (described,) = await self._admin.describe_topics([topic])
        return sorted(partition["partition"] for partition in described["partitions"])

    async def span(self, topic: str, partition: int) -> range:
        tp = TopicPartition(topic, partition)
        consumer = self._consumer()
        await consumer.start()
        try:
            consumer.assign([tp])
            first = (await consumer.beginning_offsets([tp]))[tp]
            return range(first, (await consumer.end_offsets([tp]))[tp])
        finally:
            await consumer.stop()

    async def read(self, topic: str, partition: int, span: range) -> AsyncGenerator[Record, None]:
        if not span:
            return
        tp = TopicPartition(topic, partition)
        consumer = self._consumer()
        await consumer.start()
        try:
            consumer.assign([tp])
            consumer.seek(tp, span.start)
            while await consumer.position(tp) < span.stop:
                polled = await consumer.getmany(tp, timeout_ms=_POLL_MS, max_records=_RECORDS_A_POLL)
                for record in polled.get(tp, []):
                    if record.offset < span.stop:
                        yield record
        finally:
            await consumer.stop()

    def _consumer(self) -> Any:
        return AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap_servers,
            enable_auto_commit=False,
            auto_offset_reset="none",  # what is gone must be noticed, never skipped
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            max_partition_fetch_bytes=LARGEST_RECORD,
        )
