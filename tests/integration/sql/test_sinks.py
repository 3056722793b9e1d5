"""Several sinks on one engine that all believe to hold the same lane: they freeze, come late, and double nothing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest

from api.freshness import Freshness
from metering.balance import NOWHERE, Place
from metering.command import Peek
from sql.clickhouse import ClickHouse, Moved, open_clickhouse
from sql.native import Column
from stream import lane
from stream.records import decode_decided
from stream.rows import COLUMNS, Rows
from stream.tail import Tail
from tests.decisions_log import NOON, DecisionsLog, Fixed, report, running

RECORDS, FEW_RECORDS = 120, 30
WITHIN = 60.0
#: The engine is shared: partitions that nobody else here writes.
HELD, RACED, REMOVED, EMPTY, PASSED, KILLED, UNREADABLE = 821, 822, 823, 824, 826, 827, 828


class Freezing:
    """The engine as a sink sees it that stops now and then with an INSERT on its way, while the others go on."""

    def __init__(self, clickhouse: ClickHouse, chance: random.Random) -> None:
        self._clickhouse = clickhouse
        self._chance = chance
        self.refused = 0

    async def append(self, name: str, names: Sequence[str], columns: Sequence[Column], **others: Any) -> None:
        await asyncio.sleep(self._chance.choice((0, 0, 0.02, 0.1)))
        try:
            await self._clickhouse.append(name, names, columns, **others)
        except Moved:
            self.refused += 1
            raise

    async def insert(self, table: str, names: Sequence[str], rows: Any) -> None:
        await self._clickhouse.insert(table, names, rows)

    async def query(self, name: str) -> list[tuple[Any, ...]]:
        return await self._clickhouse.query(name)


async def ids(clickhouse: ClickHouse, partition: int) -> list[tuple[int, int]]:
    rows = await clickhouse.query("partition_rows", partition=partition, since=0, until=1_000_000)
    offset, position = COLUMNS.index("offset"), COLUMNS.index("position")
    return [(row[offset], row[position]) for row in rows]


def rows_of_record(log: DecisionsLog, partition: int, *records: int) -> Rows:
    rows = Rows()
    for number in records:
        record = log.records[partition][number]
        rows.take(decode_decided(record.value), record.offset, NOWHERE)
    return rows


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "PACE_SECONDS", 0.0)
    monkeypatch.setattr(lane, "MOST_WAITING", 8)


async def test_sinks_that_freeze_and_come_late_write_each_decision_once(clickhouse: ClickHouse, hurried: None) -> None:
    log = DecisionsLog(partitions=HELD + 1)
    for number in range(RECORDS):
        log.decide(report(received_at=NOON + timedelta(seconds=number)), report(), partition=HELD)
    tables = [Freezing(clickhouse, random.Random(seed)) for seed in range(3)]
    async with AsyncExitStack() as stack:
        sinks = [
            await stack.enter_async_context(running(log, table, share=Fixed([HELD]), most_a_poll=3)) for table in tables
        ]
        async with asyncio.timeout(WITHIN):
            while max(sink.complete_to.get(HELD, -1) for sink in sinks) < RECORDS - 1:
                await asyncio.sleep(0.01)
    assert await ids(clickhouse, HELD) == [(offset, position) for offset in range(RECORDS) for position in (0, 1)]
    assert sum(table.refused for table in tables) > 0


async def test_sinks_that_are_killed_amid_their_inserts_and_start_again_write_each_decision_once(
    clickhouse: ClickHouse, clickhouse_dsn: str, hurried: None
) -> None:
    log = DecisionsLog(partitions=KILLED + 1)
    for number in range(FEW_RECORDS):
        log.decide(report(received_at=NOON + timedelta(seconds=number)), report(), partition=KILLED)
    async with (
        open_clickhouse(clickhouse_dsn) as another,
        asyncio.timeout(WITHIN),
    ):  # so that two INSERTs may be on their way
        tables = (clickhouse, another)
        kills = await asyncio.gather(*(_killed_again_and_again(log, *each) for each in enumerate(tables)))
    assert await ids(clickhouse, KILLED) == [(offset, position) for offset in range(FEW_RECORDS) for position in (0, 1)]
    assert min(kills) > 1


async def _killed_again_and_again(log: DecisionsLog, seed: int, table: ClickHouse) -> int:
    """How often a sink was killed before every row was there. An INSERT that it has on its way goes on without it."""
    chance, kills = random.Random(seed), 0
    while (FEW_RECORDS - 1, 1) not in await ids(table, KILLED):
        async with running(log, table, share=Fixed([KILLED]), most_a_poll=3):
            await asyncio.sleep(chance.uniform(0, 0.2 + kills / 10))  # to be killed at any step, and to end at last
        kills += 1
    return kills


async def test_an_insert_that_comes_late_is_refused(clickhouse: ClickHouse) -> None:
    log = DecisionsLog(partitions=RACED + 1)
    for _ in range(3):
        log.decide(report(), partition=RACED)
    slept, awake = Tail(clickhouse, [RACED]), Tail(clickhouse, [RACED])
    await slept.look()
    await awake.look()
    await awake.append(rows_of_record(log, RACED, 0))
    with pytest.raises(Moved):
        await slept.append(rows_of_record(log, RACED, 0, 1))
    await slept.look()
    await slept.append(rows_of_record(log, RACED, 1, 2))
    with pytest.raises(Moved):
        await awake.ensure()
    assert await ids(clickhouse, RACED) == [(0, 0), (1, 0), (2, 0)]


async def test_of_two_inserts_that_were_both_let_begin_at_one_end_one_goes_in(clickhouse: ClickHouse) -> None:
    log = DecisionsLog(partitions=EMPTY + 1)
    log.decide(report(), partition=EMPTY)
    log.decide(report(), partition=EMPTY)
    for records in ([0], [0, 1]):
        columns = rows_of_record(log, EMPTY, *records).columns
        # A lane without rows: the condition holds for both, as it does while neither has committed.
        await clickhouse.append("decisions", COLUMNS, columns, token="at the same end", lane=[EMPTY + 1], ends=[])
    assert await ids(clickhouse, EMPTY) == [(0, 0)]


async def test_rows_that_an_operator_removed_come_back(
    clickhouse: ClickHouse, hurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "NOTE_SECONDS", 0.1)
    log = DecisionsLog(partitions=REMOVED + 1)
    log.decide(report(), report(), partition=REMOVED)
    async with running(log, clickhouse, share=Fixed([REMOVED])) as sink, asyncio.timeout(WITHIN):
        while sink.complete_to != {REMOVED: 0}:
            await asyncio.sleep(0.01)
    removal = f"ALTER TABLE decisions DELETE WHERE partition = {REMOVED} SETTINGS mutations_sync = 2"
    await clickhouse._writer.run(lambda client: client.command(removal))
    assert await ids(clickhouse, REMOVED) == []
    async with running(log, clickhouse, share=Fixed([REMOVED])), asyncio.timeout(WITHIN):
        while await ids(clickhouse, REMOVED) != [(0, 0), (0, 1)]:
            await asyncio.sleep(0.05)
    assert len(await ids(clickhouse, REMOVED)) == 2


async def test_what_was_passed_behind_the_rows_is_complete_too(
    clickhouse: ClickHouse, hurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "NOTE_SECONDS", 0.1)
    log = DecisionsLog(partitions=PASSED + 1)
    log.decide(report(), partition=PASSED)
    log.decide(Peek(NOON), Peek(NOON), partition=PASSED)
    log.decide(Peek(NOON), Peek(NOON), partition=PASSED)
    await _run_until_complete(log, clickhouse, PASSED, Place(2, 1))
    assert await ids(clickhouse, PASSED) == [(0, 0)]


async def test_a_record_that_could_not_be_decided_is_passed_where_nothing_comes_behind_it(
    clickhouse: ClickHouse, hurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "NOTE_SECONDS", 0.1)
    log = DecisionsLog(partitions=UNREADABLE + 1)
    log.decide(report(), partition=UNREADABLE)
    log.decide(partition=UNREADABLE)
    for _ in range(2):  # and goes on from there
        await _run_until_complete(log, clickhouse, UNREADABLE, Place(1, 0))
    log.decide(report(), partition=UNREADABLE)
    await _run_until_complete(log, clickhouse, UNREADABLE, Place(2, 0))
    assert await ids(clickhouse, UNREADABLE) == [(0, 0), (2, 0)]


async def _run_until_complete(log: DecisionsLog, clickhouse: ClickHouse, partition: int, place: Place) -> None:
    async with running(log, clickhouse, share=Fixed([partition])), asyncio.timeout(WITHIN):
        while not (await Freshness(clickhouse).visible()).holds(partition, place):
            await asyncio.sleep(0.05)
