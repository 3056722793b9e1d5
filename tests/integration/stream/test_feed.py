"""The feed on a real broker: what retention took is passed, what was never there is noticed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from stream.feed import DecisionsFeed, DecisionsLost, Record
from stream.producer import LogWriter
from stream.topics import DECISIONS
from tidemark.kafka import EmbeddedKafka
from tidemark.topics import create_topics

WITHIN = 10.0


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    kafka = EmbeddedKafka(tmp_path_factory.mktemp("kafka"))
    kafka.start()
    asyncio.run(create_topics(kafka.bootstrap_servers, 4))
    yield kafka.bootstrap_servers
    kafka.stop()


@pytest.fixture
async def feed(servers: str) -> AsyncIterator[DecisionsFeed]:
    feed = DecisionsFeed(servers)
    yield feed
    await feed.close()


async def append(servers: str, partition: int, *values: bytes) -> None:
    writer = await LogWriter.open(servers)
    for value in values:
        await (await writer.send(DECISIONS, partition, value))
    await writer.close()


async def retire(servers: str, partition: int, before: int) -> None:
    """What retention does: the records of lower offsets are gone."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(DECISIONS, partition): RecordsToDelete(before_offset=before)})
    finally:
        await admin.close()


async def next_record(feed: DecisionsFeed, partition: int) -> Record:
    async with asyncio.timeout(WITHIN):
        while not (polled := await feed.poll()):
            pass
    return polled[partition][0]


async def test_a_partition_that_retention_emptied_is_read_on_from_its_end(servers: str, feed: DecisionsFeed) -> None:
    await append(servers, 0, b"taken", b"taken last")
    await retire(servers, 0, before=2)
    await feed.open({0: 1})
    assert await feed.poll() == {}
    await append(servers, 0, b"new")
    record = await next_record(feed, 0)
    assert (record.offset, record.value) == (2, b"new")


async def test_where_retention_took_a_part_it_is_read_on_from_the_first_that_is_left(
    servers: str, feed: DecisionsFeed
) -> None:
    await append(servers, 1, b"taken", b"gone", b"left")
    await retire(servers, 1, before=2)
    await feed.open({1: 0})
    record = await next_record(feed, 1)
    assert (record.offset, record.value) == (2, b"left")


async def test_a_log_that_never_came_as_far_as_the_rows_is_refused(servers: str, feed: DecisionsFeed) -> None:
    await append(servers, 2, b"only")
    with pytest.raises(DecisionsLost, match="ends at offset 1, but the table has rows of its record 7"):
        await feed.open({2: 7})
