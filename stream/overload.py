"""Overload: how long a command that comes now would wait for its decision, by what the last seconds showed."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Final

_SLOT: Final = 0.25
_WINDOW: Final = 5.0
#: Decisions a second that a silent worker is taken to be good for: nobody knows what it will do, so some are let in.
_LEAST_RATE: Final = 100.0


class Flow:
    """The commands of one partition that wait for a decision; times are monotonic seconds, given by who calls.

    A wait is only foretold while there is a queue that stands: one whose oldest command has waited for `patience`. A
    burst is no overload, and what a queue that empties was decided at says nothing of what could be.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._entered: dict[Hashable, float] = {}
        self._busy_since = 0.0
        self._decided: deque[tuple[float, int]] = deque()

    def __len__(self) -> int:
        return len(self._entered)

    def enter(self, command: Hashable, now: float) -> None:
        if not self._entered:
            self._busy_since = now
            self._decided.clear()
        self._entered[command] = now

    def leave(self, command: Hashable, now: float, *, decided: bool) -> None:
        self._entered.pop(command)
        if decided:
            self._count(now)

    def expected_wait(self, now: float) -> float:
        """Seconds from now to the decision of a command that is put behind all that wait; 0 while no queue stands."""
        if not self._entered or now - next(iter(self._entered.values())) < self._patience:
            return 0.0
        return len(self._entered) / max(self._rate(now), _LEAST_RATE)

    def _rate(self, now: float) -> float:
        """Decisions a second, of the last seconds in which there was always something to decide."""
        since = max(self._busy_since, now - _WINDOW)
        while self._decided and self._decided[0][0] < since - _SLOT:
            self._decided.popleft()
        return sum(number for _, number in self._decided) / max(now - since, _SLOT)

    def _count(self, now: float) -> None:
        if self._decided and now - self._decided[-1][0] < _SLOT:
            begun, number = self._decided.pop()
            self._decided.append((begun, number + 1))
        else:
            self._decided.append((now, 1))
