"""The feed: the topic `decisions`, read from offsets that its reader names. No consumer group, nothing committed."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import OffsetOutOfRangeError, UnknownTopicOrPartitionError

from stream.topics import DECISIONS

Record: TypeAlias = ConsumerRecord[bytes, bytes]

log: Final = logging.getLogger(__name__)

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
        return await partitions_of_decisions(self._bootstrap_servers)

    async def open(self, offsets: Mapping[int, int | None]) -> None:
        """Read these partitions from these offsets on; None: from the first that is left.

        Where retention took an offset, from the first that is left, too: whether anything is missing between tell the
        records themselves, which are numbered without gaps. Raises `DecisionsLost` where an offset was never reached.
        """
        await self._consumer.start()
        assigned = {TopicPartition(DECISIONS, partition): offset for partition, offset in offsets.items()}
        self._consumer.assign([*assigned])
        ends = await self._consumer.end_offsets([*assigned])
        for tp, offset in assigned.items():
            if offset is None:
                await self._consumer.seek_to_beginning(tp)
            else:
                _ensure_reached(tp, offset, ends[tp])
                self._consumer.seek(tp, offset)

    async def poll(self) -> Mapping[int, Sequence[Record]]:
        """The next records by partition, in order; none after a while without."""
        try:
            polled = await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=_RECORDS_A_POLL)
        except OffsetOutOfRangeError as error:
            await self._go_on_behind_retention(error.args[0])
            return {}
        return {topic_partition.partition: records for topic_partition, records in polled.items()}

    async def _go_on_behind_retention(self, offsets: Mapping[TopicPartition, int]) -> None:
        for tp, offset in offsets.items():
            log.warning("retention took record %d of partition %d of %s", offset, tp.partition, tp.topic)
        await self._consumer.seek_to_beginning(*offsets)

    def ends(self) -> Mapping[int, int]:
        """Where the partitions end, as far as the polls have heard."""
        heard = {tp.partition: self._consumer.highwater(tp) for tp in self._consumer.assignment()}
        return {partition: end for partition, end in heard.items() if end is not None}

    async def close(self) -> None:
        await self._consumer.stop()


async def partitions_of_decisions(bootstrap_servers: str) -> set[int]:
    """The topic's partitions; raises `UnknownTopicOrPartitionError` while it has none."""
    client = AIOKafkaClient(bootstrap_servers=bootstrap_servers)
    try:
        await client.bootstrap()
        found = (await client.fetch_all_metadata()).partitions_for_topic(DECISIONS)
    finally:
        await client.close()
    if not found:
        raise UnknownTopicOrPartitionError(f"there is no topic {DECISIONS} yet")
    return set(found)


def _ensure_reached(tp: TopicPartition, offset: int, end: int) -> None:
    if offset >= end:
        raise DecisionsLost(
            f"Partition {tp.partition} of {tp.topic} ends at offset {end}, but the table has rows of its record "
            f"{offset}: this is not the log that they came from, or it lost its end. Bring back the log that belongs "
            "to the table, or empty the table, and start again."
        )
