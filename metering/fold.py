"""The fold: one report into one counter. Change what AVERAGE means here, and nowhere else."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from metering.balance import Counter
from metering.meter import Aggregation, Behavior
from metering.quantity import EXACT, ZERO, mean


def fold(counter: Counter, aggregation: Aggregation, behavior: Behavior, value: Decimal, at: datetime) -> Counter:
    """The counter after the report of `value` with event time `at`; the argument is left as it was."""
    if behavior is Behavior.SET:
        return _replaced(counter, aggregation, value, at)
    events = counter.events + 1
    match aggregation:
        case Aggregation.SUM:
            return Counter(counter.period, EXACT.add(counter.shown, value), events)
        case Aggregation.COUNT:
            return Counter(counter.period, EXACT.add(counter.shown, Decimal(1)), events)
        case Aggregation.AVERAGE:
            total = EXACT.add(counter.total or ZERO, value)
            return Counter(counter.period, mean(total, events), events, total)
        case Aggregation.MAX:
            return Counter(counter.period, value if counter.value is None else max(counter.value, value), events)
        case Aggregation.MIN:
            return Counter(counter.period, value if counter.value is None else min(counter.value, value), events)
        case Aggregation.LATEST:
            if counter.newest is not None and at < counter.newest:
                return Counter(counter.period, counter.value, events, None, counter.newest)
            return Counter(counter.period, value, events, None, at)


def within(counter: Counter, aggregation: Aggregation, cap: Decimal | None) -> bool:
    """Whether the counter stands at or below `cap` (None: no cap). An average is held by its exact total."""
    if cap is None or counter.value is None:
        return True
    if aggregation is Aggregation.AVERAGE and counter.total is not None:
        return counter.total <= EXACT.multiply(cap, Decimal(counter.events))
    return counter.value <= cap


def _replaced(counter: Counter, aggregation: Aggregation, value: Decimal, at: datetime) -> Counter:
    total = value if aggregation is Aggregation.AVERAGE else None
    newest = at if aggregation is Aggregation.LATEST else None
    return Counter(counter.period, value, 1, total, newest)
