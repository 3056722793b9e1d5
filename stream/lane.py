"""A lane: partitions of `decisions` that one sink at a time copies into the table, each decision once.

The rows are their own offset store. At start the lane asks them for the highest place of each partition, goes on
reading `decisions` at the record that brought it, and skips commands at or below; one INSERT is there or not. So it can
be killed between any two steps, and a failed step is answered by starting over from the rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from metering.balance import NOWHERE, Place
from stream.backlog import Backlog, Reached, Unwritten
from stream.feed import Record
from stream.reading import Reading
from stream.tail import Table, Tail

#: Rows read and not yet written, after which reading waits.
MOST_WAITING: Final = 50_000
#: A part costs merging, so INSERTs start no closer than this; one that comes after a pause goes at once.
PACE_SECONDS: Final = 0.1
#: How often what leaves no row is noted beside the rows.
NOTE_SECONDS: Final = 1.0

PASSED: Final = "passed"
_PASSED_COLUMNS: Final = ("partition", "row_offset", "row_position", "offset", "position", "decided_at")


class Feed(Protocol):
    """What a lane reads from; `DecisionsFeed` is the real one."""

    async def open(self, offsets: Mapping[int, int | None]) -> None: ...
    async def poll(self) -> Mapping[int, Sequence[Record]]: ...
    def ends(self) -> Mapping[int, int]: ...
    async def close(self) -> None: ...


@dataclass
class Progress:
    """How far a sink has come, with all its lanes."""

    complete_to: dict[int, int] = field(default_factory=dict)
    """Per partition, the offset of `usage` up to which every decision's row is in the table."""
    written_to: dict[int, int] = field(default_factory=dict)
    rows_written: int = 0


class Lane:
    """Copies the decisions of `partitions`; `skips_lost` goes on behind a hole in them."""

    def __init__(
        self,
        partitions: Collection[int],
        table: Table,
        open_feed: Callable[[], Feed],
        progress: Progress,
        *,
        skips_lost: bool = False,
    ) -> None:
        self.is_copying = False
        self.feed: Feed | None = None
        self._partitions = partitions
        self._table = table
        self._open_feed = open_feed
        self._progress = progress
        self._skips_lost = skips_lost
        self._tail = Tail(table, partitions)
        self._reached: dict[int, Reached] = {}
        self._noted: dict[int, Reached] = {}

    async def copy(self, abreast: int = 1) -> None:
        """Copy from where the rows end until something fails; so many lanes do so in this process."""
        feed = self._open_feed()
        try:
            readings = await self._go_on(feed)
            backlog = Backlog(MOST_WAITING)
            self.feed, self.is_copying = feed, True
            await together(_read(feed, readings, backlog), self._write(backlog, PACE_SECONDS * abreast), self._note())
        finally:
            self.feed, self.is_copying = None, False
            await feed.close()

    async def _go_on(self, feed: Feed) -> dict[int, Reading]:
        """Open the feed behind the rows, and behind what was passed without one."""
        self._reached = await self._found()
        await feed.open({p: self._reached[p].read_to - 1 if p in self._reached else None for p in self._partitions})
        for partition, reached in self._reached.items():
            self._progress.complete_to.setdefault(partition, reached.last.offset - 1)
            self._progress.written_to[partition] = reached.read_to - 1
        lasts = {partition: reached.last for partition, reached in self._reached.items()}
        return {p: Reading(p, lasts.get(p), skips_lost=self._skips_lost) for p in self._partitions}

    async def _found(self) -> dict[int, Reached]:
        decided_at = await self._tail.look()
        ends = {partition: self._tail.end(partition) for partition in self._partitions}
        found = {p: Reached(end, decided_at[p] + 1) for p, end in ends.items() if end is not None}
        for partition, behind, last, at in await self._table.query(PASSED):
            if partition in ends and Place(*behind) == (ends[partition] or NOWHERE):
                found[partition] = Reached(Place(*last), at + 1)
        return found

    async def _write(self, backlog: Backlog, pace_seconds: float) -> None:
        while True:
            unwritten = await backlog.take()
            pace = asyncio.create_task(asyncio.sleep(pace_seconds))
            await self._write_all(unwritten)
            await pace

    async def _write_all(self, unwritten: Unwritten) -> None:
        for part in unwritten.rows.parts():
            await self._tail.append(part)
            self._progress.rows_written += len(part)
        self._reached |= unwritten.reached
        self._progress.complete_to.update({p: reached.last.offset for p, reached in unwritten.reached.items()})
        self._progress.written_to.update({p: reached.read_to for p, reached in unwritten.reached.items()})

    async def _note(self) -> None:
        """Keep how far it has come behind the rows. What left none would look like a hole, once retention took it."""
        while True:
            await asyncio.sleep(NOTE_SECONDS)
            news = {p: reached for p, reached in self._reached.items() if self._noted.get(p) != reached}
            if not news:
                continue
            await self._tail.ensure()
            if passed := [row for p, reached in news.items() if (row := self._passed(p, reached))]:
                await self._table.insert(PASSED, _PASSED_COLUMNS, passed)
            self._noted |= news

    def _passed(self, partition: int, reached: Reached) -> tuple[int, ...] | None:
        end, last = self._tail.end(partition) or NOWHERE, reached.last
        if last <= end:
            return None
        position = max(last.position, 0)  # a record that could not be decided has no command, and was passed whole
        return (partition, end.offset, end.position, last.offset, position, reached.read_to - 1)


async def _read(feed: Feed, readings: Mapping[int, Reading], backlog: Backlog) -> None:
    while True:
        for partition, records in (await feed.poll()).items():
            rows = await asyncio.to_thread(readings[partition].take_all, records)
            await backlog.put(rows, [readings[partition]])


async def together(*loops: Coroutine[Any, Any, None]) -> None:
    """Run endless loops side by side until one fails; raises its error itself, not a group of one."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for loop in loops:
                tasks.create_task(loop)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures
