"""The limit of the transport: stateless relays from one topic to another, with the worker's own promises.

`python -m bench.relay SERVERS SOURCE TARGET PADDING WINDOW` copies each record, made longer by PADDING bytes, until
ended. Up to WINDOW records are on their way at once: 1 is the relay as most would write it, many is the limit.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Awaitable

from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.work import PARTITIONS
from stream.producer import log_producer
from stream.topics import LARGEST_BATCH

_RECORDS_AT_A_TIME = 256


async def relay(servers: str, source: str, target: str, padding: int, window: int) -> None:
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
    sent: deque[Awaitable[object]] = deque()
    while True:
        polled = await consumer.getmany(timeout_ms=1_000, max_records=_RECORDS_AT_A_TIME)
        for partition, records in polled.items():
            for record in records:
                sent.append(await producer.send(target, record.value + bytes(padding), partition=partition.partition))
                if len(sent) >= window:
                    await sent.popleft()


if __name__ == "__main__":
    servers, source, target, padding, window = sys.argv[1:]
    asyncio.run(relay(servers, source, target, int(padding), int(window)))
