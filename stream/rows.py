"""Rows: decisions as they stand in the audit trail, and which of them may go in as one part."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, cast

import msgspec

from metering.balance import Counter, Place
from metering.command import Command, Report
from metering.decision import Decision, Status
from metering.grant import Grant, Line
from metering.meter import Behavior
from metering.period import LIFETIME, Period
from metering.quantity import EXACT, plain
from sql.instants import END, EPOCH, bounds_of_quarter, micros, moment_at, quarter_of
from sql.native import Coded, Column
from stream.records import Decided, decision_id, decode_batch

log: Final = logging.getLogger(__name__)

Row = tuple[object, ...]

TABLE: Final = "decisions"
_OF_GRANT: Final = (
    *("organization_id", "instance_id", "instance_slug", "entitlement_id", "entitlement_slug"),
    *("license_id", "license_slug", "license_version", "limit", "overage_percent"),
)
_OF_PLACE: Final = ("received_at", "partition", "offset", "position", "decided_ahead")
_OF_COMMAND: Final = ("token", "behavior", "event_lag", "value", "transaction", "metadata")
_OF_DECISION: Final = (
    *("status", "sequence", "adjustment", "after", "uncounted", "period_start", "period_end"),
    *("reason", "crossing", "rolled_over"),
)
COLUMNS: Final = (*_OF_PLACE, *_OF_GRANT, *_OF_COMMAND, *_OF_DECISION)

_OWN: Final = (*_OF_PLACE, *_OF_COMMAND, *_OF_DECISION)

LARGEST_PART: Final = 200_000
_CROSSINGS: Final = {line: "" if line is Line.NONE else line.name.lower() for line in Line}
_to_json: Final = msgspec.json.Encoder(decimal_format="number").encode


class RolledOver(msgspec.Struct, frozen=True):
    """The counter that a decision closed, as its payload tells it."""

    value: Decimal
    event_count: int
    period_start: datetime | None
    period_end: datetime | None


class Rows:
    """Decisions as rows, column by column: as the table takes them, and so that most of them cost little.

    A grant is the same for row after row, so its cells are kept once, and which one a row has.
    """

    def __init__(self) -> None:
        self._own: tuple[list[Any], ...] = tuple([] for _ in _OWN)
        self._grants: list[Grant] = []
        self._number_of: dict[int, int] = {}
        self._grant_of: list[int] = []

    def __len__(self) -> int:
        return len(self._grant_of)

    def __iter__(self) -> Iterator[Row]:
        """The rows of `COLUMNS`, one by one."""
        return zip(*(_values(column) for column in self.columns), strict=True)

    @property
    def columns(self) -> list[Column]:
        """The columns of `COLUMNS`."""
        cells = [*zip(*map(_grant_cells, self._grants), strict=True)] or [()] * len(_OF_GRANT)
        of_grant = [Coded(values, self._grant_of) for values in cells]
        return [*self._own[: len(_OF_PLACE)], *of_grant, *self._own[len(_OF_PLACE) :]]

    def last_places(self) -> Mapping[int, tuple[int, int]]:
        """The place of the last row of each partition."""
        _, partitions, offsets, positions, _ = self._own[: len(_OF_PLACE)]
        return dict(zip(partitions, zip(offsets, positions, strict=True), strict=True))

    def extend(self, others: Rows) -> None:
        self._add(others._own, others._grants, others._grant_of)

    def parts(self) -> Iterator[Rows]:
        """Cut the rows, in their order, where one INSERT can no longer be one part: at a quarter's end, and when large.

        The order is what lets a partition's highest place speak for all below it, so no row overtakes another to save
        a part, even where clocks disagree about the quarter.
        """
        for start, end in _cuts(self._own[0]):
            yield self._between(start, end)

    def _between(self, start: int, end: int) -> Rows:
        if (start, end) == (0, len(self)):
            return self
        part = Rows()
        part._add([column[start:end] for column in self._own], self._grants, self._grant_of[start:end])
        return part

    def _add(self, own: Iterable[Sequence[Any]], grants: Sequence[Grant], grant_of: Sequence[int]) -> None:
        for column, more in zip(self._own, own, strict=True):
            column.extend(more)
        numbers = [*map(self._number, grants)]
        self._grant_of.extend(map(numbers.__getitem__, grant_of))

    def _number(self, grant: Grant) -> int:
        if (number := self._number_of.get(id(grant))) is None:  # by what it is, not what it says: that would be hashed
            number = self._number_of[id(grant)] = len(self._grants)
            self._grants.append(grant)
        return number

    def take(self, decided: Decided, decided_at: int, after: Place) -> None:
        """Add the record's decisions on commands that stand after `after`, in log order.

        `decided_at` is the record's own offset in `decisions`. Repeated answers and peeks leave no row, nor does a
        command that was received when the table has no quarter for it. Raises `msgspec.DecodeError` when the batch
        inside cannot be read, and adds nothing then.
        """
        if not decided.batch:
            return
        batch = decode_batch(decided.batch)
        first = after.position + 1 if decided.offset == after.offset else 0
        kept = [
            position
            for position, (answer, command) in enumerate(zip(decided.answers, batch.commands, strict=True))
            if type(answer) is Decision and position >= first and _has_a_quarter(command, decided, position)
        ]
        answers: list[Any] = [decided.answers[position] for position in kept]
        commands = [batch.commands[position] for position in kept]
        received = [micros(command.received_at) for command in commands]
        of_place = (received, [decided.partition] * len(kept), [decided.offset] * len(kept), kept)
        own = (
            *of_place,
            [decided_at - decided.offset] * len(kept),
            *_command_columns(commands, received),
            *_decision_columns(answers, commands),
        )
        self._add(own, batch.grants, [batch.grant_of[position] for position in kept])


def rows_of(decided: Decided, decided_at: int, after: Place) -> list[Row]:
    """What `Rows.take` adds of one record, row by row."""
    rows = Rows()
    rows.take(decided, decided_at, after)
    return [*rows]


def parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Cut rows as `Rows.parts` does."""
    for start, end in _cuts([row[0] for row in rows]):
        yield rows[start:end]


