"""Overload is foretold by what was seen: how old the queue is, and how fast it was decided."""

from __future__ import annotations

import itertools

import pytest

from stream.overload import Flow

PATIENCE = 0.5


class Partition:
    """Commands that arrive and are decided in order, on a clock of their own."""

    def __init__(self) -> None:
        self.flow = Flow(PATIENCE)
        self.now = 1_000.0
        self._arrived = itertools.count()
        self._decided = itertools.count()

    def arrive(self, commands: int) -> None:
        for _ in range(commands):
            self.flow.enter(next(self._arrived), self.now)

    def decide(self, commands: int) -> None:
        for _ in range(commands):
            self.flow.leave(next(self._decided), self.now, decided=True)

    def live(self, seconds: float, *, arriving: int, decided: int) -> None:
        """So many a second of each, for so long."""
        for _ in range(int(seconds * 10)):
            self.arrive(arriving // 10)
            self.now += 0.1
            self.decide(min(decided // 10, len(self.flow)))

    @property
    def expected_wait(self) -> float:
        return self.flow.expected_wait(self.now)


@pytest.fixture
def partition() -> Partition:
    return Partition()


def test_nobody_waits_where_nobody_is(partition: Partition) -> None:
    assert partition.expected_wait == 0


def test_a_burst_after_little_traffic_is_no_overload(partition: Partition) -> None:
    partition.live(10, arriving=10, decided=10)
    partition.arrive(5_000)
    assert partition.expected_wait == 0


def test_a_queue_that_stands_is_waited_for_as_long_as_it_takes_at_the_rate_that_was_seen(partition: Partition) -> None:
    partition.live(3, arriving=3_000, decided=1_000)
    assert len(partition.flow) == 6_000
    assert partition.expected_wait == pytest.approx(6, rel=0.15)


def test_many_that_wait_but_move_are_no_overload(partition: Partition) -> None:
    partition.arrive(400)
    partition.live(10, arriving=2_000, decided=2_000)
    assert partition.expected_wait < 0.3


def test_a_short_silence_after_a_fast_time_is_borne(partition: Partition) -> None:
    partition.arrive(64)
    partition.live(10, arriving=1_000, decided=1_000)
    partition.live(2, arriving=100, decided=0)
    assert partition.expected_wait < 1


def test_behind_a_worker_that_is_silent_for_long_few_are_let_in(partition: Partition) -> None:
    partition.arrive(64)
    partition.live(10, arriving=1_000, decided=1_000)
    partition.live(6, arriving=100, decided=0)
    assert partition.expected_wait == pytest.approx(6.64)


def test_once_the_queue_is_gone_nothing_is_held_against_newcomers(partition: Partition) -> None:
    partition.live(6, arriving=1_000, decided=0)
    partition.decide(6_000)
    partition.arrive(1)
    assert partition.expected_wait == 0


def test_callers_that_gave_up_are_no_decisions(partition: Partition) -> None:
    partition.arrive(1_000)
    partition.now += 1
    for command in range(500):
        partition.flow.leave(command, partition.now, decided=False)
    assert partition.expected_wait == 5
