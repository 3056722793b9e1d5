"""The sink: decisions from the log into ClickHouse, each once.

The rows are their own offset store. At start the sink asks them for the highest place of each partition, goes on
reading `decisions` at the record that brought it, and skips commands at or below; one INSERT is there or not. So it
can be killed between any two steps, and a failed step is answered by starting over from the rows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec
from aiokafka.errors import KafkaError
from clickhouse_connect.driver.exceptions import ClickHouseError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from metering.balance import Place
from metering.problems import Unavailable
from sql.clickhouse import ClickHouse
from stream.feed import DecisionsFeed, DecisionsLost, Record
from stream.records import Decided, decode_decided
from stream.rows import COLUMNS, TABLE, Row, parts, rows_of
from stream.topics import DECISIONS

#: Rows read and not yet written, after which reading waits.
MOST_WAITING: Final = 50_000
#: A part costs merging, so groups start no closer than this; one that comes after a pause goes at once.
PACE_SECONDS: Final = 0.1

_AWAY: Final = (KafkaError, ClickHouseError, Unavailable, OSError)

log: Final = logging.getLogger(__name__)


class Feed(Protocol):
    """What the sink reads from; `DecisionsFeed` is the real one."""

    async def partitions(self) -> set[int]: ...
    async def open(self, offsets: Mapping[int, int | None]) -> None: ...
    async def poll(self) -> Mapping[int, Sequence[Record]]: ...
    def ends(self) -> Mapping[int, int]: ...
    async def close(self) -> None: ...


@dataclass
class Reading:
    """How far one partition has been read: the last command taken, None before the first record of an empty table."""

    partition: int
    last: Place | None = None
    skips_lost: bool = False
    read_to: int = 0
    """The offset of `decisions` behind the last record that was read."""

    def take(self, record: Record) -> list[Row]:
        """The rows that this record adds; none when it was taken before. Raises `DecisionsLost` on a hole."""
        self.read_to = record.offset + 1
        decided = _decoded(record)
        if decided is None:
            return []
        last = self.last or Place(decided.offset, -1)
        if decided.offset > last.offset + 1 and not self.skips_lost:
            raise DecisionsLost(
                f"Partition {self.partition} of {DECISIONS}: after the decisions of usage record {last.offset} come "
                f"those of {decided.offset}, at offset {record.offset}. Bring back the records between, from a copy of "
                f"the topic, and start again; or start once with TIDEMARK_SKIP_LOST_DECISIONS=true, to go on without."
            )
        if decided.offset < last.offset:
            return []
        self.last = max(last, Place(decided.offset, len(decided.answers) - 1))
        return _rows(decided, record, last)


@dataclass
class Group:
    """Rows that wait to be written, and the offset of `usage` that each partition is complete to with them.

    `read_to` is the offset of `decisions` behind the last record in it.
    """

    rows: list[Row] = field(default_factory=list)
    complete_to: dict[int, int] = field(default_factory=dict)
    read_to: dict[int, int] = field(default_factory=dict)

    def add(self, rows: Iterable[Row], readings: Iterable[Reading]) -> None:
        self.rows.extend(rows)
        self.complete_to.update({reading.partition: reading.last.offset for reading in readings if reading.last})
        self.read_to.update({reading.partition: reading.read_to for reading in readings})


class Backlog:
    """The group that fills while another is written. Bounded: a slow table slows the reading."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._group = Group()
        self._changed = asyncio.Condition()

    async def put(self, rows: Iterable[Row], readings: Iterable[Reading]) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._group.rows) < self._most)
            self._group.add(rows, readings)
            self._changed.notify_all()

    async def take(self) -> Group:
        """All that came meanwhile; waits until there is something."""
        async with self._changed:
            await self._changed.wait_for(lambda: bool(self._group.complete_to))
            group, self._group = self._group, Group()
            self._changed.notify_all()
            return group


