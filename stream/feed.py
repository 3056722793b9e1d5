"""The feed: the topic `decisions`, read from offsets that its reader names. No consumer group, nothing committed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import OffsetOutOfRangeError, UnknownTopicOrPartitionError

from stream.topics import DECISIONS

Record: TypeAlias = ConsumerRecord[bytes, bytes]

_RECORDS_A_POLL: Final = 200
_POLL_MS: Final = 1_000
#: A partition without news holds back the others of its broker for as long.
_FETCH_WAIT_MS: Final = 100


class DecisionsLost(Exception):
    """The topic no longer holds decisions that its reader needs: a person has to look."""


class DecisionsFeed:
    """Close it, also when opening failed. All calls but `close` raise `KafkaError` while Kafka is away."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap_servers,
            enable_auto_commit=False,
            auto_offset_reset="none",  # an offset that is gone must be noticed, never skipped
            fetch_max_wait_ms=_FETCH_WAIT_MS,
        )

    async def partitions(self) -> set[int]:
        """The topic's partitions; raises `UnknownTopicOrPartitionError` while it has none."""
        client = AIOKafkaClient(bootstrap_servers=self._bootstrap_servers)
        try:
            await client.bootstrap()
            found = (await client.fetch_all_metadata()).partitions_for_topic(DECISIONS)
        finally:
            await client.close()
        if not found:
            raise UnknownTopicOrPartitionError(f"there is no topic {DECISIONS} yet")
        return set(found)

    async def open(self, offsets: Mapping[int, int | None]) -> None:
        """Read these partitions from these offsets on; None: from the first that is left."""
        await self._consumer.start()
        self._consumer.assign([TopicPartition(DECISIONS, partition) for partition in offsets])
        for partition, offset in offsets.items():
            if offset is None:
                await self._consumer.seek_to_beginning(TopicPartition(DECISIONS, partition))
            else:
                self._consumer.seek(TopicPartition(DECISIONS, partition), offset)

    async def poll(self) -> Mapping[int, Sequence[Record]]:
        """The next records by partition, in order; none after a while without. Raises `DecisionsLost`."""
        try:
            polled = await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=_RECORDS_A_POLL)
        except OffsetOutOfRangeError as error:
            raise DecisionsLost(f"{DECISIONS} lacks the offset that its reader goes on from: {error}") from error
        return {topic_partition.partition: records for topic_partition, records in polled.items()}

    async def close(self) -> None:
        await self._consumer.stop()
