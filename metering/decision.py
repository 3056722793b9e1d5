"""Decisions: what comes of a command. `decide` is the whole rule; the rest of this module is its vocabulary."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import msgspec

from metering.balance import KEPT_PERIODS, Balance, Counter, Place
from metering.command import Command, Peek, Read, Report
from metering.fold import fold, within
from metering.grant import Grant, Line, Reason
from metering.meter import Behavior
from metering.period import Period


class Status(StrEnum):
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    READ = "READ"


class Decision(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """The outcome of a report or a read, in the period that it counts in.

    `sequence` numbers the meter's decisions from 1 without a gap. `events` is the period's count afterwards.
    `crossing` is the line that an accepted report passed, `rolled_over` the counter that this decision closed.
    """

    status: Status
    sequence: int
    before: Decimal
    after: Decimal
    events: int
    period: Period
    reason: Reason | None = None
    crossing: Line = Line.NONE
    rolled_over: Counter | None = None


class Receipt(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """An accepted report that named a transaction: kept so that a retry gets this first answer again, until `expires_at`."""

    place: Place
    value: Decimal
    behavior: Behavior
    timestamp: datetime
    metadata: bytes | None
    license_id: str
    license_slug: str
    limit: Decimal
    decision: Decision
    expires_at: datetime

    def is_of(self, report: Report) -> bool:
        return self.value == report.value and self.behavior is report.behavior


class Standing(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """What a peek saw: the running period's value and events. Not a decision."""

    value: Decimal
    events: int
    period: Period


Answer = Decision | Receipt | Standing


def decide(
    balance: Balance, command: Command, grant: Grant, place: Place, receipt: Receipt | None = None
) -> tuple[Balance, Answer]:
    """Hold one command, standing at `place` in the log, against its grant; `receipt` is its transaction's, if any.

    Pure: the same arguments give the same answer, which is what makes replay exact. A refused report leaves the
    counters as they were, but takes its place in the sequence; a replayed transaction and a peek take none.
    """
    match command:
        case Report():
            if receipt is None or receipt.place >= place or receipt.expires_at <= command.received_at:
                return _report(balance, command, grant, place)
            if receipt.is_of(command):
                return balance, receipt
            return _refused(balance, command, grant, place, Reason.TRANSACTION_ID_REUSED)
        case Read():
            return _read(balance, command, grant, place)
        case Peek():
            counter = _opened(balance, grant.period_at(command.received_at)).counter
            return balance, Standing(counter.shown, counter.events, counter.period)


def remember(report: Report, grant: Grant, decision: Decision, place: Place, remember_for: timedelta) -> Receipt:
    """The receipt of an accepted report with a transaction id; expires by the log's time."""
    return Receipt(
        place,
        report.value,
        report.behavior,
        report.timestamp,
        report.metadata,
        grant.license_id,
        grant.license_slug,
        grant.limit,
        decision,
        report.received_at + remember_for,
    )


class _Opened(msgspec.Struct, frozen=True):
    """A balance's counters with the wanted period's among them: `newer` stand before it, `older` behind it."""

    counter: Counter
    newer: tuple[Counter, ...] = ()
    older: tuple[Counter, ...] = ()
    rolled_over: Counter | None = None
    closed: bool = False

    def with_counter(self, counter: Counter) -> tuple[Counter, ...]:
        if not self.newer and not self.older:
            return (counter,)
        return (*self.newer, counter, *self.older)[:KEPT_PERIODS]


def _opened(balance: Balance, period: Period) -> _Opened:
    counters = balance.counters
    if not counters:
        return _Opened(Counter(period))
    if counters[0].period == period:
        return _Opened(counters[0], older=counters[1:])
    if _starts_after(period, counters[0].period):
        return _Opened(Counter(period), older=counters, rolled_over=counters[0])
    for index, counter in enumerate(counters):
        if counter.period == period:
            return _Opened(counter, newer=counters[:index], older=counters[index + 1 :])
        if _starts_after(period, counter.period):
            return _Opened(Counter(period), newer=counters[:index], older=counters[index:])
    return _Opened(Counter(period), newer=counters, closed=len(counters) >= KEPT_PERIODS)


def _starts_after(period: Period, other: Period) -> bool:
    return (period.start, period.end) > (other.start, other.end)  # type: ignore[operator]  # one meter's are all bounded or all lifetime


def _report(balance: Balance, report: Report, grant: Grant, place: Place) -> tuple[Balance, Decision]:
    opened = _opened(balance, grant.period_at(report.timestamp))
    if opened.closed:
        return _refused(balance, report, grant, place, Reason.PERIOD_CLOSED)
    if reason := grant.refusal_at(report.timestamp):
        return _refused(balance, report, grant, place, reason)
    before = opened.counter
    after = fold(before, grant.aggregation, report.behavior, report.value, report.timestamp)
    if not within(after, grant.aggregation, grant.cap):
        return _refused(balance, report, grant, place, Reason.THRESHOLD_EXCEEDED)
    sequence = balance.sequence + 1
    line = grant.line_at(after.value)
    decision = Decision(
        Status.ACCEPTED,
        sequence,
        before.shown,
        after.shown,
        after.events,
        after.period,
        None,
        line if line > grant.line_at(before.value) else Line.NONE,
        opened.rolled_over,
    )
    return Balance(opened.with_counter(after), sequence, place), decision


def _refused(
    balance: Balance, report: Report, grant: Grant, place: Place, reason: Reason
) -> tuple[Balance, Decision]:
    return _unchanged(balance, Status.REJECTED, grant.period_at(report.timestamp), place, reason)


def _read(balance: Balance, read: Read, grant: Grant, place: Place) -> tuple[Balance, Decision]:
    return _unchanged(balance, Status.READ, grant.period_at(read.received_at), place, None)


def _unchanged(
    balance: Balance, status: Status, period: Period, place: Place, reason: Reason | None
) -> tuple[Balance, Decision]:
    opened = _opened(balance, period)
    counter = opened.counter
    sequence = balance.sequence + 1
    counters = balance.counters if opened.closed else opened.with_counter(counter)
    decision = Decision(
        status,
        sequence,
        counter.shown,
        counter.shown,
        counter.events,
        counter.period,
        reason,
        Line.NONE,
        opened.rolled_over,
    )
    return Balance(counters, sequence, place), decision
