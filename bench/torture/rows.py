"""ClickHouse's rows, held against the topic: as many, each once, with the same contents."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Protocol

from bench.torture.topic import Entry, Topic
from metering.command import Command, Report
from metering.quantity import EXACT
from stream.rows import COLUMNS

#: Records of `usage` whose rows are fetched at once.
_STRETCH: Final = 5_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

Row = dict[str, Any]


class Trail(Protocol):
    """Who answers questions to ClickHouse by their names."""

    async def query(self, name: str, **parameters: object) -> Sequence[Sequence[Any]]: ...


async def count(trail: Trail, ends: dict[int, int]) -> int:
    return sum([len(rows) async for rows in _stretches(trail, ends)])


async def compare(trail: Trail, topic: Topic) -> list[str]:
    """What differs, in words; nothing, if all is right."""
    missing, findings = dict(topic.entries), []
    async for rows in _stretches(trail, topic.ends):
        for row in rows:
            decision = f"{row['partition']}-{row['offset']}-{row['position']}"
            if (entry := missing.pop(decision, None)) is None:
                findings.append(f"ClickHouse has {decision} twice, or the topic has it not")
            else:
                findings += _differences(entry, row)
    return findings + [f"ClickHouse lacks {decision}" for decision in missing]


async def _stretches(trail: Trail, ends: dict[int, int]) -> AsyncIterator[list[Row]]:
    for partition, end in ends.items():
        for since in range(0, end, _STRETCH):
            until = since + _STRETCH - 1
            found = await trail.query("partition_rows", partition=partition, since=since, until=until)
            yield [dict(zip(COLUMNS, row, strict=True)) for row in found]


def _differences(entry: Entry, row: Row) -> list[str]:
    return [
        f"{entry.decision_id}: ClickHouse says {name} {row[name]!r}, the topic {expected!r}"
        for name, expected in _expected(entry).items()
        if (Decimal(row[name]) if isinstance(expected, Decimal) else row[name]) != expected
    ]


def _expected(entry: Entry) -> Row:
    """Written out anew, not by the sink's own code."""
    grant, decision = entry.event.grant, entry.event.decision
    return {
        "organization_id": grant.organization_id,
        "instance_id": grant.instance_id,
        "entitlement_id": grant.entitlement_id,
        "license_id": grant.license_id,
        "limit": grant.limit,
        "overage_percent": grant.overage_percent,
        "status": str(decision.status),
        "sequence": decision.sequence,
        "adjustment": EXACT.subtract(EXACT.subtract(decision.after, decision.before), _added(entry)),
        "after": decision.after,
        "uncounted": decision.sequence - decision.events,
        "reason": "" if decision.reason is None else str(decision.reason),
        **_of_command(entry.event.command),
    }


def _added(entry: Entry) -> Decimal:
    command, status = entry.event.command, str(entry.event.decision.status)
    if isinstance(command, Report) and (status, str(command.behavior)) == ("ACCEPTED", "append"):
        return command.value
    return Decimal(0)


def _of_command(command: Command) -> Row:
    received = {"received_at": _micros(command.received_at)}
    if not isinstance(command, Report):
        return {**received, "value": None, "transaction": None}
    return {
        **received,
        "value": command.value,
        "transaction": command.transaction_id,
        "behavior": str(command.behavior),
        "event_lag": _micros(command.received_at) - _micros(command.timestamp),
        "metadata": (command.metadata or b"").decode(),
    }


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
