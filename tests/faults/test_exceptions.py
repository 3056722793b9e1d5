"""An agent that raises or hangs: Faust by the book acknowledges the record and goes on; ours ends before it does."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError

from stream.reader import LogReader
from stream.records import decode_decided
from stream.topics import DECISIONS, GROUP, USAGE
from tests.faults.failing import BLOCKED, HANGING, OURS, SOUND, STOCK
from tests.pipeline import ROOT
from tests.unit.stream.fakes import batch, report
from tidemark.kafka import EmbeddedKafka
from tidemark.topics import create_topics

pytestmark = pytest.mark.faults

RECORDS = 3
WITHIN = 60.0
CRASHED = 70


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    kafka = EmbeddedKafka(tmp_path_factory.mktemp("kafka"))
    kafka.start()
    yield kafka
    kafka.stop()


@pytest.fixture(scope="module")
async def log(kafka: EmbeddedKafka) -> AsyncIterator[LogReader]:
    """A log with three records, one command in each."""
    await create_topics(kafka.bootstrap_servers, 1)
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers) as producer:
        for number in range(RECORDS):
            await producer.send_and_wait(USAGE, batch(report(str(number))), partition=0)
    async with LogReader(kafka.bootstrap_servers) as reader:
        yield reader


@contextmanager
def working(name: str, kafka: EmbeddedKafka, data: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.faults.failing", name, kafka.bootstrap_servers, str(data)]
    with (data / "worker.log").open("ab") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def committed_by(kafka: EmbeddedKafka, group: str, wanted: int) -> int:
    """The group's offset, once it is `wanted` or the deadline has passed."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    deadline = time.monotonic() + WITHIN
    try:
        while (offset := await _committed(admin, group)) < wanted and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
    finally:
        await admin.close()
    return offset


async def _committed(admin: AIOKafkaAdminClient, group: str) -> int:
    try:
        found = await admin.list_consumer_group_offsets(group)
    except GroupCoordinatorNotAvailableError:  # the first group makes the broker make its topic
        return 0
    return found[TopicPartition(USAGE, 0)].offset if TopicPartition(USAGE, 0) in found else 0


async def decided_offsets(log: LogReader) -> set[int]:
    span = await log.span(DECISIONS, 0)
    return {decode_decided(record.value or b"").offset async for record in log.read(DECISIONS, 0, span)}


async def test_faust_by_the_book_acknowledges_the_record_that_it_failed_on(
    kafka: EmbeddedKafka, log: LogReader, tmp_path: Path
) -> None:
    with working(STOCK, kafka, tmp_path) as process:
        assert await committed_by(kafka, STOCK, RECORDS) == RECORDS
        assert process.poll() is None, "it goes on as if nothing had been"


@pytest.mark.parametrize("fails", [OURS, HANGING, BLOCKED])
async def test_our_worker_ends_before_the_record_is_acknowledged(
    fails: str, kafka: EmbeddedKafka, log: LogReader, tmp_path: Path
) -> None:
    with working(fails, kafka, tmp_path) as process:
        assert process.wait(WITHIN) == CRASHED
    assert await committed_by(kafka, GROUP, 0) <= 1


async def test_a_successor_decides_the_record(kafka: EmbeddedKafka, log: LogReader, tmp_path: Path) -> None:
    with working(SOUND, kafka, tmp_path):
        assert await committed_by(kafka, GROUP, RECORDS) == RECORDS
    assert await decided_offsets(log) == {*range(RECORDS)}
