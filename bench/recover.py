"""How long nothing is decided after a worker was killed, and how long its state takes to come back from the log.

The kill: a whole pipeline under a steady trickle of reports; SIGKILL to the worker; the clock stops at the first
decision after it. The rebuild: a worker without any local state over a changelog of `RECOVER_METERS` balances
(1,000,000), from the start of its process to a decision in every partition, each held against the balance restored.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import psutil

from bench import engine
from bench.log import kafka, read
from bench.report import Figure
from bench.work import PARTITIONS
from metering.balance import Balance
from metering.balance import Counter as Counted
from metering.command import Report
from metering.grant import Grant
from metering.meter import Aggregation, Behavior
from metering.period import ResetPeriod, period_at
from stream.producer import ChangelogWriter, log_producer
from stream.records import VERSION, Batch, Rules, audit_events, decode_decided, encode
from stream.state import PartitionState, Pending
from stream.store import Changes, MemoryStore
from stream.topics import BALANCES, DECISIONS, USAGE, partition_of
from tests.pipeline import Pipeline, running_pipeline, wait_until
from tests.shop import Sold, sell

METERS: Final = int(os.environ.get("RECOVER_METERS", "1000000"))
KILLS: Final = 5
#: Longer than the supervisor needs to take the worker for well, so that no back-off is measured.
_BETWEEN_KILLS_S: Final = 10.0
_A_CHECKPOINT: Final = 20_000
RESTORED: Final = Decimal("41.5")
_SINCE: Final = datetime(2026, 3, 1, tzinfo=UTC)
_REBUILT_WITHIN_S: Final = 230.0
_LOOK_EVERY_S: Final = 0.05


def run() -> Sequence[Figure]:
    pauses = killed()
    with kafka() as (servers, folder):
        size = asyncio.run(write_changelog(servers, METERS))
        rebuilt = rebuild(servers, folder)
    return [
        Figure("SIGKILL to the next decision, median", statistics.median(pauses), "s", "kill_s", at_most=3),
        Figure(f"the longest of {KILLS}", max(pauses), "s", "kill_longest_s"),
        Figure("meters rebuilt from the changelog", METERS, ""),
        Figure("changelog", size / 1e6, "MB"),
        Figure("start to a decision in every partition", rebuilt.seconds, "s", "rebuild_s", at_most=60),
        Figure("CPU of it", rebuilt.cpu_seconds, "s"),
        Figure("largest memory of the worker meanwhile", rebuilt.peak_bytes / 1e6, "MB", "rebuild_mb", at_most=1_000),
        Figure("balances restored wrong", rebuilt.wrong, "", "wrong", at_most=0),
    ]


def killed() -> list[float]:
    """Seconds from each SIGKILL to the next decision."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_pipeline(Path(folder) / "data") as pipeline,
        pipeline.client() as client,
    ):
        sold = sell(client)
        return [_kill(pipeline, sold) for _ in range(KILLS)]


def _kill(pipeline: Pipeline, sold: Sold) -> float:
    until = time.monotonic() + _BETWEEN_KILLS_S
    while time.monotonic() < until:
        assert sold.report(1).is_success
    worker = pipeline.child("worker-1")
    begun = time.perf_counter()
    worker.kill()
    worker.wait()  # what it sent before is not what is measured
    wait_until(lambda: sold.report(1).is_success, 30, "a report is decided again")
    return time.perf_counter() - begun


