"""The embedded broker: it starts anywhere, comes back with what it held, and topics are as they are counted on."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from stream.topics import DECISIONS, LARGEST_RECORD, all_topics
from tidemark.failures import KafkaFails, TopicMismatch
from tidemark.kafka import EmbeddedKafka
from tidemark.topics import create_topics

PARTITIONS = 2


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    kafka = EmbeddedKafka(tmp_path_factory.mktemp("kafka"))
    kafka.start()
    yield kafka
    kafka.stop()


@asynccontextmanager
async def producer(kafka: EmbeddedKafka) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, acks="all", max_request_size=LARGEST_RECORD)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def first_record(kafka: EmbeddedKafka, offset: int) -> bytes:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap_servers, max_partition_fetch_bytes=LARGEST_RECORD)
    await consumer.start()
    try:
        partition = TopicPartition(DECISIONS, 0)
        consumer.assign([partition])
        consumer.seek(partition, offset)
        value: bytes = (await consumer.getone()).value
    finally:
        await consumer.stop()
    return value


async def test_every_topic_has_the_partitions_it_is_counted_on_for(kafka: EmbeddedKafka) -> None:
    await create_topics(kafka.bootstrap_servers, PARTITIONS)
    await create_topics(kafka.bootstrap_servers, PARTITIONS)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    try:
        described = await admin.describe_topics([topic.name for topic in all_topics(PARTITIONS)])
    finally:
        await admin.close()
    counts = {topic["topic"]: len(topic["partitions"]) for topic in described}
    assert counts == {topic.name: topic.partitions for topic in all_topics(PARTITIONS)}


async def test_another_partition_count_is_refused_with_the_one_that_holds(kafka: EmbeddedKafka) -> None:
    await create_topics(kafka.bootstrap_servers, PARTITIONS)
    with pytest.raises(TopicMismatch, match=f"TIDEMARK_PARTITIONS={PARTITIONS}"):
        await create_topics(kafka.bootstrap_servers, PARTITIONS + 1)


async def test_a_killed_broker_comes_back_where_it_was_with_what_it_held(kafka: EmbeddedKafka) -> None:
    await create_topics(kafka.bootstrap_servers, PARTITIONS)
    largest = b"x" * (LARGEST_RECORD - 1024)
    async with producer(kafka) as sending:
        sent = await sending.send_and_wait(DECISIONS, largest, partition=0)
    before = kafka.bootstrap_servers
    kafka.kill()
    assert not kafka.is_alive()
    kafka.start()
    assert kafka.bootstrap_servers == before
    assert await first_record(kafka, sent.offset) == largest


def test_a_broker_that_a_killed_supervisor_left_is_ended(tmp_path: Path) -> None:
    left = subprocess.Popen(["sleep", "600"])
    started = psutil.Process(left.pid).create_time()
    (tmp_path / "process.json").write_text(json.dumps({"pid": left.pid, "started": started}))
    EmbeddedKafka(tmp_path)._end_stale()
    left.wait(10)
    assert not psutil.pid_exists(left.pid)


def test_another_process_with_its_number_is_let_be(tmp_path: Path) -> None:
    (tmp_path / "process.json").write_text(json.dumps({"pid": psutil.Process().pid, "started": 0}))
    EmbeddedKafka(tmp_path)._end_stale()
    assert psutil.Process().is_running()


@pytest.mark.timeout(120)
def test_a_port_that_is_taken_is_said_in_the_brokers_own_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        broker = EmbeddedKafka(tmp_path, taken.getsockname()[1])
        try:
            with pytest.raises(KafkaFails, match="Address already in use"):
                broker.start()
        finally:
            broker.kill()
