"""The tail of a lane: where its rows end. An INSERT is a compare-and-swap on it: no sink can write beside another.

Whoever holds a lane, or believes to, inserts behind the end that it knows, and names that end twice: in a condition
that the engine checks when the INSERT begins, and in a token that lets only one of those in that begin at the same end.
Of two INSERTs that overlap in time both may pass the condition, and then the token decides; else the condition does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Protocol

from metering.balance import Place
from sql.clickhouse import Moved
from sql.native import Column
from stream.rows import COLUMNS, TABLE, Rows

Ends = tuple[tuple[int, int, int], ...]
"""The place of the last row of each partition that has one, in order of partition."""

_NO_ROWS: Final[Ends] = ()


class Table(Protocol):
    """What a tail needs of ClickHouse; `sql.clickhouse.ClickHouse` is one."""

    async def append(
        self, name: str, names: Sequence[str], columns: Sequence[Column], *, token: str, **parameters: object
    ) -> None: ...
    async def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None: ...
    async def query(self, name: str, **parameters: object) -> list[tuple[Any, ...]]: ...


class Tail:
    """Kept for as long as its lane is held, over every start from the rows."""

    def __init__(self, table: Table, partitions: Collection[int]) -> None:
        self._table = table
        self._lane = sorted(partitions)
        self._busy = asyncio.Lock()
        self._ends = _NO_ROWS
        self._inserted_at: Ends | None = None
        self._vain: tuple[Ends | None, int] = (None, 0)

    def end(self, partition: int) -> Place | None:
        return next((Place(offset, position) for at, offset, position in self._ends if at == partition), None)

    async def look(self) -> Mapping[int, int]:
        """Learn where the rows end; returns, of each partition, the record of `decisions` that brought its last."""
        async with self._busy:
            self._ends, decided_at = await self._places()
            if self._ends == self._inserted_at:
                self._note_that_it_was_in_vain()
            return decided_at

    async def append(self, rows: Rows) -> None:
        """Add one part; raises `Moved` when the rows end elsewhere by now: look again."""
        async with self._busy:
            at = self._ends
            await self._table.append(TABLE, COLUMNS, rows.columns, token=self._token(at), lane=self._lane, ends=[*at])
            self._inserted_at, self._ends = at, _behind(at, rows)

    async def ensure(self) -> None:
        """Raise `Moved` unless the rows end where they are believed to: another's INSERT may have come in our place."""
        async with self._busy:
            found, _ = await self._places()
            if found != self._ends:
                raise Moved(f"the rows end at {found}, not at {self._ends}")

    async def _places(self) -> tuple[Ends, dict[int, int]]:
        places = [place for place in await self._table.query("places") if place[0] in self._lane]
        ends = tuple(sorted((partition, *last) for partition, last, _ in places))
        return ends, {partition: decided_at for partition, _, decided_at in places}

    def _note_that_it_was_in_vain(self) -> None:
        """An INSERT came back, and the rows end where it began: somebody removed rows, and the engine knows its token.

        No other may land in its place with that token either, so the next is as safe for those who came as far as this.
        """
        end, times = self._vain
        self._vain = (self._ends, times + 1 if end == self._ends else 1)

    def _token(self, at: Ends) -> str:
        end, times = self._vain
        return f"{self._lane}{[*at]}{times if end == at else 0}"


def _behind(ends: Ends, rows: Rows) -> Ends:
    last = {partition: (offset, position) for partition, offset, position in ends} | {**rows.last_places()}
    return tuple((partition, *last[partition]) for partition in sorted(last))
