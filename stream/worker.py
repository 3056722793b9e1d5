"""The worker: a Faust app whose agent decides the partitions of `usage` that the group gives it."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

import faust
from faust.types import TP

from stream.checkpoint import Checkpointer
from stream.faust.consumer import PromptTransport, committed_offset, go_back
from stream.faust.recovery import ContiguousTables, rebuild
from stream.partition import Partition
from stream.producer import LogWriter
from stream.state import PartitionState
from stream.store import RocksStore
from stream.topics import LARGEST_BATCH, USAGE

log: Final = logging.getLogger(__name__)

GROUP: Final = "tidemark"
TABLE: Final = "balances"
_CRASHED: Final = 70
_LAST_CHECKPOINT: Final = 10.0

#: Per partition: a worker may hold dozens.
_ROCKSDB: Final = {
    "write_buffer_size": 8 << 20,
    "max_write_buffer_number": 2,
    "target_file_size_base": 16 << 20,
    "block_cache_size": 8 << 20,
    "max_open_files": 64,
}


def run(*, bootstrap_servers: str, state: Path, instance: str, partitions: int) -> None:
    """Decide until SIGTERM or SIGINT.

    `state` is this worker's own directory; `instance` its name in the group, which a restart takes over at once.
    """
    app = build_app(bootstrap_servers=bootstrap_servers, state=state, instance=instance, partitions=partitions)
    faust.Worker(app, override_logging=False, redirect_stdouts=False, quiet=True).execute_from_commandline()


def build_app(*, bootstrap_servers: str, state: Path, instance: str, partitions: int) -> faust.App:
    """The Faust app of a worker: one table, one agent, every topic made beforehand."""
    app = faust.App(
        GROUP,
        broker=f"kafka://{bootstrap_servers}",
        broker_commit_interval=1.0,
        broker_heartbeat_interval=1.0,
        broker_max_poll_records=256,
        broker_session_timeout=10.0,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=instance,
        consumer_max_fetch_size=2 * LARGEST_BATCH,
        datadir=state,
        key_serializer="raw",
        store="rocksdb://",
        stream_buffer_maxsize=256,
        stream_recovery_delay=0,
        TableManager=ContiguousTables,
        table_standby_replicas=0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=partitions,
        value_serializer="raw",
        web_enabled=False,
    )
    app.transport = PromptTransport(app.conf.broker_consumer, app)
    engine = Engine(app, app.Table(TABLE, partitions=partitions, options=dict(_ROCKSDB)), bootstrap_servers)
    cast("ContiguousTables", app.tables).owner = engine
    app.agent(app.topic(USAGE, key_type=bytes, value_type=bytes, partitions=partitions), name="decide")(engine.decide)
    return app


class Engine:
    """The partitions at work in this process, over the table's stores; see `recovery.PartitionOwner`."""

    def __init__(self, app: faust.App, table: Any, bootstrap_servers: str) -> None:
        self._app = app
        self._table = table
        self._bootstrap_servers = bootstrap_servers
        self._writer: LogWriter | None = None
        self._partitions: dict[int, Partition] = {}
        self._checkpoints: dict[int, tuple[Checkpointer, asyncio.Task[None]]] = {}

    async def decide(self, stream: Any) -> None:
        """The agent. Nothing leaves its body: Faust would drop the record and acknowledge it."""
        async for event in stream.noack().events():
            with crash_on_error():
                message = event.message
                partition = self._partitions.get(message.partition)
                if partition is not None:  # else revoked meanwhile: whoever owns it now reads it again
                    await partition.take(event, message.offset, message.key, message.value)

    async def rebuild(self, partition: int) -> None:
        topic = self._table.changelog_topic_name
        records = await rebuild(self._store(partition), topic, partition, self._bootstrap_servers)
        log.info("partition %d: state rebuilt from %d changelog records", partition, records)

    async def open(self, partition: int, offset: int) -> None:
        if self._writer is None:
            self._writer = await LogWriter.open(self._bootstrap_servers)
        state = PartitionState(self._store(partition))
        checkpointer = Checkpointer(partition, state, self._writer, lambda: self._committed(partition))
        self._partitions[partition] = Partition(partition, offset, state, checkpointer, self._writer, self._seek)
        self._checkpoints[partition] = checkpointer, asyncio.create_task(_run(checkpointer))
        log.info("partition %d: deciding from offset %d", partition, offset)

    def drop(self) -> None:
        self._partitions.clear()
        for _, task in self._checkpoints.values():
            task.cancel()
        self._checkpoints.clear()

    async def close(self) -> None:
        checkpoints, self._checkpoints = self._checkpoints, {}
        self._partitions.clear()
        for checkpointer, _ in checkpoints.values():
            checkpointer.finish()
        if checkpoints:
            await asyncio.wait([task for _, task in checkpoints.values()], timeout=_LAST_CHECKPOINT)
        if self._writer is not None:
            await self._writer.close()

    def _store(self, partition: int) -> RocksStore:
        return RocksStore(self._table.data._db_for_partition(partition))  # noqa: SLF001  # Faust has no other door

    def _committed(self, partition: int) -> int | None:
        return committed_offset(self._app, TP(USAGE, partition))

    async def _seek(self, partition: int, offset: int) -> None:
        await go_back(self._app, TP(USAGE, partition), offset)


async def _run(checkpointer: Checkpointer) -> None:
    with crash_on_error():
        await checkpointer.run()


@contextmanager
def crash_on_error() -> Iterator[None]:
    """End the process on any error: started again, it goes on from its checkpoint and decides the same."""
    try:
        yield
    except Exception:
        log.critical("the worker cannot go on; it ends here and goes on from its checkpoint", exc_info=True)
        logging.shutdown()
        os._exit(_CRASHED)
