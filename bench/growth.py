"""Whether a report costs more when there are many meters, or many partitions.

Every meter has a balance on disk beforehand, written straight into the worker's RocksDB (one sorted file a partition):
to report ten million times first would take minutes and show nothing more. Reports then fall evenly on all of them.
`BENCH_MOST_METERS` is the largest count (1,000,000); 10,000,000 takes some minutes and 3 GB of disk more.
"""

from __future__ import annotations

import asyncio
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import rocksdict

from bench import engine
from bench.log import Run, kafka, watch
from bench.report import Figure
from bench.work import BEGUN, PARTITIONS, RESETS, Work, make_work
from metering.balance import Balance, Counter
from metering.period import period_at
from metering.quantity import ZERO
from stream.topics import DECISIONS

REPORTS: Final = int(os.environ.get("BENCH_REPORTS", "400000"))
MOST_METERS: Final = int(os.environ.get("BENCH_MOST_METERS", "1000000"))
_FEW: Final = 1_000
_MANY: Final = 100_000


def run() -> Sequence[Figure]:
    few, many, most = (cost(meters, PARTITIONS) for meters in (_FEW, _MANY, MOST_METERS))
    four, thirty_two = (cost(_FEW, partitions) for partitions in (4, 32))
    return [
        Figure(f"CPU a report, {_FEW:,} meters", few, "µs", "us_few"),
        Figure(f"CPU a report, {_MANY:,} meters", many, "µs", "us_many"),
        Figure(f"CPU a report, {MOST_METERS:,} meters", most, "µs", "us_most"),
        Figure(f"{_MANY:,} meters against {_FEW:,}", many / few, "×", "growth_many", at_most=1.5),
        Figure(f"{MOST_METERS:,} meters against {_FEW:,}", most / few, "×", "growth_most", at_most=1.5),
        Figure("CPU a report, 4 partitions", four, "µs", "us_4_partitions"),
        Figure("CPU a report, 32 partitions", thirty_two, "µs", "us_32_partitions"),
        Figure("32 partitions against 4", thirty_two / four, "×", "growth_partitions", at_most=1.5),
    ]


def cost(meters: int, partitions: int) -> float:
    """µs of the worker's CPU a report."""
    work = make_work(REPORTS, meters, partitions)
    with kafka(partitions) as (servers, folder):
        _make_state(servers, folder, work)
        records, _ = engine.fill_usage(servers, work)
        run = _decide(servers, folder, work, records)
    return run.cpu_seconds / run.records * records / len(work) * 1e6


def _decide(servers: str, folder: Path, work: Work, records: int) -> Run:
    with engine.worker(servers, folder, partitions=work.partitions) as pid:
        return asyncio.run(watch(servers, DECISIONS, records, pid, partitions=work.partitions))


def _make_state(servers: str, folder: Path, work: Work) -> None:
    """Give every meter a balance. The worker makes its stores itself, and is ended before they are filled."""
    with engine.worker(servers, folder, partitions=work.partitions):
        engine.wait_until_ready(folder, engine.WORKER)
    keys: list[list[bytes]] = [[] for _ in range(work.partitions)]
    for number in range(len(work.grants)):
        meter = work.grants.meter(number)
        keys[zlib.crc32(meter) % work.partitions].append(b"b" + meter)
    balance = msgspec.msgpack.encode(_a_balance())
    for partition, found in enumerate(keys):
        (store,) = (folder / engine.WORKER).rglob(f"*-{partition}.db")
        _fill(store, sorted(found), balance)


def _a_balance() -> Balance:
    return Balance((Counter(period_at(BEGUN, RESETS, None), ZERO, 1),), 1)


def _fill(store: Path, keys: Sequence[bytes], value: bytes) -> None:
    if not keys:
        return
    options = rocksdict.Options(raw_mode=True)
    file = store.with_suffix(".sst")
    writer = rocksdict.SstFileWriter(options)
    writer.open(str(file))
    for key in keys:
        writer[key] = value
    writer.finish()
    db = rocksdict.Rdict(str(store), options)
    db.ingest_external_file([str(file)])
    db.close()
    file.unlink()
