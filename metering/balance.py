"""Balances: a meter's state. What `decide` reads and writes, and what a checkpoint keeps."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec

from metering.period import LIFETIME, Period
from metering.quantity import ZERO

#: Running, previous, and one more: a report 5 min ahead may open the next period before the last late one arrived.
KEPT_PERIODS: Final = 3


class Counter(msgspec.Struct, frozen=True, array_like=True):
    """What one period of one meter has counted.

    `value` is None before the first event. `total` is the exact sum behind an average (else None), `newest` the event
    time behind the latest value (else None).
    """

    period: Period = LIFETIME
    value: Decimal | None = None
    events: int = 0
    total: Decimal | None = None
    newest: datetime | None = None

    @property
    def shown(self) -> Decimal:
        """The value as callers see it: zero before the first event."""
        return ZERO if self.value is None else self.value


class Place(msgspec.Struct, frozen=True, array_like=True, order=True):
    """Where a command stands in its partition's log: the record's offset, and the position within its batch."""

    offset: int
    position: int


NOWHERE: Final = Place(-1, -1)


class Balance(msgspec.Struct, frozen=True, array_like=True):
    """A meter's counters, newest period first; the number of its decisions; the last command folded into it."""

    counters: tuple[Counter, ...] = ()
    sequence: int = 0
    place: Place = NOWHERE

    def has_folded(self, place: Place) -> bool:
        """Whether a replayed command at `place` is part of this balance already."""
        return place <= self.place


NEW_BALANCE: Final = Balance()
