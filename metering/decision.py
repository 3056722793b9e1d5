"""Decisions: what comes of a command. `decide` is the whole rule; the rest of this module is its vocabulary."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from metering.balance import Balance, Counter, Place
from metering.command import Command, Peek, Read, Report
from metering.fold import fold
from metering.grant import Grant, Line, Reason
from metering.meter import Behavior
from metering.period import Moment, Period
from metering.rollover import Opened, open_period


class Status(StrEnum):
    """What came of a report, or that it was a lookup."""

    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    READ = "READ"


_ACCEPTED: Final = Status.ACCEPTED


class Decision(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=1):
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


class Receipt(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=2):
    """An accepted report that named a transaction: until `expires_at`, a retry gets this first answer again."""

    place: Place
    value: Decimal
    behavior: Behavior
    timestamp: Moment
    metadata: bytes | None
    license_id: str
    license_slug: str
    limit: Decimal
    decision: Decision
    expires_at: Moment

    def is_known_to(self, command: Report | Peek, place: Place) -> bool:
        """Whether it was given before this command, which stands at `place`, and is remembered still."""
        return self.place < place and command.received_at < self.expires_at

    def is_of(self, report: Report) -> bool:
        return self.value == report.value and self.behavior is report.behavior


class Standing(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=3):
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
            if receipt is None or not receipt.is_known_to(command, place):
                return _report(balance, command, grant, place)
            if receipt.is_of(command):
                return balance, receipt
            opened = open_period(balance.counters, grant, command.timestamp, command.received_at)
            return _unchanged(balance, opened, Status.REJECTED, place, Reason.TRANSACTION_ID_REUSED)
        case Read():
            opened = open_period(balance.counters, grant, command.received_at, command.received_at)
            return _unchanged(balance, opened, Status.READ, place)
        case Peek() if receipt is not None and receipt.is_known_to(command, place):
            return balance, receipt
        case Peek():
            counter = open_period(balance.counters, grant, command.received_at, command.received_at).counter
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


def _report(balance: Balance, report: Report, grant: Grant, place: Place) -> tuple[Balance, Decision]:
    at = report.timestamp
    opened = open_period(balance.counters, grant, at, report.received_at)
    if opened.closed:
        return _unchanged(balance, opened, Status.REJECTED, place, Reason.PERIOD_CLOSED)
    if reason := grant.refusal_at(at):
        return _unchanged(balance, opened, Status.REJECTED, place, reason)
    before, sequence = opened.counter, balance.sequence + 1
    after = fold(before, grant.aggregation, report.behavior, report.value, at)
    if not grant.allows(after):
        return _unchanged(balance, opened, Status.REJECTED, place, Reason.THRESHOLD_EXCEEDED)
    crossing = grant.crossing(before, after)
    was, becomes = before.shown, after.shown
    decision = Decision(
        _ACCEPTED, sequence, was, becomes, after.events, after.period, None, crossing, opened.rolled_over
    )
    return Balance(opened.keeping(after), sequence, place), decision


def _unchanged(
    balance: Balance, opened: Opened, status: Status, place: Place, reason: Reason | None = None
) -> tuple[Balance, Decision]:
    counter = opened.counter
    decision = Decision(
        status,
        balance.sequence + 1,
        counter.shown,
        counter.shown,
        counter.events,
        counter.period,
        reason,
        Line.NONE,
        opened.rolled_over,
    )
    counters = balance.counters if opened.closed else opened.keeping(counter)
    return Balance(counters, decision.sequence, place), decision
