"""Workers whose agent raises or hangs on the record at offset 1: Faust by the book, and ours. Run as a program."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import faust

from metering.decision import Answer
from stream import partition, watchdog, worker
from stream.decide import decide_batch
from stream.records import Batch
from stream.state import PartitionState
from stream.topics import USAGE

STOCK, OURS, SOUND, HANGING, BLOCKED = "stock", "ours", "sound", "hanging", "blocked"
_FAILS_AT = 1


def stock(bootstrap_servers: str, data: Path) -> faust.App:
    app = faust.App(
        STOCK,
        broker=f"kafka://{bootstrap_servers}",
        broker_commit_interval=0.2,
        consumer_auto_offset_reset="earliest",
        datadir=data,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
    )

    async def decide(stream: Any) -> None:
        async for event in stream.events():
            if event.message.offset == _FAILS_AT:
                raise RuntimeError("the record at offset 1")

    app.agent(app.topic(USAGE, value_type=bytes, value_serializer="raw", partitions=1), name="decide")(decide)
    return app


def sound(bootstrap_servers: str, data: Path) -> faust.App:
    return worker.build_app(bootstrap_servers=bootstrap_servers, state=data, instance="worker-1", partitions=1)


def ours(bootstrap_servers: str, data: Path) -> faust.App:
    partition.decide_batch = _failing  # type: ignore[attr-defined]  # the name that it is called by
    return sound(bootstrap_servers, data)


def hanging(bootstrap_servers: str, data: Path) -> faust.App:
    """Its partition waits for ever, and all else goes on."""
    watchdog._PATIENCE = 1.0  # type: ignore[misc]  # no test waits for the real one
    decide = partition.Partition._decide

    async def hang(self: partition.Partition, record: partition.UsageRecord) -> None:
        if record.offset == _FAILS_AT:
            await asyncio.Event().wait()
        await decide(self, record)

    partition.Partition._decide = hang  # type: ignore[method-assign]
    return sound(bootstrap_servers, data)


def blocked(bootstrap_servers: str, data: Path) -> faust.App:
    """Its loop hangs, and no watchdog runs in it."""
    watchdog._MISSED_LOOKS = 2  # type: ignore[misc]

    def block(
        batch: Batch, offset: int, appended_at: datetime, state: PartitionState, value: bytes
    ) -> list[Answer | None]:
        if offset == _FAILS_AT:
            time.sleep(600)
        return decide_batch(batch, offset, appended_at, state, value)

    partition.decide_batch = block  # type: ignore[attr-defined]
    return sound(bootstrap_servers, data)


def _failing(
    batch: Batch, offset: int, appended_at: datetime, state: PartitionState, value: bytes
) -> list[Answer | None]:
    if offset == _FAILS_AT:
        raise RuntimeError("the record at offset 1")
    return decide_batch(batch, offset, appended_at, state, value)


WORKERS = {STOCK: stock, OURS: ours, SOUND: sound, HANGING: hanging, BLOCKED: blocked}


def main(name: str, bootstrap_servers: str, data: str) -> None:
    app = WORKERS[name](bootstrap_servers, Path(data))
    faust.Worker(app, override_logging=False, redirect_stdouts=False, quiet=True).execute_from_commandline()


if __name__ == "__main__":
    main(*sys.argv[1:])
