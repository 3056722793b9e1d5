"""The backlog: rows that wait for the INSERT before them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from metering.balance import Place
from stream.reading import Reading
from stream.rows import Rows


@dataclass(frozen=True)
class Reached:
    """How far a partition was taken: the place of its last command, and the offset in `decisions` behind its record."""

    last: Place
    read_to: int


@dataclass
class Unwritten:
    """Rows that wait to be written, and how far each partition is complete with them."""

    rows: Rows = field(default_factory=Rows)
    reached: dict[int, Reached] = field(default_factory=dict)

    def add(self, rows: Rows, readings: Iterable[Reading]) -> None:
        self.rows.extend(rows)
        self.reached.update({r.partition: Reached(r.last, r.read_to) for r in readings if r.last is not None})


class Backlog:
    """What fills while the rows before are written. Bounded: a slow table slows the reading."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._unwritten = Unwritten()
        self._changed = asyncio.Condition()

    async def put(self, rows: Rows, readings: Iterable[Reading]) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._unwritten.rows) < self._most)
            self._unwritten.add(rows, readings)
            self._changed.notify_all()

    async def take(self) -> Unwritten:
        """All that came meanwhile; waits until there is something."""
        async with self._changed:
            await self._changed.wait_for(lambda: bool(self._unwritten.reached))
            unwritten, self._unwritten = self._unwritten, Unwritten()
            self._changed.notify_all()
            return unwritten
