"""The worker: a Faust app whose agent decides the partitions of `usage` that the group gives it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import faust
from faust.types import TP

from stream.checkpoint import Checkpointer
from stream.crash import crash_on_error
from stream.faust.consumer import PromptTransport, go_back
from stream.faust.recovery import ContiguousTables, rebuild
from stream.partition import Partition, UsageRecord
from stream.producer import ChangelogWriter, LogWriter
from stream.reach import wait_until_reachable
from stream.state import PartitionState
from stream.store import RocksStore
from stream.topics import GROUP, LARGEST_BATCH, USAGE
from stream.usage_log import KafkaUsageLog
from stream.watchdog import Headway, Watchdog

log: Final = logging.getLogger(__name__)

TABLE: Final = "balances"
_LAST_CHECKPOINT: Final = 5.0

#: Per partition: a worker may hold dozens.
_ROCKSDB: Final = {
    "write_buffer_size": 8 << 20,
    "max_write_buffer_number": 2,
    "target_file_size_base": 16 << 20,
    "block_cache_size": 8 << 20,
    "max_open_files": 64,
    "bloom_filter_size": 10,  # bits a key: most receipts that are looked up are not there
}


def run(*, bootstrap_servers: str, state: Path, instance: str, partitions: int) -> None:
    """Decide until SIGTERM or SIGINT.

    `state` is this worker's own directory; `instance` its name in the group, which a restart takes over at once.
    """
    app = build_app(bootstrap_servers=bootstrap_servers, state=state, instance=instance, partitions=partitions)
    wait_until_reachable(bootstrap_servers)
    faust.Worker(app, override_logging=False, redirect_stdouts=False, quiet=True).execute_from_commandline()


def build_app(*, bootstrap_servers: str, state: Path, instance: str, partitions: int) -> faust.App:
    """The Faust app of a worker: one table, one agent, every topic made beforehand."""
    app = faust.App(
        GROUP,
        broker=f"kafka://{bootstrap_servers}",
        broker_commit_interval=1.0,
        broker_heartbeat_interval=1.0,
        broker_max_poll_records=256,
        broker_rebalance_timeout=20.0,  # how long the group waits for a member that hangs; ours let go at once
        broker_session_timeout=10.0,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=instance,
        consumer_max_fetch_size=2 * LARGEST_BATCH,
        datadir=state,
        key_serializer="raw",
        store="rocksdb://",
        stream_buffer_maxsize=256,
        stream_recovery_delay=0,
        stream_wait_empty=False,  # a rebalance would wait for records that were dropped, which nobody ever acknowledges
        TableManager=ContiguousTables,
        table_standby_replicas=0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=partitions,
        value_serializer="raw",
        web_enabled=False,
    )
    app.transport = PromptTransport(app.conf.broker_consumer, app)
    table = app.Table(TABLE, partitions=partitions, options=dict(_ROCKSDB))
    engine = Engine(app, table, bootstrap_servers, partitions)
    cast("ContiguousTables", app.tables).owner = engine
    app.agent(app.topic(USAGE, key_type=bytes, value_type=bytes, partitions=partitions), name="decide")(engine.decide)
    return app


@dataclass
class _Working:
    """A partition at work, and the two tasks that make it so."""

    partition: Partition
    checkpointer: Checkpointer
    changelog: ChangelogWriter
    deciding: asyncio.Task[None]
    checkpointing: asyncio.Task[None]


class Engine:
    """The partitions at work in this process, over the table's stores; see `recovery.PartitionOwner`."""

    def __init__(self, app: faust.App, table: Any, bootstrap_servers: str, partitions: int) -> None:
        self._app = app
        self._table = table
        self._bootstrap_servers = bootstrap_servers
        self._partitions = partitions
        self._writer: LogWriter | None = None
        self._opening = asyncio.Lock()
        self._changelogs: dict[int, ChangelogWriter] = {}
        self._working: dict[int, _Working] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._steps = 0
        self._is_settled = False

    async def decide(self, stream: Any) -> None:
        """The agent. Nothing leaves its body: Faust would drop the record and acknowledge it."""
        async for event in stream.noack().events():
            with crash_on_error():
                message = event.message
                working = self._working.get(message.partition)
                if working is not None:  # else revoked meanwhile: whoever owns it now reads it again
                    appended_at = datetime.fromtimestamp(message.timestamp, UTC)
                    record = UsageRecord(event, message.offset, appended_at, message.key, message.value or b"")
                    await working.partition.put(record)

    async def rebuild(self, partition: int) -> None:
        """Fence whoever owned the partition before; only then is the end of its changelog the end."""
        async with self._opening:
            if self._writer is None:
                self._writer = await LogWriter.open(self._bootstrap_servers)
        if (unused := self._changelogs.pop(partition, None)) is not None:  # rebuilt, and assigned anew before it opened
            self._close_behind([unused])
        self._changelogs[partition] = await ChangelogWriter.open(self._bootstrap_servers, partition)
        self._step()
        topic = self._table.changelog_topic_name
        records = await rebuild(self._store(partition), topic, partition, self._bootstrap_servers, self._step)
        log.info("partition %d: state rebuilt from %d changelog records", partition, records)

    def start_of(self, partition: int, beginning: int) -> int:
        start = PartitionState(self._store(partition)).next_offset or 0
        if start < beginning:
            log.critical("usage %d: the state goes on from %d, the log begins at %d", partition, start, beginning)
        return max(start, beginning)

    def open(self, partition: int, offset: int) -> None:
        assert self._writer is not None
        state, changelog = PartitionState(self._store(partition)), self._changelogs.pop(partition)
        checkpointer = Checkpointer(state, changelog)
        opened = Partition(partition, self._partitions, offset, state, checkpointer, self._writer, self._go_back)
        deciding, checkpointing = (asyncio.create_task(_run(it)) for it in (opened.run(), checkpointer.run()))
        self._working[partition] = _Working(opened, checkpointer, changelog, deciding, checkpointing)
        log.info("partition %d: deciding from offset %d", partition, offset)

    def settle(self) -> None:
        self._is_settled = True

    async def watch(self) -> None:
        usage = KafkaUsageLog(self._bootstrap_servers, self._partitions)
        try:
            await Watchdog(self._headway, usage).run()
        finally:
            await usage.close()

    def _headway(self) -> Headway:
        return Headway(
            {number: it.partition.next_offset for number, it in self._working.items()}, self._steps, self._is_settled
        )

    def _step(self, steps: int = 1) -> None:
        self._steps += steps

    def drop(self) -> None:
        self._is_settled = False
        working, self._working = self._working, {}
        for it in working.values():
            it.deciding.cancel()
            it.checkpointing.cancel()
            it.partition.abandon()
        self._close_behind([it.changelog for it in working.values()])

    def _close_behind(self, changelogs: Iterable[ChangelogWriter]) -> None:
        """Close them while all else goes on: the broker may be away, and they have nothing left to say."""
        closing = asyncio.create_task(_close(changelogs))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        working, self._working = self._working, {}
        try:
            async with asyncio.timeout(_LAST_CHECKPOINT):
                await asyncio.gather(*(_finish(it) for it in working.values()))
        except TimeoutError:
            log.warning("stopped before the last checkpoint; the next worker decides the rest again")
        await _close([it.changelog for it in working.values()])
        if self._writer is not None:
            await self._writer.close()

    def _store(self, partition: int) -> RocksStore:
        return RocksStore(self._table.data._db_for_partition(partition))  # noqa: SLF001  # Faust has no other door

    async def _go_back(self, partition: int, offset: int) -> None:
        await go_back(self._app, TP(USAGE, partition), offset)


async def _finish(working: _Working) -> None:
    await working.partition.finish()
    await working.deciding
    working.checkpointer.finish()
    await working.checkpointing


async def _close(changelogs: Iterable[ChangelogWriter]) -> None:
    await asyncio.gather(*(changelog.close() for changelog in changelogs), return_exceptions=True)


async def _run(work: Coroutine[Any, Any, None]) -> None:
    with crash_on_error():
        await work
