"""Rows, held against the decisions: each in ClickHouse once, whole and the same, up to where the sink has come."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, Protocol

from metering.balance import NOWHERE, Place
from stream.records import Decided
from stream.rows import COLUMNS, Row, rows_of
from stream.verify.findings import Findings, Subject
from stream.verify.span import Span

#: Rows that are fetched and compared at once.
MOST_ROWS: Final = 25_000

_AT: Final = {name: at for at, name in enumerate(COLUMNS)}
#: Where a row's record stands in `decisions`: any of its repetitions.
_FREE: Final = {_AT["decided_ahead"]}


class Trail(Protocol):
    """Who answers questions to ClickHouse by their names; `sql.clickhouse.ClickHouse` is one."""

    async def query(self, name: str, **parameters: object) -> Sequence[Sequence[Any]]: ...


class Rows:
    """Gathers the rows that there should be, in log order, and compares them range by range up to `last`.

    Rows of before the verified stretch are let be, and those that retention takes.
    """

    def __init__(self, span: Span, trail: Trail, last: Place, findings: Findings) -> None:
        self._span = span
        self._trail = trail
        self._last = last
        self._findings = findings
        self._since = 0 if span.whole else None
        self._expected: list[Row] = []
        self._expired: dict[str, int] = {}

    async def add(self, decided: Decided) -> None:
        if decided.offset > self._last.offset:
            return
        if self._since is None:
            self._since = decided.offset
        self._expected += [row for row in rows_of(decided, 0, NOWHERE) if _place(row) <= self._last]
        if len(self._expected) >= MOST_ROWS:
            await self._compare(decided.offset)

    async def finish(self) -> None:
        if self._since is not None:
            await self._compare(self._last.offset)

    async def _compare(self, until: int) -> None:
        found = await self._trail.query(
            "partition_rows", partition=self._span.partition, since=self._since, until=until
        )
        await self._forget_expired()
        self._merge([row for row in found if _place(row) <= self._last and not self._is_expired(row)])
        self._expected, self._since = [], until + 1

    async def _forget_expired(self) -> None:
        """Asked after the rows were read: what was taken before was noted before."""
        self._expired = {row[0]: row[1] for row in await self._trail.query("expiries")}
        self._expected = [row for row in self._expected if not self._is_expired(row)]

    def _is_expired(self, row: Sequence[Any]) -> bool:
        until: int = self._expired.get(row[_AT["organization_id"]], 0)
        received_at: int = row[_AT["received_at"]]
        return received_at < until

    def _merge(self, found: Sequence[Sequence[Any]]) -> None:
        """Walk both, which are in order of place."""
        at = 0
        for expected in self._expected:
            while at < len(found) and _place(found[at]) < _place(expected):
                self._surplus(found[at])
                at += 1
            if at < len(found) and _place(found[at]) == _place(expected):
                self._hold(expected, found[at])
                at += 1
            else:
                self._differ(expected, "a row", "none")
        for row in found[at:]:
            self._surplus(row)

    def _hold(self, expected: Row, found: Sequence[Any]) -> None:
        self._findings.rows += 1
        differing = [
            at
            for at, (one, other) in enumerate(zip(expected, found, strict=True))
            if at not in _FREE and one != _like(one, other)
        ]
        if differing:
            self._differ(found, _cells(expected, differing), _cells(found, differing))

    def _surplus(self, row: Sequence[Any]) -> None:
        self._differ(row, "no row, or only one", "a row")

    def _differ(self, row: Sequence[Any], expected: str, found: str) -> None:
        place = _place(row)
        meter = f"{row[_AT['instance_slug']]}/{row[_AT['entitlement_slug']]}"
        self._findings.differ(Subject.ROW, self._span.id_of(place.offset, place.position), meter, expected, found)


def _place(row: Sequence[Any]) -> Place:
    return Place(row[_AT["offset"]], row[_AT["position"]])


def _like(expected: object, found: object) -> object:
    """Decimals come as text through the socket."""
    return Decimal(found) if isinstance(expected, Decimal) and isinstance(found, str) else found


def _cells(row: Sequence[Any], which: Sequence[int]) -> str:
    return ", ".join(f"{COLUMNS[at]} {row[at]}" for at in which)
