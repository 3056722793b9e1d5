"""A log in memory: what a partition writes, seen at once; and a source that counts its acknowledgements."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from decimal import Decimal

from metering.command import Command, Report
from metering.grant import Grant
from metering.meter import Aggregation, Behavior
from stream.checkpoint import Checkpointer
from stream.partition import Partition, UsageRecord
from stream.records import VERSION, Batch, Decided, Rules, decode_decided, encode
from stream.state import PartitionState
from stream.store import Changes, MemoryStore, Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def grant(limit: str = "-1", entitlement: str = "e-1") -> Grant:
    return Grant("o-1", "i-1", "prod", entitlement, "calls", "l-1", "paid", "1", True, Aggregation.SUM, Decimal(limit))


def report(value: str, transaction_id: str | None = None, at: datetime = NOON) -> Report:
    return Report(Decimal(value), Behavior.APPEND, at, at, "token", transaction_id)


def batch(*commands: Command, held_against: Grant | None = None, reply_to: int | None = None) -> bytes:
    held = held_against or grant()
    return encode(Batch(VERSION, b"origin__", 1, reply_to, Rules(), [held], [0] * len(commands), list(commands)))


class FakeSource:
    def __init__(self) -> None:
        self.acknowledged = False

    def ack(self) -> None:
        self.acknowledged = True


class FakeLog:
    """Writer and changelog at once. `hold` keeps what is sent unacknowledged until `release`; it takes nothing until
    `accepts` is set.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[str, int, bytes]] = []
        self.changelog: list[tuple[bytes, bytes | None]] = []
        self.held: list[asyncio.Future[None]] = []
        self.accepts = asyncio.Event()
        self.accepts.set()
        self.hold = False

    async def send(self, topic: str, partition: int, value: bytes) -> Awaitable[object]:
        await self.accepts.wait()
        self.sent.append((topic, partition, value))
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.hold:
            self.held.append(future)
        else:
            future.set_result(None)
        return future

    async def reply(self, topic: str, partition: int, key: bytes, value: bytes) -> Awaitable[object]:
        return await self.send(topic, partition, value)

    async def append(self, changes: Changes) -> int:
        self.changelog.extend(changes.items())
        return len(self.changelog) - 1

    def release(self) -> None:
        self.hold = False
        for future in self.held:
            future.set_result(None)

    def on(self, topic: str) -> list[bytes]:
        return [value for name, _, value in self.sent if name == topic]

    def decided(self) -> list[Decided]:
        return [decode_decided(value) for value in self.on("decisions")]


class Rig:
    """One partition at work over a log in memory; `restart` is what a kill leaves."""

    def __init__(self, log: FakeLog | None = None, store: Store | None = None, expected: int = 0) -> None:
        self.log = log or FakeLog()
        self.store = store or MemoryStore()
        self.state = PartitionState(self.store)
        self.sought: list[int] = []
        self.checkpointer = Checkpointer(self.state, self.log)
        self.partition = Partition(0, 1, expected, self.state, self.checkpointer, self.log, self._seek)

    async def take(self, offset: int, value: bytes, at: datetime = NOON) -> FakeSource:
        source = FakeSource()
        await self.partition.take(UsageRecord(source, offset, at, None, value))
        return source

    def restart(self, expected: int) -> Rig:
        return Rig(self.log, self.store, expected)

    async def _seek(self, partition: int, offset: int) -> None:
        self.sought.append(offset)
