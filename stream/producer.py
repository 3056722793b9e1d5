"""The worker's producers: acknowledged by all replicas, idempotent, each partition in order."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import Any, Final, Self

from aiokafka import AIOKafkaProducer

from stream.store import Changes
from stream.topics import BALANCES, LARGEST_RECORD

_LARGEST_BATCH: Final = 1024 * 1024


def log_producer(bootstrap_servers: str, **settings: Any) -> AIOKafkaProducer:
    """A producer that waits for no company (no linger) and takes no weaker promise than all replicas, once."""
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers,
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        max_request_size=LARGEST_RECORD,
        **{"max_batch_size": _LARGEST_BATCH, **settings},
    )


class LogWriter:
    """What a worker writes beside its changelogs: decisions and dead letters, and replies.

    Replies have a producer of their own: a caller's answer waits for nothing else's request.
    """

    def __init__(self, log: AIOKafkaProducer, replies: AIOKafkaProducer) -> None:
        self._log = log
        self._replies = replies

    @classmethod
    async def open(cls, bootstrap_servers: str) -> Self:
        writer = cls(log_producer(bootstrap_servers), log_producer(bootstrap_servers))
        await writer._log.start()
        await writer._replies.start()
        return writer

    async def close(self) -> None:
        """Send what is on its way, and end."""
        await self._replies.stop()
        await self._log.stop()

    async def send(self, topic: str, partition: int, value: bytes) -> Awaitable[object]:
        """Put one record on its way; the result is done once the log holds it."""
        future: Awaitable[object] = await self._log.send(topic, value, partition=partition)
        return future

    async def reply(self, topic: str, partition: int, key: bytes, value: bytes) -> Awaitable[object]:
        future: Awaitable[object] = await self._replies.send(topic, value, key=key, partition=partition)
        return future


class ChangelogWriter:
    """One partition's changelog, written by its owner alone.

    Opening it fences whoever opened it before: a worker that was frozen past its session wakes to find every write of
    its own refused. What it writes at once is there whole or not at all (a transaction).
    """

    def __init__(self, producer: AIOKafkaProducer, partition: int) -> None:
        self._producer = producer
        self._partition = partition

    @classmethod
    async def open(cls, bootstrap_servers: str, partition: int) -> Self:
        producer = log_producer(bootstrap_servers, transactional_id=f"{BALANCES}-{partition}")
        await producer.start()
        return cls(producer, partition)

    async def close(self) -> None:
        await self._producer.stop()

    async def append(self, changes: Changes) -> int:
        """Write the changes in as few prebuilt batches as hold them; see `checkpoint.Changelog`."""
        last = -1
        async with self._producer.transaction():
            for batch in [*self._batches(changes)]:
                base = await (await self._producer.send_batch(batch, BALANCES, partition=self._partition))
                last = base.offset + batch.record_count() - 1
        return last

    def _batches(self, changes: Changes) -> Iterable[Any]:
        builder = self._producer.create_batch()
        for key, value in changes.items():
            if builder.append(key=key, value=value, timestamp=None) is None:
                yield builder
                builder = self._producer.create_batch()
                if builder.append(key=key, value=value, timestamp=None) is None:
                    raise ValueError(f"a changelog entry of {len(value or b'')} bytes does not fit a batch")
        yield builder
