"""The sink's two ends in memory: a topic of decisions that only grows, and a table that can fail at any part."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from clickhouse_connect.driver.exceptions import OperationalError

from metering.balance import NEW_BALANCE, Balance, Place
from metering.command import Command, Report
from metering.decision import decide
from metering.grant import Grant
from metering.meter import Aggregation, Behavior
from sql.clickhouse import Moved
from sql.native import Coded, Column
from stream.records import VERSION, Batch, Decided, Rules, encode
from stream.share import Reassigned
from stream.sink import Sink

NOON = datetime(2026, 11, 5, 12, tzinfo=UTC)
DEADLINE = 5.0


def grant(**others: Any) -> Grant:
    names = {"organization_id": "acme", "instance_id": "prod-id", "instance_slug": "prod", **others}
    entitlement = {"entitlement_id": "calls-id", "entitlement_slug": "calls"}
    held = {"license_id": "gold-id", "license_slug": "gold", "license_version": "3", "license_active": True}
    return Grant(**{"aggregation": Aggregation.SUM, "limit": Decimal(-1), **entitlement, **held, **names})


def report(
    value: str = "1", received_at: datetime = NOON, *, timestamp: datetime | None = None, **others: Any
) -> Report:
    return Report(Decimal(value), Behavior.APPEND, timestamp or received_at, received_at, "collector", **others)


@dataclass
class Written:
    """One record of the topic, as a consumer gets it."""

    partition: int
    offset: int
    value: bytes


@dataclass
class DecisionsLog:
    """The topic, and the worker that writes it: each record of commands is decided and appended."""

    partitions: int = 1
    records: list[list[Written]] = field(default_factory=list)
    held_against: Grant = field(default_factory=grant)
    appended: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.records = [[] for _ in range(self.partitions)]
        self.first = [0] * self.partitions
        self._balances: list[Balance] = [NEW_BALANCE] * self.partitions
        self._usage_offsets = [0] * self.partitions

    def decide(self, *commands: Command, partition: int = 0) -> None:
        offset = self._usage_offsets[partition]
        self._usage_offsets[partition] += 1
        answers = []
        for position, command in enumerate(commands):
            place = Place(offset, position)
            self._balances[partition], answer = decide(self._balances[partition], command, self.held_against, place)
            answers.append(answer)
        held, which = [self.held_against], [0] * len(commands)
        batch = encode(Batch(VERSION, b"origin__", 1, None, Rules(), held, which, list(commands)))
        self.append(encode(Decided(VERSION, partition, offset, answers, batch)), partition)

    def append(self, value: bytes, partition: int = 0) -> None:
        self.records[partition].append(Written(partition, len(self.records[partition]), value))
        self.appended.set()

    def forget(self, until: int, partition: int = 0) -> None:
        """What retention does: the records below this offset are gone."""
        self.first[partition] = until

    def repeat(self, first: int, last: int, partition: int = 0) -> None:
        """A worker that was killed decides again: the same records once more, at the topic's end."""
        for record in self.records[partition][first : last + 1]:
            self.append(record.value, partition)


class LogFeed:
    """Reads a `DecisionsLog` as `DecisionsFeed` reads the topic."""

    def __init__(self, log: DecisionsLog, most: int = 100) -> None:
        self._log = log
        self._most = most
        self._offsets: dict[int, int] = {}

    async def partitions(self) -> set[int]:
        return set(range(self._log.partitions))

    async def open(self, offsets: Mapping[int, int | None]) -> None:
        self._offsets = {partition: offset or 0 for partition, offset in offsets.items()}

    async def poll(self) -> dict[int, list[Written]]:
        while not (polled := self._next()):
            self._log.appended.clear()
            await self._log.appended.wait()
        return polled

    def ends(self) -> dict[int, int]:
        return {partition: len(records) for partition, records in enumerate(self._log.records)}

    async def close(self) -> None: ...

    def _next(self) -> dict[int, list[Written]]:
        polled = {}
        for partition, wanted in self._offsets.items():
            offset = max(wanted, self._log.first[partition])
            records = self._log.records[partition][offset : offset + self._most]
            self._offsets[partition] = offset + len(records)
            if records:
                polled[partition] = records
        return polled


class Table:
    """The table in memory: a part goes in whole, or not at all, and only where the rows end as its INSERT says."""

    def __init__(self) -> None:
        self.parts: list[list[dict[str, Any]]] = []
        self.passed: list[tuple[Any, ...]] = []
        self.tokens: set[str] = set()
        """Of all INSERTs; what was never there, though a test takes it away again, is to be forgotten here too."""
        self.failures = 0

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [row for part in self.parts for row in part]

    @property
    def ids(self) -> list[tuple[int, int, int]]:
        return [(row["partition"], row["offset"], row["position"]) for row in self.rows]

    async def append(
        self,
        name: str,
        names: Sequence[str],
        columns: Sequence[Column],
        *,
        token: str,
        lane: Sequence[int],
        ends: Sequence[tuple[int, int, int]],
    ) -> None:
        assert name == "decisions"
        self._fail()
        if [(p, *last) for p, last, _ in await self.query("places") if p in lane] != [*ends]:
            raise Moved("moved")
        await asyncio.sleep(0)
        if token not in self.tokens:
            self.tokens.add(token)
            rows = zip(*(c.values if isinstance(c, Coded) else c for c in columns), strict=True)
            self.parts.append([dict(zip(names, row, strict=True)) for row in rows])

    async def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self._fail()
        if table == "decisions":
            self.parts.append([dict(zip(columns, row, strict=True)) for row in rows])
            return
        assert table == "passed"
        self.passed += [((p, (r, q), (o, s), at)) for p, r, q, o, s, at in rows]

    async def query(self, name: str) -> list[tuple[Any, ...]]:
        if name == "passed":
            return self.passed
        assert name == "places"
        return [self._place(partition) for partition in sorted({row["partition"] for row in self.rows})]

    def _place(self, partition: int) -> tuple[int, tuple[int, int], int]:
        rows = [row for row in self.rows if row["partition"] == partition]
        decided_at = max(row["offset"] + row["decided_ahead"] for row in rows)
        return partition, max((row["offset"], row["position"]) for row in rows), decided_at

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise OperationalError("away")


class Fixed:
    """A share of these lanes, until others are given."""

    def __init__(self, *lanes: Collection[int]) -> None:
        self._lanes = [frozenset(lane) for lane in lanes]
        self._changed = asyncio.Event()

    def give(self, *lanes: Collection[int]) -> None:
        self._lanes = [frozenset(lane) for lane in lanes]
        self._changed.set()

    async def join(self) -> list[frozenset[int]]:
        self._changed.clear()
        return self._lanes

    async def hold(self) -> None:
        await self._changed.wait()
        raise Reassigned

    async def close(self) -> None: ...


def sink_of(log: DecisionsLog, table: Any, *, share: Any = None, most_a_poll: int = 100, **others: Any) -> Sink:
    """A sink that copies from `log` to `table`, all of it in one lane unless `share` says otherwise."""
    return Sink(share or Fixed(range(log.partitions)), table, lambda: LogFeed(log, most_a_poll), **others)  # type: ignore[arg-type, return-value]


@asynccontextmanager
async def running(log: DecisionsLog, table: Any, **others: Any) -> AsyncIterator[Sink]:
    """A sink at work, cancelled in the end as if killed."""
    sink = sink_of(log, table, **others)
    task = asyncio.create_task(sink.run())
    try:
        yield sink
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():  # it watches a table, which tells nobody
            await asyncio.sleep(0.005)
