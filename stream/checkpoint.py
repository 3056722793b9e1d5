"""Checkpoints: what shortens a replay. Decisions first, then balances, then the source offset, in no other order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from stream.state import PartitionState
from stream.store import Changes

INTERVAL: Final = 0.25
MOST_CHANGES: Final = 50_000
MOST_RECORDS: Final = 2_000

#: How much log time one checkpoint may span, well below the shortest memory of a transaction: half a checkpoint that
#: survived a crash must not hold a receipt that was made anew after an earlier one of its id expired.
LONGEST_SPAN: Final = timedelta(minutes=5)
#: How far the clocks of those who stamp commands may lie apart before an expired receipt is missed.
CLOCKS_APART: Final = timedelta(hours=1)


class Source(Protocol):
    """The consumer's side of a record: acknowledging it lets the group's offset pass it."""

    def ack(self) -> object: ...


class Changelog(Protocol):
    """Where a partition's changes are made durable."""

    async def append(self, partition: int, changes: Changes) -> int:
        """Write the changes in order; returns the offset of the last one once the log holds them all."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A record that was decided: its source, where and when it stands in the log, its decisions on their way."""

    source: Source
    offset: int
    received_at: datetime | None
    sent: Sequence[Awaitable[object]]


class Checkpointer:
    """Checkpoints one partition behind its decisions, every `INTERVAL` or `MOST_CHANGES`, while there is anything new.

    Guarantees: a balance is in the changelog only after every decision made from it was acknowledged by the broker,
    in the store only after it is in the changelog, and a source record is acknowledged only after both.
    """

    def __init__(
        self,
        partition: int,
        state: PartitionState,
        changelog: Changelog,
        committed: Callable[[], int | None],
    ) -> None:
        self._partition = partition
        self._state = state
        self._changelog = changelog
        self._committed = committed
        self._settled: list[Settled] = []
        self._begun_at: datetime | None = None
        self._log_times: deque[tuple[int, datetime]] = deque()
        self._room = asyncio.Event()
        self._room.set()
        self._work = asyncio.Event()
        self._full = asyncio.Event()
        self._finishing = False

    async def make_room(self, log_time: datetime) -> None:
        """Wait until a record of this log time may be decided: not too many are behind, nor too long ago."""
        if self._begun_at is not None and abs(log_time - self._begun_at) > LONGEST_SPAN:
            self._hurry()
        await self._room.wait()

    def add(self, settled: Settled) -> None:
        """Take note of a decided record."""
        self._settled.append(settled)
        self._begun_at = self._begun_at or settled.received_at
        self._work.set()
        if self._state.changes >= MOST_CHANGES or len(self._settled) >= MOST_RECORDS:
            self._hurry()

    async def run(self) -> None:
        """Checkpoint until `finish`; an error ends it and is the caller's to act on."""
        while not self._finishing:
            await self._work.wait()
            await self._until_due()
            await self.checkpoint()
        await self.checkpoint()

    def finish(self) -> None:
        """Make `run` return after one last checkpoint, without waiting for it to be due."""
        self._finishing = True
        self._work.set()
        self._full.set()

    async def checkpoint(self) -> None:
        """Make everything settled so far durable, and acknowledge its source."""
        settled, self._settled, self._begun_at = self._settled, [], None
        changes = self._state.take(self._forget_before())
        if not self._finishing:
            self._work.clear()
            self._full.clear()
        self._room.set()
        await asyncio.gather(*(future for record in settled for future in record.sent))
        if changes:
            offset = await self._changelog.append(self._partition, changes)
            self._state.save(changes, offset)
        for record in settled:
            record.source.ack()
        self._note_log_time(settled)

    async def _until_due(self) -> None:
        try:
            async with asyncio.timeout(INTERVAL):
                await self._full.wait()
        except TimeoutError:
            pass

    def _hurry(self) -> None:
        self._full.set()
        self._room.clear()

    def _note_log_time(self, settled: Sequence[Settled]) -> None:
        for record in reversed(settled):
            if record.received_at is not None:
                self._log_times.append((record.offset, record.received_at))
                return

    def _forget_before(self) -> datetime | None:
        """The log time of the last checkpoint that no replay can start before: its offset is committed."""
        committed = self._committed()
        passed: datetime | None = None
        while committed is not None and self._log_times and self._log_times[0][0] < committed:
            passed = self._log_times.popleft()[1] - CLOCKS_APART
        return passed
