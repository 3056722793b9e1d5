"""Keeps parts running: starts them in order, starts those that die again, stops them in the opposite order."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from tidemark.child import Child
from tidemark.failures import CannotRun

_FIRST_PAUSE_S: Final = 0.05
#: Long enough that a part that cannot start burns no core; an outage that is over is noticed within this.
_LONGEST_PAUSE_S: Final = 5.0
#: A worker that decides, a broker that answers: they do it within a few seconds of their start.
_WELL_AFTER_S: Final = 8.0
_STOP_WITHIN_S: Final = 15.0

Say = Callable[[str], None]


class Part(Protocol):
    """One process of the whole; `start` may be called again after it ended."""

    @property
    def name(self) -> str: ...

    def start(self) -> None: ...

    def stop(self) -> None:
        """End it in good order within a deadline, else by force."""

    def is_alive(self) -> bool: ...


class Command:
    """A part that is a program."""

    def __init__(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> None:
        self.name = name
        self._command = command
        self._env = env
        self._child: Child | None = None

    def start(self) -> None:
        self._child = Child(self._command, env=self._env)

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop(_STOP_WITHIN_S)

    def is_alive(self) -> bool:
        return self._child is not None and self._child.is_alive()


@dataclass
class _Watched:
    """A part, and how it has been doing: `pause` grows with each death in short order."""

    part: Part
    started_at: float
    pause: float = _FIRST_PAUSE_S
    start_at: float | None = field(default=None)

    def died(self, now: float) -> None:
        if now - self.started_at > _WELL_AFTER_S:
            self.pause = _FIRST_PAUSE_S
        self.start_at = now + self.pause
        self.pause = min(2 * self.pause, _LONGEST_PAUSE_S)


class Supervisor:
    """The parts that were started, in order. `say` tells the operator when one died."""

    def __init__(self, logs: Path, say: Say) -> None:
        self._logs = logs
        self._say = say
        self._watched: list[_Watched] = []
        self.has_lost_any = False
        """Whether a part ever died."""

    def start(self, part: Part) -> None:
        """Start and watch it; a part that is known before it starts is stopped even if starting is interrupted."""
        self._watched.append(_Watched(part, time.monotonic()))
        part.start()

    def look(self) -> None:
        """Notice who died, and start those again whose pause is over.

        The log last: its start waits until it answers, and the others get ready meanwhile.
        """
        for watched in reversed(self._watched):
            if not watched.part.is_alive():
                self._attend(watched, time.monotonic())

    def stop(self) -> None:
        """Stop them all, the last started first: reports stop coming before who decides them goes, and the log."""
        for watched in reversed(self._watched):
            self._say(f"Stopping {watched.part.name}")
            watched.part.stop()

    def _attend(self, watched: _Watched, now: float) -> None:
        if watched.start_at is None:
            self.has_lost_any = True
            watched.part.stop()
            watched.died(now)
            self._say(f"{watched.part.name} died; starting it again (its log is in {self._logs})")
        elif now >= watched.start_at:
            watched.start_at, watched.started_at = None, now
            self._start_again(watched.part)

    def _start_again(self, part: Part) -> None:
        try:
            part.start()
        except CannotRun as error:
            self._say(f"{part.name} could not be started again: {error}")
