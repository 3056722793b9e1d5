"""The limit of the transport: stateless relays from one topic to another, with the worker's own promises.

`python -m bench.relay SERVERS SOURCE TARGET FORM WINDOW` copies each record until ended. FORM is how many bytes longer
it makes each, or `codec`: then it also reads the batch and writes an answer to each command, as the worker has to, but
decides nothing. Up to WINDOW records are on their way at once: 1 is the relay as most would write it, many is the
limit.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.work import BEGUN, PARTITIONS, RESETS
from metering.decision import Decision, Status
from metering.period import period_at
from stream.producer import log_producer
from stream.records import VERSION, Decided, decode_batch, encode
from stream.topics import LARGEST_BATCH

CODEC: Final = "codec"
_RECORDS_AT_A_TIME: Final = 256
_ANSWER: Final = Decision(Status.ACCEPTED, 1, Decimal("1000.25"), Decimal("1001.5"), 10, period_at(BEGUN, RESETS, None))

Form = Callable[[int, int, bytes], bytes]


def padded(by: int) -> Form:
    padding = bytes(by)
    return lambda _partition, _offset, value: value + padding


def answered(partition: int, offset: int, value: bytes) -> bytes:
    answers = [_ANSWER for _ in decode_batch(value).commands]
    return encode(Decided(VERSION, partition, offset, answers, value))


async def relay(servers: str, source: str, target: str, form: Form, window: int) -> None:
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
                value = form(partition.partition, record.offset, record.value)
                sent.append(await producer.send(target, value, partition=partition.partition))
                if len(sent) >= window:
                    await sent.popleft()


if __name__ == "__main__":
    servers, source, target, form, window = sys.argv[1:]
    asyncio.run(relay(servers, source, target, answered if form == CODEC else padded(int(form)), int(window)))
