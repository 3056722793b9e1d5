"""Missed events: what a stream did not tell while its client was away, read from ClickHouse page by page."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from api.audit_event import named
from api.audit_filter import Filter
from api.audit_search import Searched
from api.broadcast import Chunk, block
from api.live_event import Wanted
from api.trail import Turns
from metering.balance import Place
from sql.clickhouse import ClickHouse
from stream.position import LogPosition

#: Rows that one page holds at most, over all partitions.
PAGE: Final = 4_000
#: Pages that are read at once, each for another organization: who catches up leaves readers for everybody else.
_AT_ONCE: Final = 2
#: Records, over all partitions, that the first page looks through.
_FIRST_SPAN: Final = 1_000
#: Seconds after which a page took long: the next one looks through less.
_LONG: Final = 0.5

Rows = list[dict[str, Any]]


class Missed:
    """What the streams of this process are told from the table."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse
        self._turns = Turns(at_once=1, wait=None)
        self._free = asyncio.Semaphore(_AT_ONCE)

    def pages(self, wanted: Wanted) -> Pages:
        """For one stream."""
        return Pages(self._clickhouse, self._turns, self._free, wanted)


class Pages:
    """Reads on for one stream, each page from a span of the log that suits how often there is something for it.

    A page so costs the same however much lies before it: the table is sorted by instance and time, and asked for all
    that comes next in the log it would have to look at everything.
    """

    def __init__(self, clickhouse: ClickHouse, turns: Turns, free: asyncio.Semaphore, wanted: Wanted) -> None:
        self._clickhouse = clickhouse
        self._turns = turns
        self._free = free
        self._wanted = wanted
        self._span = _FIRST_SPAN

    async def after(self, since: LogPosition) -> Chunk:
        """What is wanted and comes next after `since`, as far as there are rows. Raises `Unavailable`."""
        async with self._turns.take(self._wanted.organization_id), self._free:
            end = await self._end()
            if since.covers(end):
                return Chunk(b"", since)
            until = _ahead(since, end, self._span)
            begun = time.monotonic()
            rows = await self._rows(since, until)
        self._suit(len(rows), time.monotonic() - begun)
        return self._told(rows, since, until)

    async def _end(self) -> LogPosition:
        """Where the rows end."""
        return LogPosition({row[0]: Place(*row[1]) for row in await self._clickhouse.query("places")})

    async def _rows(self, since: LogPosition, until: LogPosition) -> Rows:
        wanted = self._wanted
        name, scope = "organization_since", {"organization": wanted.organization_id}
        if wanted.instance_id is not None:
            name, scope = "instance_since", {**scope, "instance": wanted.instance_id}
        only = Filter(sorted(wanted.statuses), entitlement=wanted.entitlement, token=wanted.token, search=wanted.search)
        found = await self._clickhouse.query(name, **scope, **only.parameters, **_range(since, until), limit=PAGE)
        return [named(row) for row in found]

    def _suit(self, found: int, seconds: float) -> None:
        if found == PAGE or seconds > _LONG:
            self._span = max(1, self._span // 2)
        elif found < PAGE // 8:
            self._span *= 4
        elif found < PAGE // 2:
            self._span *= 2

    def _told(self, rows: Rows, since: LogPosition, until: LogPosition) -> Chunk:
        position, blocks = since, []
        for row in _by_time(rows):
            position = position.at(row["partition"], Place(row["offset"], row["position"]))
            if self._wanted.takes(Searched(row)):
                blocks.append(block(row, position))
        return Chunk(b"".join(blocks), position.joined(_read_whole(rows, until)))


def _ahead(since: LogPosition, end: LogPosition, span: int) -> LogPosition:
    """So many records further in all; in each partition its share of what is left there, so that all end together."""
    left = {partition: _records(since[partition], place) for partition, place in end.items()}
    whole = sum(left.values())
    further = {partition: -(-left[partition] * span // whole) for partition in end}
    return LogPosition(
        {partition: min(place, _place(since[partition], further[partition])) for partition, place in end.items()}
    )


def _records(since: Place, end: Place) -> int:
    """How many hold anything that lies between."""
    return end.offset - since.offset + 1 if since < end else 0


def _place(since: Place, further: int) -> Place:
    return Place(since.offset + further, 0) if further else since


def _read_whole(rows: Rows, until: LogPosition) -> LogPosition:
    """How far the rows reach without their own places: a full page ends in one partition, and lacks those behind it."""
    last = rows[-1]["partition"] if len(rows) == PAGE else max(until) + 1
    return LogPosition({partition: place for partition, place in until.items() if partition < last})


def _by_time(rows: Rows) -> Iterator[dict[str, Any]]:
    """In log order within a partition, roughly by time between them."""
    found: defaultdict[int, Rows] = defaultdict(list)
    for row in rows:
        found[row["partition"]].append(row)
    yield from heapq.merge(*found.values(), key=lambda row: row["received_at"])


def _range(since: LogPosition, until: LogPosition) -> dict[str, Any]:
    """The parameters that name what lies between: an array element a partition."""
    partitions = range(max(until) + 1)
    ends = {p: until[p] for p in partitions}
    starts = {p: min(since[p], ends[p]) for p in partitions}
    open_ones = [p for p in partitions if starts[p] < ends[p]]
    return {
        "since_offsets": [starts[p].offset for p in partitions],
        "since_positions": [starts[p].position for p in partitions],
        "until_offsets": [ends[p].offset for p in partitions],
        "until_positions": [ends[p].position for p in partitions],
        "lowest": max(0, min(starts[p].offset for p in open_ones)),
        "highest": max(ends[p].offset for p in open_ones),
    }
