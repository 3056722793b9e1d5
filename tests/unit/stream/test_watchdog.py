"""The watchdog: it bites when records wait and nothing moves, and never else."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from aiokafka.errors import KafkaConnectionError

from stream import watchdog
from stream.watchdog import Headway, Stalled, Watchdog


class Worker:
    """A worker over a log, and the clock; at work on partition 0."""

    def __init__(self) -> None:
        self.now = 0.0
        self.next_offsets = {0: 0}
        self.steps = 0
        self.is_settled = True
        self.log_ends = {0: 0, 1: 0}
        self.log_is_away = False
        self.ends_with_a_marker = False
        self.watchdog = Watchdog(self.headway, self, lambda: self.now)

    def headway(self) -> Headway:
        return Headway(dict(self.next_offsets), self.steps, self.is_settled)

    async def ends(self) -> Mapping[int, int]:
        if self.log_is_away:
            raise KafkaConnectionError
        return self.log_ends

    async def holds(self, partition: int, offset: int) -> bool:
        return not self.ends_with_a_marker

    async def live(self, seconds: int) -> None:
        """Look every second."""
        for _ in range(seconds):
            self.now += 1
            await self.watchdog.look()


@pytest.fixture
def worker() -> Worker:
    return Worker()


async def test_a_worker_that_has_nothing_to_do_may_rest(worker: Worker) -> None:
    await worker.live(1_000)
    assert worker.now == 1_000


async def test_records_that_wait_in_vain_end_the_worker(worker: Worker) -> None:
    await worker.live(100)
    worker.log_ends[0] = 3
    with pytest.raises(Stalled, match="usage 0: 0 was there for 16 s"):
        await worker.live(60)
    assert worker.now == 117, "patience begins when there is something to do"


async def test_a_slow_worker_is_let_be(worker: Worker) -> None:
    worker.log_ends[0] = 1_000
    for _ in range(20):
        await worker.live(14)
        worker.next_offsets[0] += 1
    assert worker.now == 280


async def test_one_partition_that_hangs_is_enough(worker: Worker) -> None:
    worker.next_offsets[1] = 0
    worker.log_ends |= {0: 1_000, 1: 5}
    await worker.live(10)
    worker.next_offsets[0] += 7
    with pytest.raises(Stalled, match="usage 1"):
        await worker.live(7)


async def test_partitions_of_others_are_theirs_to_watch(worker: Worker) -> None:
    worker.log_ends[1] = 1_000
    await worker.live(100)
    assert worker.now == 100


async def test_while_the_log_is_away_nothing_can_move(worker: Worker) -> None:
    worker.log_ends[0] = 3
    await worker.live(10)
    worker.log_is_away = True
    await worker.live(100)
    worker.log_is_away = False
    await worker.live(14)
    worker.next_offsets[0] = 3
    await worker.live(100)
    assert worker.now == 224


async def test_an_assignment_that_is_not_put_to_work_ends_the_worker(worker: Worker) -> None:
    worker.next_offsets, worker.is_settled = {}, False
    with pytest.raises(Stalled, match="assignment"):
        await worker.live(60)


async def test_a_long_rebuild_is_let_be_while_it_goes_on(worker: Worker) -> None:
    worker.next_offsets, worker.is_settled = {}, False
    for _ in range(100):
        worker.steps += 10_000
        await worker.live(30)
    assert worker.now == 3_000


async def test_a_marker_at_the_end_of_the_log_is_nothing_to_decide(worker: Worker) -> None:
    worker.log_ends[0], worker.ends_with_a_marker = 1, True
    await worker.live(100)
    assert worker.now == 100


def test_a_loop_that_hangs_is_ended_from_a_thread(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []
    monkeypatch.setattr(watchdog, "LOOK_EVERY", 0)
    monkeypatch.setattr(watchdog, "end", ended.append)
    worker.watchdog._watch_loop()
    assert ended == ["the event loop hangs"]