class Sink:
    """Copies `decisions` into the table.

    `partitions` (None: all) lets several sinks share the work. `skips_lost` goes on behind a hole in the decisions: for
    a person to say, who has seen it.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        clickhouse: ClickHouse,
        *,
        partitions: Collection[int] | None = None,
        skips_lost: bool = False,
        open_feed: Callable[[str], Feed] = DecisionsFeed,
    ) -> None:
        self.complete_to: dict[int, int] = {}
        """Per partition, the offset of `usage` up to which every decision's row is in the table."""
        self.is_copying = False
        """Whether it reads on where the rows end; false while Kafka or ClickHouse are away."""
        self.rows_written = 0
        """By this process."""
        self._written_to: dict[int, int] = {}
        self._feed: Feed | None = None
        self._bootstrap_servers = bootstrap_servers
        self._clickhouse = clickhouse
        self._partitions = partitions
        self._skips_lost = skips_lost
        self._open_feed = open_feed

    @property
    def lag(self) -> int | None:
        """How many records of `decisions` are not in the table yet, as far as it has been heard; None: not at all."""
        ends = self._feed.ends() if self._feed is not None else {}
        known = ends.keys() & self._written_to.keys()
        return sum(max(0, ends[partition] - self._written_to[partition]) for partition in known) if known else None

    async def run(self) -> None:
        """Copy until cancelled. Starts over from the rows whenever Kafka or ClickHouse fail; raises `DecisionsLost`."""
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(_AWAY),
            wait=wait_exponential_jitter(multiplier=0.2, max=2, jitter=0.2),
            before_sleep=_say_why,
        ):
            with attempt:
                await self._copy()

    async def _copy(self) -> None:
        feed = self._open_feed(self._bootstrap_servers)
        try:
            readings = await self._go_on(feed)
            backlog = Backlog(MOST_WAITING)
            self._feed, self.is_copying = feed, True
            await _together(_read(feed, readings, backlog), self._write(backlog))
        finally:
            self._feed, self.is_copying = None, False
            await feed.close()

    async def _go_on(self, feed: Feed) -> dict[int, Reading]:
        """Open the feed where the rows end."""
        found = await feed.partitions()
        wanted = found if self._partitions is None else found.intersection(self._partitions)
        places = {partition: (Place(*last), at) for partition, last, at in await self._clickhouse.query("places")}
        readings = {partition: Reading(partition, skips_lost=self._skips_lost) for partition in wanted}
        for partition in wanted & places.keys():
            readings[partition].last, self._written_to[partition] = places[partition]
            last = places[partition][0]
            self.complete_to.setdefault(partition, last.offset - 1)
        await feed.open({partition: places[partition][1] if partition in places else None for partition in wanted})
        return readings

    async def _write(self, backlog: Backlog) -> None:
        while True:
            group = await backlog.take()
            pace = asyncio.create_task(asyncio.sleep(PACE_SECONDS))
            for part in parts(group.rows):
                await self._clickhouse.insert(TABLE, COLUMNS, part)
                self.rows_written += len(part)
            self.complete_to.update(group.complete_to)
            self._written_to.update(group.read_to)
            await pace


async def _read(feed: Feed, readings: Mapping[int, Reading], backlog: Backlog) -> None:
    while True:
        for partition, records in (await feed.poll()).items():
            rows = await asyncio.to_thread(_take_all, readings[partition], records)
            await backlog.put(rows, [readings[partition]])


def _take_all(reading: Reading, records: Iterable[Record]) -> list[Row]:
    return [row for record in records for row in reading.take(record)]


def _decoded(record: Record) -> Decided | None:
    try:
        decided = decode_decided(record.value or b"")
    except msgspec.DecodeError as error:
        _say_skipped(record, str(error))
        return None
    if decided.partition == record.partition:
        return decided
    _say_skipped(record, f"decisions of partition {decided.partition}")
    return None


def _rows(decided: Decided, record: Record, after: Place) -> list[Row]:
    try:
        return rows_of(decided, record.offset, after)
    except (msgspec.DecodeError, ValueError, LookupError) as error:
        _say_skipped(record, str(error))
        return []


def _say_skipped(record: Record, why: str) -> None:
    log.error("skipped record %s of partition %s of decisions: %s", record.offset, record.partition, why)


def _say_why(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning("the sink starts over from the rows (attempt %s): %r", state.attempt_number, error)


async def _together(*loops: Any) -> None:
    """Run endless loops side by side until one fails; raises its error itself, not a group of one."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for loop in loops:
                tasks.create_task(loop)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures
