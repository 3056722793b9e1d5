"""The limit of the transport: a stateless relay from one topic to another with the worker's own promises.

`python -m bench.relay SERVERS SOURCE TARGET PADDING` copies each record, made longer by PADDING bytes, until ended.
"""

from __future__ import annotations

import asyncio
import sys

from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.work import PARTITIONS
from stream.producer import log_producer
from stream.topics import LARGEST_BATCH

_RECORDS_AT_A_TIME = 256


async def relay(servers: str, source: str, target: str, padding: int) -> None:
    """Copy for ever, without waiting for one acknowledgement before the next record."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=2 * LARGEST_BATCH,
    )
    producer = log_producer(servers)
    await producer.start()
    await consumer.start()
    consumer.assign([TopicPartition(source, number) for number in range(PARTITIONS)])
    while True:
        polled = await consumer.getmany(timeout_ms=1_000, max_records=_RECORDS_AT_A_TIME)
        for partition, records in polled.items():
            for record in records:
                await producer.send(target, record.value + bytes(padding), partition=partition.partition)


if __name__ == "__main__":
    asyncio.run(relay(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
