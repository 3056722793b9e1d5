"""Rows: decisions as they stand in the audit trail, and which of them may go in as one part."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import msgspec

from metering.balance import Counter, Place
from metering.command import Command, Report
from metering.decision import Decision
from metering.grant import Grant, Line
from metering.quantity import plain
from sql.instants import END, EPOCH, micros, moment_at
from stream.records import Decided, decision_id, decode_batch

log: Final = logging.getLogger(__name__)

Row = tuple[object, ...]

TABLE: Final = "decisions"
_OF_GRANT: Final = (
    *("organization_id", "instance_id", "instance_slug", "entitlement_id", "entitlement_slug"),
    *("license_id", "license_slug", "license_version", "limit", "overage_percent"),
)
_OF_PLACE: Final = ("received_at", "partition", "offset", "position", "decided_at")
_OF_COMMAND: Final = ("token", "behavior", "event_time", "value", "transaction_id", "metadata")
_OF_DECISION: Final = (
    *("status", "sequence", "before", "after", "events", "period_start", "period_end"),
    *("reason", "crossing", "rolled_over"),
)
COLUMNS: Final = (*_OF_PLACE, *_OF_GRANT, *_OF_COMMAND, *_OF_DECISION)

LARGEST_PART: Final = 200_000
_CROSSINGS: Final = {line: "" if line is Line.NONE else line.name.lower() for line in Line}
_to_json: Final = msgspec.json.Encoder(decimal_format="number").encode


class RolledOver(msgspec.Struct, frozen=True):
    """The counter that a decision closed, as its payload tells it."""

    value: Decimal
    event_count: int
    period_start: datetime | None
    period_end: datetime | None


def rows_of(decided: Decided, decided_at: int, after: Place) -> list[Row]:
    """The record's decisions on commands that stand after `after`, in log order, as rows of `COLUMNS`.

    `decided_at` is the record's own offset in `decisions`. Repeated answers and peeks leave no row, nor does a command
    that was received when the table has no month for it. Raises `msgspec.DecodeError` when the batch inside cannot be
    read.
    """
    if not decided.batch:
        return []
    batch = decode_batch(decided.batch)
    grants = [_grant_cells(grant) for grant in batch.grants]
    first = after.position + 1 if decided.offset == after.offset else 0
    return [
        (
            micros(command.received_at),
            decided.partition,
            decided.offset,
            position,
            decided_at,
            *grants[grant],
            *_command_cells(command),
            *_decision_cells(answer),
        )
        for position, (answer, command, grant) in enumerate(
            zip(decided.answers, batch.commands, batch.grant_of, strict=True)
        )
        if type(answer) is Decision and position >= first and _has_a_month(command, decided, position)
    ]


def parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Cut rows, in their order, where one INSERT can no longer be one part: at a month's end, and at `LARGEST_PART`.

    The order is what lets a partition's highest place speak for all below it, so no row overtakes another to save a
    part, even where clocks disagree about the month.
    """
    start = 0
    while start < len(rows):
        month = _month_of(rows[start][0])  # type: ignore[arg-type]  # received_at
        most = min(start + LARGEST_PART, len(rows))
        end = next((at for at in range(start, most) if rows[at][0] not in month), most)
        yield rows[start:end]
        start = end


def _has_a_month(command: Command, decided: Decided, position: int) -> bool:
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


def _command_cells(command: Command) -> Row:
    if isinstance(command, Report):
        return (
            command.token,
            command.behavior.value,
            micros(command.timestamp),
            command.value,
            command.transaction_id,
            (command.metadata or b"").decode(errors="replace"),
        )
    return (getattr(command, "token", ""), "", micros(command.received_at), None, None, "")


def _decision_cells(decision: Decision) -> Row:
    period = decision.period
    return (
        decision.status.value,
        decision.sequence,
        decision.before,
        decision.after,
        decision.events,
        None if period.start is None else micros(period.start),
        None if period.end is None else micros(period.end),
        decision.reason.value if decision.reason else "",
        _CROSSINGS[decision.crossing],
        _rolled_over(decision.rolled_over) if decision.rolled_over else "",
    )


def _rolled_over(closed: Counter) -> str:
    return _to_json(RolledOver(plain(closed.shown), closed.events, closed.period.start, closed.period.end)).decode()


def _month_of(count: int) -> range:
    moment = moment_at(count)
    first = datetime(moment.year, moment.month, 1, tzinfo=UTC)
    following = datetime(moment.year + moment.month // 12, moment.month % 12 + 1, 1, tzinfo=UTC)
    return range(micros(first), micros(following))
