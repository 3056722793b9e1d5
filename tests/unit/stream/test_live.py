"""What is told live: each decision once, in order, from where the rows end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from metering.balance import NOWHERE, Place
from metering.problems import Unavailable
from stream import live
from stream.live import Heard, Live
from stream.position import LogPosition
from stream.records import decode_decided
from stream.rows import COLUMNS, rows_of
from tests.decisions_log import DecisionsLog, LogFeed, Table, eventually, report


class Told:
    """A live feed over a log in memory, and what it told."""

    def __init__(self, log: DecisionsLog, table: Table, **others: Any) -> None:
        self.heard: list[Heard] = []
        self.opened = 0
        self.failures = 0
        self._log = log
        self.live = Live("nowhere", table, open_feed=self._open, **others)  # type: ignore[arg-type]
        self.live.listener = self.heard.append

    @property
    def ids(self) -> list[str]:
        return [event.decision_id for heard in self.heard for event in heard.events]

    def _open(self, _: str) -> Any:
        self.opened += 1
        if self.failures:
            self.failures -= 1
            raise KafkaConnectionError("away")
        return LogFeed(self._log)


@asynccontextmanager
async def telling(log: DecisionsLog, table: Table | None = None, **others: Any) -> AsyncIterator[Told]:
    told = Told(log, table or Table(), **others)
    running = asyncio.create_task(told.live.run())
    try:
        with told.live.wanted():
            await told.live.ready()
            yield told
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def written(log: DecisionsLog) -> Table:
    """The table of a sink that has come to the log's end."""
    table = Table()
    for partition, records in enumerate(log.records):
        rows = [row for record in records for row in rows_of(decode_decided(record.value), record.offset, NOWHERE)]
        if rows:
            await table.insert("decisions", COLUMNS, rows)
        assert all(row["partition"] == partition for row in (table.parts[-1] if rows else []))
    return table


async def test_it_begins_where_the_rows_end() -> None:
    log = DecisionsLog(partitions=2)
    log.decide(report(), report())
    log.decide(report(), partition=1)
    async with telling(log, await written(log)) as told:
        assert str(told.live.position) == "0:0-1,1:0-0"
        log.decide(report(), report(), partition=1)
        await eventually(lambda: len(told.ids) == 2)
    assert told.ids == ["1-1-0", "1-1-1"]


async def test_what_was_decided_again_is_told_once() -> None:
    log = DecisionsLog()
    log.decide(report(), report())
    async with telling(log) as told:
        await eventually(lambda: len(told.ids) == 2)
        log.repeat(0, 0)
        log.decide(report())
        await eventually(lambda: len(told.ids) > 2)
    assert told.ids == ["0-0-0", "0-0-1", "0-1-0"]


async def test_what_cannot_be_read_stops_nothing() -> None:
    log = DecisionsLog()
    async with telling(log) as told:
        log.append(b"garbage")
        log.decide(report())
        await eventually(lambda: told.ids == ["0-0-0"])
        assert str(told.live.position) == "0:0-0"


async def test_after_kafka_was_away_it_goes_on_where_it_was() -> None:
    log = DecisionsLog()
    log.decide(report())
    told = Told(log, Table())
    told.failures = 2
    running = asyncio.create_task(told.live.run())
    with told.live.wanted():
        await told.live.ready()
        await eventually(lambda: told.ids == ["0-0-0"])
    running.cancel()
    assert told.opened == 3


async def test_while_nobody_listens_nothing_is_read_or_remembered() -> None:
    log = DecisionsLog()
    async with telling(log, linger=0) as told:
        log.decide(report())
        await eventually(lambda: told.ids == ["0-0-0"])
        assert told.opened == 1
    told = Told(log, Table(), linger=0)
    running = asyncio.create_task(told.live.run())
    await asyncio.sleep(0)
    assert told.opened == 0
    with pytest.raises(Unavailable):
        _ = told.live.position
    running.cancel()


def size_of(log: DecisionsLog) -> int:
    """What the first record takes in memory."""
    return live._decoded(0, log.records[0][0].value)[1]


async def test_what_was_told_after_a_position_is_remembered_as_far_as_memory_goes() -> None:
    log = DecisionsLog()
    for _ in range(3):
        log.decide(report(), report())
    async with telling(log, remembered_bytes=2 * size_of(log)) as told:
        await eventually(lambda: len(told.ids) == 6)
        missed = told.live.since(LogPosition({0: Place(1, 0)}))
        assert missed is not None
        assert [heard.last for heard in missed] == [Place(1, 1), Place(2, 1)]
        assert told.live.since(LogPosition({0: Place(2, 1)})) == []
        assert told.live.since(LogPosition({0: Place(0, 0)})) is None


async def test_a_position_that_the_log_has_not_come_to_is_waited_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    async with telling(DecisionsLog()) as told:
        monkeypatch.setattr("stream.live._READY_WITHIN", 0.05)
        with pytest.raises(Unavailable, match="not come as far"):
            await told.live.ready(LogPosition({0: Place(9, 9)}))
