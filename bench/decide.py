"""How many reports a worker decides a second, beside what else could be done with them.

Everyone gets the same reports, on 2,000 meters with a limit each. The worker reads them 200 to a record from a real
broker and is watched from outside, from its first record on `decisions` to its last, checkpoints and all.
`BENCH_REPORTS` says how many (400,000); the slow peers get fewer, since it is their rate that counts.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench import engine, postgres, textbook
from bench.engine import Decided
from bench.log import Run, fill, kafka, make_topics, python, watch
from bench.relay import CODEC
from bench.report import Figure
from bench.work import Work, make_work
from stream.topics import USAGE
from tests.postgres import find_programs

REPORTS: Final = int(os.environ.get("BENCH_REPORTS", "400000"))
METERS: Final = 2_000
_BY_THE_BOOK: Final = REPORTS // 20
_IN_POSTGRES: Final = REPORTS // 40
_WINDOW: Final = 500


def run() -> Sequence[Figure]:
    with kafka() as (servers, folder):
        ours = engine.decide(servers, folder, make_work(REPORTS, METERS))
        relayed, plainly = relay(servers, folder, ours, _WINDOW), relay(servers, folder, ours, 1)
        coded = relay(servers, folder, ours, _WINDOW, CODEC)
        by_the_book = decide_by_the_book(servers, folder, make_work(_BY_THE_BOOK, METERS))
    with kafka() as (servers, folder):
        hot = engine.decide(servers, folder, make_work(REPORTS, 1))
    with kafka() as (servers, folder):
        named = engine.decide(servers, folder, make_work(REPORTS, METERS, named=True))
    return [
        *own_figures(ours, hot, named),
        Figure("relay: read, write as many bytes", relayed, "reports/s", "relay"),
        Figure("ours against it", ours.rate / relayed, "×", "vs_relay", at_least=0.5),
        Figure("relay, one record after the other", plainly, "reports/s", "plain_relay"),
        Figure("ours against it", ours.rate / plainly, "×", "vs_plain_relay"),
        Figure("relay that reads batches and writes answers", coded, "reports/s", "codec_relay"),
        Figure("ours against it", ours.rate / coded, "×", "vs_codec_relay"),
        Figure("textbook Faust", by_the_book.rate, "reports/s", "textbook_faust"),
        Figure("CPU, a million of them", by_the_book.cpu_seconds / by_the_book.records * 1e6, "s"),
        Figure("ours against it", ours.rate / by_the_book.rate, "×", "vs_textbook_faust", at_least=15),
        *postgres_figures(ours, hot),
    ]


def own_figures(ours: Decided, hot: Decided, named: Decided) -> list[Figure]:
    return [
        Figure("ours, 2,000 meters", ours.rate, "reports/s", "rate"),
        Figure("ours, a report", 1e6 / ours.rate, "µs", "us_per_report"),
        Figure("CPU, a million of them", ours.cpu_per_report * 1e6, "s", "cpu_seconds_per_million"),
        Figure("read, a report", ours.bytes_read / ours.reports, "bytes"),
        Figure("written, a report", ours.bytes_written / ours.reports, "bytes"),
        Figure("refused", ours.refused, "reports"),
        Figure("ours, one hot meter", hot.rate, "reports/s", "rate_hot"),
        Figure("CPU, a million of them", hot.cpu_per_report * 1e6, "s"),
        Figure("ours, each with an id of ingest's", named.rate, "reports/s", "rate_named"),
        Figure("CPU, a million of them", named.cpu_per_report * 1e6, "s"),
        Figure("meters that a recount finds wrong", ours.wrong + hot.wrong + named.wrong, "", "wrong", at_most=0),
    ]


def relay(servers: str, folder: Path, ours: Decided, window: int, form: str | None = None) -> float:
    """Reports a second through a relay of the worker's own input that writes as much as the worker wrote."""
    target = f"relayed-{form}-{window}"
    asyncio.run(make_topics(servers, target))
    form = form or str((ours.bytes_written - ours.bytes_read) // ours.records)
    arguments = ("-m", "bench.relay", servers, USAGE, target, form, str(window))
    with python(*arguments, env={}, output=folder / f"{target}.log") as pid:
        relayed = asyncio.run(watch(servers, target, ours.records, pid))
    return relayed.rate * ours.reports / ours.records


def decide_by_the_book(servers: str, folder: Path, work: Work) -> Run:
    """A Faust app as in its documentation, at work on one record a report."""
    asyncio.run(_fill_reports(servers, work))
    with python("-m", "bench.textbook", servers, str(folder / "textbook"), env={}, output=folder / "book.log") as pid:
        return asyncio.run(watch(servers, textbook.VERDICTS, len(work), pid))


async def _fill_reports(servers: str, work: Work) -> None:
    await make_topics(servers, textbook.REPORTS, textbook.VERDICTS, textbook.CHANGELOG)
    meters = [work.grants[meter] for meter in work.meter_of]
    records = (
        (work.partition(i), grant.key, textbook.encode((grant, work.report(i)))) for i, grant in enumerate(meters)
    )
    await fill(servers, textbook.REPORTS, records)


def postgres_figures(ours: Decided, hot: Decided) -> list[Figure]:
    """Ours against PostgreSQL's rates; nothing where it is not installed, and how to install it."""
    programs = find_programs()
    if programs is None:
        print(postgres.INSTALL, file=sys.stderr)
        return []
    with postgres.postgres(programs) as socket:
        spread_rate = postgres.rate(socket, make_work(_IN_POSTGRES, METERS))
        hot_rate = postgres.rate(socket, make_work(_IN_POSTGRES, 1))
    return [
        Figure("PostgreSQL, 2,000 meters", spread_rate, "reports/s", "postgres"),
        Figure("ours against it", ours.rate / spread_rate, "×", "vs_postgres", at_least=15),
        Figure("PostgreSQL, one hot meter", hot_rate, "reports/s", "postgres_hot"),
        Figure("ours on one against it", hot.rate / hot_rate, "×", "vs_postgres_hot", at_least=40),
    ]
