"""The naive model: keep every accepted event, recount from the start each time, in fractions. Slow, and right."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from metering.command import Report
from metering.decision import Decision
from metering.grant import Grant
from metering.meter import Aggregation, Behavior
from metering.period import ResetPeriod

_NAMED = {None: "", "HOUR": "%Y-%m-%dT%H", "DAY": "%Y-%m-%d", "WEEK": "%G-W%V", "MONTH": "%Y-%m", "YEAR": "%Y"}


class Event(NamedTuple):
    value: Fraction
    behavior: Behavior
    at: datetime


class Outcome(NamedTuple):
    """What a decision says, as far as a recount can know it."""

    status: str
    reason: str | None
    before: Fraction
    after: Fraction
    events: int
    crossing: int
    rolled_over: bool
    sequence: int

    @classmethod
    def of(cls, decision: Decision) -> Outcome:
        return cls(
            decision.status,
            decision.reason,
            Fraction(decision.before),
            Fraction(decision.after),
            decision.events,
            decision.crossing,
            decision.rolled_over is not None,
            decision.sequence,
        )


def calendar_name(reset: ResetPeriod | None, moment: datetime) -> str:
    """The calendar period of `moment`, as people write it; names sort as their periods do."""
    return moment.strftime(_NAMED[reset])


def recount(events: list[Event], aggregation: Aggregation) -> tuple[Fraction | None, int]:
    """The value and the number of events since the last `set`; no value before the first event."""
    last_set = max((i for i, event in enumerate(events) if event.behavior is Behavior.SET), default=0)
    counted = events[last_set:]
    if not counted:
        return None, 0
    values = [event.value for event in counted]
    match aggregation:
        case Aggregation.SUM:
            value = sum(values, Fraction())
        case Aggregation.COUNT:
            was_set = counted[0].behavior is Behavior.SET
            value = values[0] + len(values) - 1 if was_set else Fraction(len(values))
        case Aggregation.AVERAGE:
            value = sum(values, Fraction()) / len(values)
        case Aggregation.MAX:
            value = max(values)
        case Aggregation.MIN:
            value = min(values)
        case Aggregation.LATEST:
            newest = max(event.at for event in counted)
            value = [event.value for event in counted if event.at == newest][-1]
    return value, len(values)


def shown(value: Fraction | None) -> Fraction:
    """As callers see it: zero before the first event, and 12 fractional digits, half even."""
    return Fraction(0) if value is None else Fraction(round(value * 10**12), 10**12)


@dataclass
class NaiveMeter:
    periods: dict[str, list[Event]] = field(default_factory=dict)
    newest: str | None = None
    sequence: int = 0

    def report(self, report: Report, grant: Grant, refusal: str | None = None) -> Outcome:
        name = calendar_name(grant.reset_period, report.timestamp)
        event = Event(Fraction(report.value), report.behavior, report.timestamp)
        before, _ = recount(self.periods.get(name, []), grant.aggregation)
        after, _ = recount([*self.periods.get(name, []), event], grant.aggregation)
        refusal = refusal or _license_refusal(grant, report.timestamp)
        if refusal is None and not _fits(after, grant):
            refusal = "THRESHOLD_EXCEEDED"
        if refusal is not None:
            return self._outcome("REJECTED", refusal, before, grant, name, crossing=0)
        self.periods.setdefault(name, []).append(event)
        line = _line(after, grant)
        return self._outcome("ACCEPTED", None, before, grant, name, line if line > _line(before, grant) else 0)

    def read(self, now: datetime, grant: Grant) -> Outcome:
        name = calendar_name(grant.reset_period, now)
        before, _ = recount(self.periods.get(name, []), grant.aggregation)
        return self._outcome("READ", None, before, grant, name, crossing=0)

    def value(self, now: datetime, grant: Grant) -> tuple[Fraction, int]:
        value, events = recount(self.periods.get(calendar_name(grant.reset_period, now), []), grant.aggregation)
        return shown(value), events

    def _outcome(
        self, status: str, reason: str | None, before: Fraction | None, grant: Grant, name: str, crossing: int
    ) -> Outcome:
        self.sequence += 1
        rolled_over = self.newest is not None and name > self.newest
        self.newest = max(name, self.newest or name)
        after, events = recount(self.periods.get(name, []), grant.aggregation)
        return Outcome(status, reason, shown(before), shown(after), events, crossing, rolled_over, self.sequence)


def _license_refusal(grant: Grant, moment: datetime) -> str | None:
    if not grant.license_active:
        return "LICENSE_INACTIVE"
    outside = (grant.starts_at and moment < grant.starts_at) or (grant.ends_at and moment >= grant.ends_at)
    return "LICENSE_OUTSIDE_DATES" if outside else None


def _fits(value: Fraction | None, grant: Grant) -> bool:
    if -1 in (grant.limit, grant.overage_percent) or value is None:
        return True
    return value <= Fraction(grant.limit) * (1 + Fraction(grant.overage_percent) / 100)


def _line(value: Fraction | None, grant: Grant) -> int:
    if value is None or grant.limit == Decimal(-1):
        return 0
    if value >= grant.limit:
        return 3 if value > grant.limit else 2
    warned = (
        grant.warning_percent is not None and value >= Fraction(grant.limit) * Fraction(grant.warning_percent) / 100
    )
    return 1 if warned else 0