@dataclass(frozen=True)
class Rebuilt:
    """How a worker without state came back; `wrong` counts the balances that were not what the changelog says."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    wrong: int


def rebuild(servers: str, folder: Path) -> Rebuilt:
    asyncio.run(_report_everywhere(servers))
    begun = time.perf_counter()
    with engine.worker(servers, folder) as pid:
        process = psutil.Process(pid)
        with _largest(process) as sizes:
            before = asyncio.run(_until_decided(servers))
        seconds, used = time.perf_counter() - begun, process.cpu_times()
    wrong = PARTITIONS - Counter(before)[RESTORED]
    return Rebuilt(seconds, used.user + used.system, max(sizes), wrong)


@contextmanager
def _largest(process: psutil.Process) -> Iterator[list[int]]:
    """The sizes that the process had meanwhile."""
    sizes: list[int] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(_LOOK_EVERY_S):
            sizes.append(process.memory_info().rss)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield sizes
    finally:
        over.set()
        looking.join()


async def write_changelog(servers: str, meters: int) -> int:
    """Balances as checkpoints write them, spread over the partitions; returns the bytes of keys and values."""
    waiting: list[list[bytes]] = [[witness(partition).key] for partition in range(PARTITIONS)]
    for _ in range(meters - PARTITIONS):
        key = b"%s/%s/%s" % (str(uuid.UUID(int=1)).encode(), str(uuid.uuid4()).encode(), str(uuid.uuid4()).encode())
        waiting[partition_of(key, PARTITIONS)].append(key)
    sizes = await asyncio.gather(*(_checkpoint(servers, number, keys) for number, keys in enumerate(waiting)))
    return sum(sizes)


async def _checkpoint(servers: str, partition: int, meters: Sequence[bytes]) -> int:
    changelog, size = await ChangelogWriter.open(servers, partition), 0
    try:
        for first in range(0, len(meters), _A_CHECKPOINT):
            changes = checkpoint_of(meters[first : first + _A_CHECKPOINT])
            await changelog.append(changes)
            size += sum(len(key) + len(value or b"") for key, value in changes.items())
    finally:
        await changelog.close()
    return size


def checkpoint_of(meters: Sequence[bytes]) -> Changes:
    """What a worker writes once all of these have changed."""
    state, balance = PartitionState(MemoryStore()), _balance()
    state.adopt(Pending(dict.fromkeys(meters, balance)))
    return state.take(0, _SINCE)


def _balance() -> Balance:
    """As a meter has it that is reported on by the month, with a value that is told from a new one's."""
    period = period_at(_SINCE, ResetPeriod.MONTH, None)
    return Balance((Counted(period, RESTORED, 7),), 9)


def witness(partition: int) -> Grant:
    """A grant whose meter lies in that partition."""
    for number in range(100_000):
        grant = Grant(
            organization_id=str(uuid.UUID(int=1)),
            instance_id=f"witness-{number}",
            instance_slug="witness",
            entitlement_id="witness",
            entitlement_slug="witness",
            license_id="bench",
            license_slug="bench",
            license_version="1",
            license_active=True,
            aggregation=Aggregation.SUM,
            limit=Decimal(1_000),
            reset_period=ResetPeriod.MONTH,
        )
        if partition_of(grant.key, PARTITIONS) == partition:
            return grant
    raise AssertionError(f"no key falls into partition {partition}")


async def _report_everywhere(servers: str) -> None:
    """One report in each partition, for the rebuilt worker to decide."""
    producer = log_producer(servers)
    await producer.start()
    try:
        for number in range(PARTITIONS):
            report = Report(Decimal(1), Behavior.APPEND, _SINCE, _SINCE, "bench")
            batch = Batch(VERSION, b"benching", number, None, Rules(), [witness(number)], [0], [report])
            await producer.send_and_wait(USAGE, encode(batch), partition=number)
    finally:
        await producer.stop()


async def _until_decided(servers: str) -> list[Decimal]:
    """What the report in each partition found its meter at, once all are decided."""
    deadline = time.monotonic() + _REBUILT_WITHIN_S
    while True:
        decided = [decode_decided(value) async for _, value in read(servers, DECISIONS)]
        if len(decided) >= PARTITIONS:
            return [event.decision.before for it in decided for event in audit_events(it)]
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(decided)} of {PARTITIONS} partitions of {BALANCES} are rebuilt")
        await asyncio.sleep(_LOOK_EVERY_S)
