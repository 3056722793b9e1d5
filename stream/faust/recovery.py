"""Recovery: how a partition's state comes back after an assignment, in place of Faust's own.

Why not Faust's (0.15.3): it lets the source partitions flow, then seeks them, then clears the stream queues; what was
fetched in between is lost, its gap marked acknowledged, and a commit passes it. And it waits for the last changelog
record that it was promised, which compaction may have removed. This one reads the changelog in bulk with a consumer of
its own, to the log's end whatever stands there; then seeks the source to the place that the state itself tells (not to
the group's, which Kafka forgets after a week without workers); then clears; only then lets the source flow.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol, cast

import faust
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError
from faust.tables.manager import TableManager
from faust.tables.recovery import RebalanceAgain, Recovery, ServiceStopped
from faust.types import TP
from mode import Service

from stream.crash import crash, end_after
from stream.faust.consumer import beginnings, start_at
from stream.state import restore
from stream.store import Store

log: Final = logging.getLogger(__name__)

_RECORDS_AT_A_TIME: Final = 10_000
#: A changelog ends with a transaction's marker. Nothing is delivered for it, and a poll that meets it waits for more.
_POLL_MS: Final = 20
#: Partitions rebuilt at once: what waits for the broker overlaps, and what is fetched ahead stays bounded.
_AT_ONCE: Final = 8
#: Who starts a worker gives it 15 s to stop; while the broker is away nothing else would end it.
_STOP_WITHIN_S: Final = 10.0


class StateAheadOfLog(Exception):
    """The local state was made from a changelog that is not the one on the broker."""


class PartitionOwner(Protocol):
    """Who decides the partitions that the group assigns."""

    async def rebuild(self, partition: int) -> None:
        """Bring the partition's state up to the end of its changelog; several partitions are rebuilt at once."""

    def start_of(self, partition: int, beginning: int) -> int:
        """The offset that the rebuilt state goes on from; `beginning` is the first that the log still has."""

    def open(self, partition: int, offset: int) -> None:
        """Start deciding the partition; its next record is the one at `offset`."""

    def settle(self) -> None:
        """All that the group assigned is open."""

    async def watch(self) -> None:
        """Until cancelled, see to it that all this moves."""

    def drop(self) -> None:
        """Stop at once, as if killed: another worker may own the partitions already."""

    async def close(self) -> None:
        """Checkpoint what was decided, and stop."""


async def rebuild(
    store: Store,
    topic: str,
    partition: int,
    bootstrap_servers: str,
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Bring the store up to the end of its changelog; returns how many records were read, and tells as it goes."""
    tp = TopicPartition(topic, partition)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    await consumer.start()
    try:
        consumer.assign([tp])
        return await _read_to_end(consumer, tp, store, progress)
    finally:
        await consumer.stop()


async def _read_to_end(
    consumer: AIOKafkaConsumer, tp: TopicPartition, store: Store, progress: Callable[[int], None]
) -> int:
    end = (await consumer.end_offsets([tp]))[tp]
    stands_at = store.offset()
    if stands_at is not None and stands_at >= end:
        raise StateAheadOfLog(
            f"the state of partition {tp.partition} stands at changelog offset {stands_at}, but {tp.topic} ends at"
            f" {end}: Kafka lost records, or the data directory belongs to another Kafka"
        )
    start = stands_at + 1 if stands_at is not None else (await consumer.beginning_offsets([tp]))[tp]
    consumer.seek(tp, start)
    records = 0
    while await consumer.position(tp) < end:
        found = (await consumer.getmany(tp, timeout_ms=_POLL_MS, max_records=_RECORDS_AT_A_TIME)).get(tp, [])
        if found:
            restore(store, {record.key: record.value for record in found}.items(), found[-1].offset)
            records += len(found)
            progress(len(found))
    return records


async def _rebuild_all(owner: PartitionOwner, partitions: Iterable[int]) -> None:
    room = asyncio.Semaphore(_AT_ONCE)

    async def rebuild_one(partition: int) -> None:
        async with room:
            await owner.rebuild(partition)

    async with asyncio.TaskGroup() as tasks:
        for partition in partitions:
            tasks.create_task(rebuild_one(partition))


class ContiguousRecovery(Recovery):
    """Faust's recovery with its own order of steps."""

    @Service.task
    async def _restart_recovery(self) -> None:
        while not self.should_stop:
            if await self.wait_for_stopped(self.signal_recovery_start):  # type: ignore[arg-type]  # mode's own Event type
                return
            self.signal_recovery_start.clear()
            try:
                await self._recover(self._generation_id)
            except (RebalanceAgain, IllegalStateError):
                continue
            except ServiceStopped:
                return
            except (Exception, asyncio.CancelledError):
                # A client whose broker goes away may cancel what waits for it. Without this task nothing is decided.
                if self.should_stop:
                    raise
                crash()

    @Service.task
    async def _slurp_changelogs(self) -> None:
        """Nothing comes through Faust's changelog queue: `rebuild` reads the changelog itself."""

    async def _recover(self, generation: int) -> None:
        app, tables = self.app, cast("ContiguousTables", self.tables)
        consumer, revocations = cast("Any", app.consumer), tables.revocations
        tables.owner.drop()
        self._set_recovery_started()
        await self._wait(_rebuild_all(tables.owner, sorted(tp.partition for tp in self.active_tps)))
        await app.on_rebalance_complete.send()
        self._set_recovery_ended()
        if app.consumer_generation_id != generation:
            return
        source = {tp for tp in consumer.assignment() if not self._is_changelog_tp(tp)}
        if source:
            starts = await self._seek(source)
            if tables.revocations != revocations:  # by the group, before it assigns anew: that is another recovery's
                return
            for tp, offset in starts.items():
                tables.owner.open(tp.partition, offset)
        tables.owner.settle()
        app.flow_control.resume()
        consumer.resume_partitions(source)
        consumer.resume_flow()
        self.completed.set()
        await cast("Any", app)._fetcher.maybe_start()
        self.tables.on_actives_ready()
        self.tables.on_standbys_ready()
        cast("Any", app).on_rebalance_end()

    async def _seek(self, source: set[TP]) -> dict[TP, int]:
        """Where each partition goes on, once the consumer stands there."""
        app, owner = cast("faust.App", self.app), cast("ContiguousTables", self.tables).owner
        starts: dict[TP, int] = {}

        async def seek() -> None:
            begin = await beginnings(app, source)
            starts.update({tp: owner.start_of(tp.partition, begin[tp]) for tp in source})
            await start_at(app, starts)

        await self._wait(seek())
        return starts


class ContiguousTables(TableManager):
    """Faust's table manager with `ContiguousRecovery`, telling `owner` of the moments that it has to act on."""

    owner: PartitionOwner
    revocations = 0
    """How often the group took the partitions away."""

    @property
    def recovery(self) -> Recovery:
        if self._recovery is None:
            self._recovery = ContiguousRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery

    async def on_start(self) -> None:
        """Start without Faust's second of sleep: every topic and partition is known beforehand."""
        await self._update_channels()
        await self.recovery.start()
        self.add_future(self.owner.watch())

    def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self.revocations += 1
        if not self.app.should_stop:  # else `on_stop` comes, which closes them in order
            self.owner.drop()
        super().on_partitions_revoked(revoked)

    async def on_stop(self) -> None:
        end_after(_STOP_WITHIN_S)
        await self.owner.close()
        await super().on_stop()
