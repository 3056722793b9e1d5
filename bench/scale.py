"""Whether two workers cost a report more than one does, on the same partitions.

On a machine with two cores, where broker and bench take theirs, two workers cannot be twice as fast; so what is held
against the bound is their CPU, all processes of the worker together, over the same reports. The workers stand ready,
each with its partitions, before the first report is written.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from bench import engine
from bench.log import Run, kafka, watch
from bench.report import Figure
from bench.work import Work, make_work
from stream.topics import DECISIONS

REPORTS: Final = int(os.environ.get("BENCH_REPORTS", "400000"))
METERS: Final = 2_000


def run() -> Sequence[Figure]:
    work = make_work(REPORTS, METERS)
    one, two = (decided_by(workers, work) for workers in (1, 2))
    cost_of_one, cost_of_two = (done.cpu_seconds / done.records for done in (one, two))
    return [
        Figure("one worker", one.rate * work.batch, "reports/s", "rate_one"),
        Figure("two workers", two.rate * work.batch, "reports/s", "rate_two"),
        Figure("CPU, a million reports, one worker", cost_of_one / work.batch * 1e6, "s", "cpu_one"),
        Figure("CPU, a million reports, two workers", cost_of_two / work.batch * 1e6, "s", "cpu_two"),
        Figure("cost of a report with two against one", cost_of_two / cost_of_one, "×", "cost_ratio", at_most=1.15),
    ]


def decided_by(workers: int, work: Work) -> Run:
    """What it took so many workers to decide the work."""
    names = [f"worker-{number}" for number in range(1, workers + 1)]
    with kafka() as (servers, folder), ExitStack() as stack:
        pids = [stack.enter_context(engine.worker(servers, folder, name)) for name in names]
        for name in names:
            engine.wait_until_ready(folder, name)
        return asyncio.run(_fill_and_watch(servers, work, pids))


async def _fill_and_watch(servers: str, work: Work, pids: Sequence[int]) -> Run:
    filling = asyncio.create_task(asyncio.to_thread(engine.fill_usage, servers, work))
    run = await watch(servers, DECISIONS, sum(1 for _ in engine.batches(work)), *pids)
    await filling
    return run
