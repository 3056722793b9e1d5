"""Rollover: which of a meter's counters a moment falls into, and what opening it closes."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from metering.balance import Counter
from metering.grant import Grant
from metering.period import Period

#: Running, previous, and one more: a report 5 min ahead may open the next period before the last late one arrived.
KEPT_PERIODS: Final = 3


class Opened(msgspec.Struct, frozen=True, gc=False):
    """A balance's counters with the wanted period's among them: `newer` stand before it, `older` behind it.

    `rolled_over` is the counter that was the newest until this one was opened. `closed` says that the wanted period
    is older than every one still kept, so that nothing can be counted in it.
    """

    counter: Counter
    newer: tuple[Counter, ...] = ()
    older: tuple[Counter, ...] = ()
    rolled_over: Counter | None = None
    closed: bool = False

    def keeping(self, counter: Counter) -> tuple[Counter, ...]:
        """The counters to keep, newest first, with `counter` in the opened one's place."""
        if not self.newer and not self.older:
            return (counter,)
        return (*self.newer, counter, *self.older)[:KEPT_PERIODS]


def open_period(counters: tuple[Counter, ...], grant: Grant, moment: datetime, now: datetime) -> Opened:
    """Find, or begin, the counter of the period that holds `moment`, as the command received at `now` sees it."""
    period = grant.period_at(moment)
    if not counters:
        return Opened(Counter(period))
    if counters[0].period == period:
        return Opened(counters[0], (), counters[1:])
    aligned = _carried_over(counters, grant.period_at(now), now)
    return _opened(_carried_over(aligned, period, moment), period)


def _opened(counters: tuple[Counter, ...], period: Period) -> Opened:
    for index, counter in enumerate(counters):
        newer = counters[:index]
        if counter.period == period:
            return Opened(counter, newer, counters[index + 1 :])
        if period.is_after(counter.period):
            return Opened(Counter(period), newer, counters[index:], rolled_over=None if newer else counter)
    return Opened(Counter(period), counters, closed=len(counters) >= KEPT_PERIODS)


def _carried_over(counters: tuple[Counter, ...], period: Period, moment: datetime) -> tuple[Counter, ...]:
    """Where an edited license moved the anchor, the bounds of the period at `moment` move; its usage carries over."""
    moved = next((index for index, counter in enumerate(counters) if counter.period.holds(moment)), None)
    if moved is None or any(counter.period == period for counter in counters):
        return counters
    carried = msgspec.structs.replace(counters[moved], period=period)
    newer = tuple(counter for counter in counters[:moved] if counter.period.is_after(period))
    return (*newer, carried, *(counter for counter in counters[moved + 1 :] if period.is_after(counter.period)))
