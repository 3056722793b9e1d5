"""What callers were told: kept to be held against the trail afterwards."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

from bench.torture.meters import Meter

_A_SILENCE: Final = 3.0


class Told(NamedTuple):
    """The answer to one report; `mark` is its transaction id, or what its metadata carries in place of one.

    `decision_id` and `sequence` are None where the answer names none (a refusal); `total` is the value that it told.
    """

    meter: Meter
    mark: str
    status: int
    attempts: int
    decision_id: str | None
    sequence: int | None
    total: Decimal | None


@dataclass
class Answers:
    """All of them; `statuses` counts the attempts, also those that had to be repeated."""

    told: list[Told] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    reports: int = 0
    given_up: int = 0
    """Without an id and without an answer: nobody can know whether they count."""
    unanswered: list[str] = field(default_factory=list)
    """Retried until the end, in vain."""
    stale_reads: list[str] = field(default_factory=list)
    """Reads that did not see a report which was answered before."""
    filled: set[Meter] = field(default_factory=set)
    """Hot meters that refused a report of 1: they are at their limit exactly."""
    silences: list[tuple[float, float]] = field(default_factory=list)
    """Seconds in which nobody was answered, where they were many, and when they began (monotonic)."""
    _last: float = field(default_factory=time.monotonic)

    def tell(self, told: Told) -> None:
        self.told.append(told)
        now = time.monotonic()
        if now - self._last > _A_SILENCE:
            self.silences.append((now - self._last, self._last))
        self._last = now
