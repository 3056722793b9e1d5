"""Checkpoints: what shortens a replay. Decisions first, then the changelog, then the store, in no other order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from stream.decide import forgotten_before
from stream.state import PartitionState
from stream.store import Changes

INTERVAL: Final = 0.25
MOST_CHANGES: Final = 50_000
MOST_RECORDS: Final = 2_000
MOST_BYTES: Final = 64 * 1024 * 1024


class Source(Protocol):
    """The consumer's side of a record: acknowledging it lets the group's offset pass it."""

    def ack(self) -> object: ...


class Changelog(Protocol):
    """Where a partition's changes are made durable, by its owner alone."""

    async def append(self, changes: Changes) -> int:
        """Write the changes, all or none; returns the offset of the last. Raises when the partition has a new owner."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A record that was decided: its place, when the log took it, its bytes, and its decisions' way to the broker.

    `sending` is done once they are handed over, and holds what is done once the broker acknowledged each.
    """

    source: Source
    offset: int
    appended_at: datetime
    size: int
    sending: asyncio.Future[Sequence[Awaitable[object]]]


class Checkpointer:
    """Checkpoints one partition behind its decisions, every `INTERVAL` or sooner when much has changed.

    Guarantees: the changelog holds a balance only after every decision made from it was acknowledged by the broker,
    together with the place in `usage` that it stands for, and all of a checkpoint or nothing; the store holds it only
    after the changelog; a source record is acknowledged only after both.
    """

    def __init__(self, state: PartitionState, changelog: Changelog) -> None:
        self._state = state
        self._changelog = changelog
        self._settled: list[Settled] = []
        self._bytes = 0
        self._room = asyncio.Event()
        self._room.set()
        self._work = asyncio.Event()
        self._full = asyncio.Event()
        self._finishing = False

    async def make_room(self) -> None:
        """Wait until another record may be decided: not too much is behind, so that memory stays bounded."""
        await self._room.wait()

    def add(self, settled: Settled) -> None:
        """Take note of a record in the same step that decided it: no checkpoint may come between."""
        self._settled.append(settled)
        self._bytes += settled.size
        self._work.set()
        if self._is_full():
            self._full.set()
            self._room.clear()

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
        if settled := self._take():
            last = settled[-1]
            changes = self._state.take(last.offset + 1, forgotten_before(last.appended_at))
            for record in settled:
                for sent in await record.sending:
                    await sent
            self._state.save(changes, await self._changelog.append(changes))
            for record in settled:
                record.source.ack()

    def _take(self) -> list[Settled]:
        settled, self._settled, self._bytes = self._settled, [], 0
        if not self._finishing:
            self._work.clear()
            self._full.clear()
        self._room.set()
        return settled

    async def _until_due(self) -> None:
        try:
            async with asyncio.timeout(INTERVAL):
                await self._full.wait()
        except TimeoutError:
            pass

    def _is_full(self) -> bool:
        return self._state.changes >= MOST_CHANGES or len(self._settled) >= MOST_RECORDS or self._bytes >= MOST_BYTES