def _cuts(received: Sequence[Any]) -> Iterator[tuple[int, int]]:
    """From where to where the rows that were received then may go in as one part."""
    start = 0
    while start < len(received):
        quarter, most = _micros_of_its_quarter(received[start]), min(start + LARGEST_PART, len(received))
        end = next((at for at in range(start, most) if received[at] not in quarter), most)
        yield start, end
        start = end


def _values(column: Column) -> Column:
    return column.values if isinstance(column, Coded) else column


def _has_a_quarter(command: Command, decided: Decided, position: int) -> bool:
    if EPOCH <= command.received_at < END:
        return True
    place = decision_id(decided.partition, Place(decided.offset, position))
    log.error("decision %s was received at %s, which no row can say: it is left out", place, command.received_at)
    return False


def _grant_cells(grant: Grant) -> Row:
    return (
        grant.organization_id,
        grant.instance_id,
        grant.instance_slug,
        grant.entitlement_id,
        grant.entitlement_slug,
        grant.license_id,
        grant.license_slug,
        grant.license_version,
        grant.limit,
        grant.overage_percent,
    )


def _command_columns(commands: Sequence[Command], received: Sequence[int]) -> tuple[list[Any], ...]:
    """The columns of `_OF_COMMAND`."""
    if all(type(command) is Report for command in commands):
        reports = cast("Sequence[Report]", commands)
        return (
            [report.token for report in reports],
            [report.behavior.value for report in reports],
            [
                0 if report.timestamp == report.received_at else now - micros(report.timestamp)
                for report, now in zip(reports, received, strict=True)
            ],
            [report.value for report in reports],
            [report.transaction_id for report in reports],
            [report.metadata.decode(errors="replace") if report.metadata else "" for report in reports],
        )
    one_by_one = [_cells_of(command, now) for command, now in zip(commands, received, strict=True)]
    return tuple([*column] for column in zip(*one_by_one, strict=True)) or tuple([] for _ in _OF_COMMAND)


def _cells_of(command: Command, received: int) -> Row:
    if type(command) is Report:
        return tuple(cell for (cell,) in _command_columns([command], [received]))
    return (getattr(command, "token", ""), "", 0, None, None, "")


def _decision_columns(decisions: Sequence[Decision], commands: Sequence[Command]) -> tuple[list[Any], ...]:
    """The columns of `_OF_DECISION`."""
    bounds = _bounds([decision.period for decision in decisions])
    return (
        [decision.status.value for decision in decisions],
        [decision.sequence for decision in decisions],
        [*map(_adjustment, decisions, commands)],
        [decision.after for decision in decisions],
        [decision.sequence - decision.events for decision in decisions],
        [start for start, _ in bounds],
        [end for _, end in bounds],
        [decision.reason.value if decision.reason else "" for decision in decisions],
        [_CROSSINGS[decision.crossing] for decision in decisions],
        [_rolled_over(decision.rolled_over) if decision.rolled_over else "" for decision in decisions],
    )


def _adjustment(decision: Decision, command: Command) -> Decimal:
    """By what the meter moved beside the value that was added to it."""
    moved = EXACT.subtract(decision.after, decision.before)
    if type(command) is Report and decision.status is Status.ACCEPTED and command.behavior is Behavior.APPEND:
        return EXACT.subtract(moved, command.value)
    return moved


def _bounds(periods: Iterable[Period]) -> list[tuple[int | None, int | None]]:
    """Start and end of each; neighbours mostly lie in the same."""
    found: list[tuple[int | None, int | None]] = []
    last: Period = LIFETIME
    bounds: tuple[int | None, int | None] = (None, None)
    for period in periods:
        if period != last:
            last, bounds = period, (_instant(period.start), _instant(period.end))
        found.append(bounds)
    return found


def _instant(moment: datetime | None) -> int | None:
    return None if moment is None else micros(moment)


def _rolled_over(closed: Counter) -> str:
    return _to_json(RolledOver(plain(closed.shown), closed.events, closed.period.start, closed.period.end)).decode()


def _micros_of_its_quarter(count: int) -> range:
    return range(*map(micros, bounds_of_quarter(quarter_of(moment_at(count)))))
