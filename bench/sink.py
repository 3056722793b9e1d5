"""How many rows a second the sink writes, beside what could be done with them, and how soon a decision can be read.

The sink copies decisions from a real broker into the embedded table. Its peer has the same rows in memory already, as
columns, and inserts them by the client's own way into a table of the same columns, projections and indexes; what the
engine alone needs is told, too: the same blocks, made before. `BENCH_ROWS` says how many rows (400,000).
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from clickhouse_connect import get_client

from api.freshness import Freshness
from bench.decisions import Written, decided
from bench.log import fill, kafka
from bench.report import Figure
from bench.work import BATCH, make_work
from metering.balance import NOWHERE
from sql.clickhouse import WRITING, ClickHouse, open_clickhouse
from sql.native import Blocks
from stream.feed import DecisionsFeed
from stream.producer import log_producer
from stream.records import decode_decided
from stream.rows import COLUMNS, Rows
from stream.share import Alone
from stream.sink import Sink
from stream.topics import DECISIONS

ROWS: Final = int(os.environ.get("BENCH_ROWS", "400000"))
METERS: Final = 2_000
BLOCK: Final = 50_000
_LOOK_EVERY: Final = 0.005
_STEADY_ROWS: Final = 1_000
_STEADY_BATCH: Final = 10
_STEADY_SECONDS: Final = 20
_FLOOD_SECONDS: Final = 10
#: Of the rate that was measured: what comes faster than it is written waits for ever longer.
_FLOOD: Final = 0.8
_PROBE_EVERY: Final = 0.05
_SEEN_WITHIN: Final = 60.0


@dataclass(frozen=True)
class Seen:
    """Seconds from a decision's record in the log to its row in an answer, ascending."""

    seconds: Sequence[float]

    def quantile(self, share: float) -> float:
        return self.seconds[min(len(self.seconds) - 1, int(len(self.seconds) * share))]


def run() -> Sequence[Figure]:
    written = [*decided(make_work(ROWS, METERS, named=True))]
    with kafka() as (servers, folder):
        asyncio.run(fill(servers, DECISIONS, ((record.partition, None, record.value) for record in written)))
        ours, bare, raw = asyncio.run(_rates(servers, folder, written))
    steady = _visible(_STEADY_ROWS, _STEADY_BATCH, _STEADY_SECONDS)
    flooded = _visible(ours * _FLOOD, BATCH, _FLOOD_SECONDS)
    return [
        Figure("ours, from the log to the table", ours, "rows/s", "rate"),
        Figure("bare insert of the same columns", bare, "rows/s", "bare"),
        Figure("ours against it", ours / bare, "×", "vs_bare", at_least=0.6),
        Figure("the engine alone, blocks ready", raw, "rows/s", "engine"),
        Figure("ours against it", ours / raw, "×", "vs_engine"),
        Figure(f"visible at {_STEADY_ROWS:,}/s, median", steady.quantile(0.5) * 1e3, "ms", "steady_p50_ms"),
        Figure("99 %", steady.quantile(0.99) * 1e3, "ms", "steady_p99_ms", at_most=1_000),
        Figure(f"visible at {ours * _FLOOD:,.0f}/s, median", flooded.quantile(0.5) * 1e3, "ms", "full_p50_ms"),
        Figure("99 %", flooded.quantile(0.99) * 1e3, "ms", "full_p99_ms", at_most=3_000),
    ]


async def _rates(servers: str, folder: Path, written: Sequence[Written]) -> tuple[float, float, float]:
    async with open_clickhouse(f"chdb://{folder / 'clickhouse'}") as clickhouse:
        await clickhouse.migrate()
        async with _copying(servers, clickhouse) as sink:
            begun = time.perf_counter()
            while sink.rows_written < ROWS:  # noqa: ASYNC110  # it tells nobody, as it should
                await asyncio.sleep(_LOOK_EVERY)
            ours = ROWS / (time.perf_counter() - begun)
        return ours, *await asyncio.to_thread(_peers, folder, written)


@asynccontextmanager
async def _copying(servers: str, clickhouse: ClickHouse) -> AsyncIterator[Sink]:
    sink = Sink(Alone(servers), clickhouse, partial(DecisionsFeed, servers))
    task = asyncio.create_task(sink.run())
    try:
        yield sink
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _peers(folder: Path, written: Sequence[Written]) -> tuple[float, float]:
    """Rows a second of the client's `insert`, given columns of Python's own values, and of the engine, given blocks."""
    client = get_client(dsn=f"chdb://{folder / 'clickhouse'}", settings=dict(WRITING), tz_mode="schema")
    try:
        for table in ("bare", "raw"):
            client.command(f"CREATE TABLE {table} AS decisions")
        types = {name: type_ for name, type_, *_ in client.query("DESCRIBE TABLE decisions").result_rows}
        native = Blocks(COLUMNS, [types[name] for name in COLUMNS])
        bare = raw = 0.0
        for rows in _blocks(written):
            columns = [[*column] for column in zip(*rows, strict=True)]
            bare += _timed(partial(client.insert, "bare", columns, column_names=COLUMNS, column_oriented=True))
            raw += _timed(partial(client.raw_insert, "raw", COLUMNS, native.block(rows.columns), fmt="Native"))
        return ROWS / bare, ROWS / raw
    finally:
        client.close()


def _blocks(written: Sequence[Written]) -> Iterator[Rows]:
    rows = Rows()
    for at, one in enumerate(written):
        rows.take(decode_decided(one.value), at, NOWHERE)
        if len(rows) >= BLOCK:
            yield rows
            rows = Rows()
    if rows:
        yield rows


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _visible(rate: float, batch: int, seconds: int) -> Seen:
    """How soon decisions can be read that come at this rate, so many to a record."""
    work = replace(make_work(int(rate * seconds), METERS, named=True), batch=batch)
    written = [*decided(work)]
    with kafka() as (servers, folder):
        return asyncio.run(_see(servers, folder, written, rate))


async def _see(servers: str, folder: Path, written: Sequence[Written], rate: float) -> Seen:
    async with open_clickhouse(f"chdb://{folder / 'clickhouse'}") as clickhouse:
        await clickhouse.migrate()
        async with _copying(servers, clickhouse):
            freshness = Freshness(clickhouse, wait=_SEEN_WITHIN)
            probes = [asyncio.create_task(_probe(freshness, *sent)) async for sent in _sent(servers, written, rate)]
            return Seen(sorted(await asyncio.gather(*probes)))


async def _sent(servers: str, written: Sequence[Written], rate: float) -> AsyncIterator[tuple[str, float]]:
    """Send the records at so many decisions a second; gives one in a while as soon as the log holds it, and when."""
    producer = log_producer(servers)
    await producer.start()
    begun = probed = time.perf_counter()
    decisions = 0
    try:
        for one in written:
            await asyncio.sleep(max(0.0, begun + decisions / rate - time.perf_counter()))
            decisions += one.decisions
            sending = await producer.send(DECISIONS, one.value, partition=one.partition)
            if (now := time.perf_counter()) - probed >= _PROBE_EVERY:
                probed = now
                await sending
                yield one.last, time.perf_counter()
    finally:
        await producer.stop()


async def _probe(freshness: Freshness, decision: str, since: float) -> float:
    await freshness.visible_with(decision)
    return time.perf_counter() - since
