"""Rebuilding a partition from its changelog: to the end of the log, whatever stands there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from stream.faust.recovery import StateAheadOfLog, _read_to_end, _rebuild_all
from stream.store import MemoryStore

CHANGELOG = TopicPartition("changelog", 0)
MARKER = None


class FakeConsumer:
    """A changelog of records and markers; a poll that meets a marker passes it, delivers nothing, and waits in vain."""

    def __init__(self, *log: bytes | None) -> None:
        self.waited_ms = 0
        self._log = log
        self._position = 0

    async def end_offsets(self, _: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return {CHANGELOG: len(self._log)}

    async def beginning_offsets(self, _: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return {CHANGELOG: 0}

    def seek(self, _: TopicPartition, offset: int) -> None:
        self._position = offset

    async def position(self, _: TopicPartition) -> int:
        return self._position

    async def getmany(self, *_: TopicPartition, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[Any]]:
        offset, self._position = self._position, self._position + 1
        if self._log[offset] is MARKER:
            self.waited_ms += timeout_ms
            return {}
        return {CHANGELOG: [SimpleNamespace(key=self._log[offset], value=b"value", offset=offset)]}


async def test_what_a_checkpoint_wrote_is_restored_and_its_marker_costs_no_wait() -> None:
    steps: list[int] = []
    consumer, store = FakeConsumer(b"b1", b"o", MARKER, b"b2", b"o", MARKER), MemoryStore()
    assert await _read_to_end(consumer, CHANGELOG, store, steps.append) == 4
    assert sum(steps) == 4
    assert [*store.keys(b"b", b"c")] == [b"b1", b"b2"]
    assert store.offset() == 4
    assert consumer.waited_ms < 100


async def test_a_state_that_stands_at_the_last_record_is_done_at_once() -> None:
    consumer, store = FakeConsumer(b"b1", b"o", MARKER), MemoryStore()
    store.write({}, 1)
    assert await _read_to_end(consumer, CHANGELOG, store, print) == 0


async def test_a_state_ahead_of_its_changelog_is_of_another_log() -> None:
    store = MemoryStore()
    store.write({}, 7)
    with pytest.raises(StateAheadOfLog, match="stands at changelog offset 7"):
        await _read_to_end(FakeConsumer(b"b1", b"o", MARKER), CHANGELOG, store, print)


class Owner:
    """Rebuilds as many partitions as it is asked for at once, each when all of those have begun."""

    def __init__(self, at_once: int) -> None:
        self.rebuilt: set[int] = set()
        self.most = 0
        self._running = 0
        self._begun = asyncio.Barrier(at_once)

    async def rebuild(self, partition: int) -> None:
        self._running += 1
        self.most = max(self.most, self._running)
        await self._begun.wait()
        self.rebuilt.add(partition)
        self._running -= 1

    def start_of(self, partition: int, beginning: int) -> int:
        return beginning

    def open(self, partition: int, offset: int) -> None: ...

    def settle(self) -> None: ...

    async def watch(self) -> None: ...

    def drop(self) -> None: ...

    async def close(self) -> None: ...


async def test_eight_partitions_are_rebuilt_at_once_and_no_more() -> None:
    owner = Owner(8)
    async with asyncio.timeout(10):
        await _rebuild_all(owner, range(32))
    assert owner.rebuilt == {*range(32)}
    assert owner.most == 8
