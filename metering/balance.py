"""Balances: a meter's state. What `decide` reads and writes, and what a checkpoint keeps."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from metering.period import LIFETIME, Moment, Period
from metering.quantity import EXACT, ZERO


class Counter(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What one period of one meter has counted.

    `value` is None before the first event. `total` is the exact sum behind an average (else None), `newest` the event
    time behind the latest value (else None).
    """

    period: Period = LIFETIME
    value: Decimal | None = None
    events: int = 0
    total: Decimal | None = None
    newest: Moment | None = None

    @property
    def shown(self) -> Decimal:
        """The value as callers see it: zero before the first event."""
        return ZERO if self.value is None else self.value

    def exceeds(self, line: Decimal) -> bool:
        """Whether the value lies past `line`. An average is held by its exact total, not by the rounded mean shown."""
        if self.total is not None:
            return self.total > EXACT.multiply(line, Decimal(self.events))
        return self.value is not None and self.value > line

    def reaches(self, line: Decimal) -> bool:
        """Whether the value lies at `line` or past it; before the first event it lies nowhere."""
        if self.total is not None:
            return self.total >= EXACT.multiply(line, Decimal(self.events))
        return self.value is not None and self.value >= line


class Place(msgspec.Struct, frozen=True, gc=False, array_like=True, order=True):
    """Where a command stands in its partition's log: the record's offset, and the position within its batch."""

    offset: int
    position: int


NOWHERE: Final = Place(-1, -1)


class Balance(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A meter's counters, newest period first; the number of its decisions; the last command folded into it."""

    counters: tuple[Counter, ...] = ()
    sequence: int = 0
    place: Place = NOWHERE

    def has_folded(self, place: Place) -> bool:
        """Whether a replayed command at `place` is part of this balance already."""
        return place <= self.place


NEW_BALANCE: Final = Balance()
