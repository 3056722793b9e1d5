"""The supervisor: parts that die start again, later and later; all stop in the opposite order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidemark import supervisor
from tidemark.failures import KafkaFails
from tidemark.supervisor import Supervisor


class FakePart:
    def __init__(self, name: str, order: list[str]) -> None:
        self.name = name
        self.order = order
        self.alive = False
        self.fails = False

    def start(self) -> None:
        self.order.append(f"start {self.name}")
        if self.fails:
            raise KafkaFails("no answer")
        self.alive = True

    def stop(self) -> None:
        self.order.append(f"stop {self.name}")
        self.alive = False

    def is_alive(self) -> bool:
        return self.alive


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(supervisor, "time", clock)
    return clock


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def watching(clock: Clock, said: list[str]) -> Supervisor:
    return Supervisor(Path("logs"), said.append)


def starts(part: FakePart) -> int:
    return part.order.count(f"start {part.name}")


def test_parts_stop_in_the_opposite_order(watching: Supervisor) -> None:
    order: list[str] = []
    for name in ("kafka", "worker", "http"):
        watching.start(FakePart(name, order))
    order.clear()
    watching.stop()
    assert order == ["stop http", "stop worker", "stop kafka"]


def test_a_part_that_died_is_named_and_started_again(watching: Supervisor, clock: Clock, said: list[str]) -> None:
    worker = FakePart("worker", [])
    watching.start(worker)
    worker.alive = False
    watching.look()
    assert said == ["worker died; starting it again (its log is in logs)"]
    clock.now += 1
    watching.look()
    assert worker.alive


def test_who_died_with_the_log_is_started_while_the_log_starts(watching: Supervisor, clock: Clock) -> None:
    order: list[str] = []
    parts = [FakePart(name, order) for name in ("kafka", "worker", "http")]
    for part in parts:
        watching.start(part)
    for part in parts:
        part.alive = False
    watching.look()
    order.clear()
    clock.now += 1
    watching.look()
    assert order == ["start http", "start worker", "start kafka"]


def test_each_death_in_short_order_doubles_the_pause(watching: Supervisor, clock: Clock) -> None:
    worker = FakePart("worker", [])
    watching.start(worker)
    pauses = []
    for _ in range(8):
        worker.alive = False
        watching.look()
        died_at = clock.now
        while not worker.alive:
            clock.now += 0.05
            watching.look()
        pauses.append(clock.now - died_at)
    assert pauses == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5], abs=0.06)


def test_after_a_while_of_health_the_pause_is_short_again(watching: Supervisor, clock: Clock) -> None:
    worker = FakePart("worker", [])
    watching.start(worker)
    for _ in range(5):
        worker.alive = False
        watching.look()
        clock.now += 5
        watching.look()
    clock.now += 9
    worker.alive = False
    watching.look()
    clock.now += 0.05
    watching.look()
    assert worker.alive


def test_a_part_that_cannot_start_again_is_tried_again(watching: Supervisor, clock: Clock, said: list[str]) -> None:
    kafka = FakePart("kafka", [])
    watching.start(kafka)
    kafka.alive, kafka.fails = False, True
    watching.look()
    clock.now += 1
    watching.look()
    assert said[-1] == "kafka could not be started again: no answer"
    kafka.fails = False
    for _ in range(2):
        watching.look()
        clock.now += 1
    watching.look()
    assert kafka.alive


def test_a_part_whose_first_start_fails_is_stopped_with_the_others(watching: Supervisor) -> None:
    kafka = FakePart("kafka", [])
    kafka.fails = True
    with pytest.raises(KafkaFails):
        watching.start(kafka)
    watching.stop()
    assert kafka.order == ["start kafka", "stop kafka"]
    assert starts(kafka) == 1
