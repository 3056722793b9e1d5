"""The fold: one report into one counter. Change what AVERAGE means here, and nowhere else."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from metering.balance import Counter
from metering.meter import Aggregation, Behavior
from metering.quantity import EXACT, ONE, mean


def fold(counter: Counter, aggregation: Aggregation, behavior: Behavior, value: Decimal, at: datetime) -> Counter:
    """The counter after the report of `value` with event time `at`; the argument is left as it was."""
    if behavior is Behavior.SET:
        return _replaced(counter, aggregation, value, at)
    period, before, events = counter.period, counter.value, counter.events + 1
    match aggregation:
        case Aggregation.SUM:
            return Counter(period, value if before is None else EXACT.add(before, value), events)
        case Aggregation.COUNT:
            return Counter(period, ONE if before is None else EXACT.add(before, ONE), events)
        case Aggregation.AVERAGE:
            total = value if counter.total is None else EXACT.add(counter.total, value)
            return Counter(period, mean(total, events), events, total)
        case Aggregation.MAX:
            return Counter(period, value if before is None else max(before, value), events)
        case Aggregation.MIN:
            return Counter(period, value if before is None else min(before, value), events)
        case Aggregation.LATEST:
            if counter.newest is not None and at < counter.newest:
                return Counter(period, before, events, None, counter.newest)
            return Counter(period, value, events, None, at)


def _replaced(counter: Counter, aggregation: Aggregation, value: Decimal, at: datetime) -> Counter:
    total = value if aggregation is Aggregation.AVERAGE else None
    newest = at if aggregation is Aggregation.LATEST else None
    return Counter(counter.period, value, 1, total, newest)
