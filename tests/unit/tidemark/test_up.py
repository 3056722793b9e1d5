"""How long `up` waits for the HTTP process: as long as an upgrade takes, and no longer than a start does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tidemark import up
from tidemark.failures import CannotRun
from tidemark.settings import Settings


class Parts:
    """A supervisor's parts, of which one may have died; a look at them takes a minute."""

    def __init__(self, *, has_lost_any: bool = False) -> None:
        self.has_lost_any = has_lost_any
        self.now = 0.0

    def look(self) -> None:
        self.now += 60

    def monotonic(self) -> float:
        return self.now

    def sleep(self, _: float) -> None: ...


def awaited(
    monkeypatch: pytest.MonkeyPatch, data: Path, answers: Iterable[bool | None], parts: Parts | None = None
) -> list[str]:
    """What is said until it is healthy; each answer is one of `up._is_healthy`."""
    supervisor: Any = parts or Parts()
    coming: Iterator[bool | None] = iter(answers)
    monkeypatch.setattr(up, "time", supervisor)
    monkeypatch.setattr(up, "_is_healthy", lambda _: next(coming))
    said: list[str] = []
    up._await_health(Settings(data=data), supervisor, said.append)
    return said


def test_who_copies_the_trail_is_waited_for_and_spoken_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said = awaited(monkeypatch, tmp_path, [*[None] * 10, True])
    assert said
    assert all("Still starting" in one for one in said)


def test_who_listens_and_does_not_get_well_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="Not healthy within 120 s"):
        awaited(monkeypatch, tmp_path, [None, *[False] * 10])


def test_where_a_part_died_nobody_is_waited_for_longer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="Not healthy within 120 s"):
        awaited(monkeypatch, tmp_path, [None] * 10, Parts(has_lost_any=True))
