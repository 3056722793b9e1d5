"""Ours: the worker as an operator starts it, over a log that is full of reports."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from bench.log import Run, fill, python, read, watch
from bench.work import PARTITIONS, Work, batches, record
from metering.decision import Status
from stream.records import audit_events, decode_decided
from stream.topics import DECISIONS, USAGE

Outcome = tuple[int, Status, Decimal]
WORKER: Final = "worker-1"
_READY: Final = "deciding from offset"
_READY_WITHIN: Final = 60.0


@dataclass(frozen=True)
class Decided:
    """How the worker did. `wrong` counts the meters whose decisions are not those of a naive recount."""

    reports: int
    records: int
    run: Run
    refused: int
    wrong: int
    bytes_read: int
    bytes_written: int

    @property
    def rate(self) -> float:
        """Reports a second."""
        return self.run.rate * self.reports / self.records

    @property
    def cpu_per_report(self) -> float:
        return self.run.cpu_seconds / self.run.records * self.records / self.reports


def fill_usage(servers: str, work: Work) -> tuple[int, int]:
    """Write the reports as batch records; returns how many records, and their bytes."""
    packed = enumerate(batches(work))
    return asyncio.run(
        fill(servers, USAGE, ((partition, None, record(work, n, indices)) for n, (partition, indices) in packed))
    )


@contextmanager
def worker(servers: str, folder: Path, name: str = WORKER, partitions: int = PARTITIONS) -> Iterator[int]:
    """The worker process; gives its pid."""
    env = {"TIDEMARK_KAFKA": servers, "TIDEMARK_DATA": str(folder), "TIDEMARK_PARTITIONS": str(partitions)}
    with python("-m", "tidemark", "worker", "--instance", name, env=env, output=log_of(folder, name)) as pid:
        yield pid


def log_of(folder: Path, name: str) -> Path:
    return folder / f"{name}.log"


def wait_until_ready(folder: Path, name: str) -> None:
    """Wait until the worker has partitions."""
    deadline = time.monotonic() + _READY_WITHIN
    while _READY not in log_of(folder, name).read_text():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{name} got no partitions")
        time.sleep(0.1)


def decide(servers: str, folder: Path, work: Work) -> Decided:
    """Fill the log, let a worker decide it, and recount what it decided."""
    records, bytes_read = fill_usage(servers, work)
    with worker(servers, folder, partitions=work.partitions) as pid:
        run = asyncio.run(watch(servers, DECISIONS, records, pid, partitions=work.partitions))
    decided, bytes_written = asyncio.run(_decided(servers, work.partitions))
    expected = recount(work)
    wrong = sum(decided.get(key) != outcomes for key, outcomes in expected.items())
    refused = sum(status is Status.REJECTED for outcomes in decided.values() for _, status, _ in outcomes)
    return Decided(len(work), records, run, refused, wrong, bytes_read, bytes_written)


def recount(work: Work) -> dict[bytes, list[Outcome]]:
    """What each meter's decisions have to be, from nothing but its limit and the order of its reports."""
    totals: dict[bytes, Decimal] = defaultdict(Decimal)
    outcomes: dict[bytes, list[Outcome]] = defaultdict(list)
    for meter, value in zip(work.meter_of, work.values, strict=True):
        grant = work.grants[meter]
        fits = totals[grant.key] + value <= grant.limit
        totals[grant.key] += value if fits else 0
        status = Status.ACCEPTED if fits else Status.REJECTED
        outcomes[grant.key].append((len(outcomes[grant.key]) + 1, status, totals[grant.key]))
    return outcomes


async def _decided(servers: str, partitions: int) -> tuple[dict[bytes, list[Outcome]], int]:
    """Each meter's decisions as they stand on the topic (sequence, status, value after), and the topic's bytes."""
    found: dict[bytes, list[Outcome]] = defaultdict(list)
    size = 0
    async for _, value in read(servers, DECISIONS, partitions):
        size += len(value)
        for event in audit_events(decode_decided(value)):
            decision = event.decision
            found[event.grant.key].append((decision.sequence, decision.status, decision.after))
    return found, size
