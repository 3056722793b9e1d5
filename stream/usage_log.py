"""The log of usage as the watchdog sees it: through a client of its own, in no group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.topics import USAGE

_POLL_MS: Final = 1_000


class KafkaUsageLog:
    """The real `watchdog.UsageLog`; connects when it is first asked, and again by itself."""

    def __init__(self, bootstrap_servers: str, partitions: int) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._partitions = [TopicPartition(USAGE, number) for number in range(partitions)]
        self._consumer: Any = None

    async def ends(self) -> Mapping[int, int]:
        found = await (await self._connected()).end_offsets(self._partitions)
        return {tp.partition: end for tp, end in found.items()}

    async def holds(self, partition: int, offset: int) -> bool:
        consumer, tp = await self._connected(), TopicPartition(USAGE, partition)
        consumer.assign([tp])
        consumer.seek(tp, offset)
        found = await consumer.getmany(tp, timeout_ms=_POLL_MS, max_records=1)
        consumer.unsubscribe()
        return bool(found)

    async def close(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()

    async def _connected(self) -> Any:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap_servers,
                enable_auto_commit=False,
                auto_offset_reset="earliest",  # what retention took is not waited for
            )
            try:
                await consumer.start()
            except BaseException:
                await consumer.stop()
                raise
            self._consumer = consumer
        return self._consumer
