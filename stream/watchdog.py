"""The watchdog: notices that records wait and nothing is decided, and ends the worker.

A worker that hangs is worse than one that dies: it keeps its partitions, and nobody else decides them. Whatever made
it hang, it is started again from its checkpoint, and decides the same. What is watched is progress, never the state of
tasks or connections: a worker with nothing to do may rest, and one that is slow may be slow.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from aiokafka.errors import KafkaError

from stream.crash import crash_on_error, end

log: Final = logging.getLogger(__name__)

LOOK_EVERY: Final = 1.0
#: How long records may wait in a partition at work of which none is decided.
_PATIENCE: Final = 15.0
#: How long the group may take to hand out partitions, and their state to come back, without a step forward. It has to
#: be longer than the group waits for a member that hangs.
_PATIENCE_WITH_GROUP: Final = 40.0
_LOG_ANSWERS_WITHIN: Final = 5.0
#: The loop itself hangs when the watchdog was not heard in so many looks of a thread. Looks, not seconds: a process
#: that was frozen wakes to one look.
_MISSED_LOOKS: Final = 30


class Stalled(Exception):
    """Records wait, and nothing moves."""


@dataclass(frozen=True)
class Headway:
    """How far a worker has come.

    `next_offsets` tells of each partition at work which record it decides next; `steps` grows with whatever is done to
    put partitions to work; `is_settled` says whether all that the group assigned is at work.
    """

    next_offsets: Mapping[int, int]
    steps: int
    is_settled: bool


class UsageLog(Protocol):
    """What is asked of the log, apart from the consumer that may hang; raises `KafkaError` while it is away."""

    async def ends(self) -> Mapping[int, int]:
        """Per partition of `usage`, the offset that its next record gets."""

    async def holds(self, partition: int, offset: int) -> bool:
        """Whether there is a record at `offset` or behind it, and not only a transaction's marker."""


@dataclass
class Stillness:
    """Since when each partition, and the worker as a whole, has not moved though it had to."""

    _moved: dict[int | None, tuple[int, float]] = field(default_factory=dict)

    def forget(self) -> None:
        """Nobody knows what there was to do."""
        self._moved.clear()

    def look(self, headway: Headway, ends: Mapping[int, int], now: float) -> dict[int | None, float]:
        """Seconds without a move: of each partition that lags behind its log; of None, while not all is at work."""
        must_move: dict[int | None, int] = {
            partition: offset for partition, offset in headway.next_offsets.items() if offset < ends.get(partition, 0)
        }
        if not headway.is_settled:
            must_move[None] = headway.steps
        self._moved = {it: self._moved_at(it, mark, now) for it, mark in must_move.items()}
        return {it: now - since for it, (_, since) in self._moved.items()}

    def _moved_at(self, it: int | None, mark: int, now: float) -> tuple[int, float]:
        last = self._moved.get(it)
        return last if last is not None and last[0] == mark else (mark, now)


class Watchdog:
    """Looks at `headway` beside the log, and ends the process when records wait in vain."""

    def __init__(
        self, headway: Callable[[], Headway], usage: UsageLog, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._headway = headway
        self._usage = usage
        self._now = now
        self._stillness = Stillness()
        self._looks = 0

    async def run(self) -> None:
        """Watch until cancelled."""
        threading.Thread(target=self._watch_loop, daemon=True, name="watchdog").start()
        while True:
            await asyncio.sleep(LOOK_EVERY)
            self._looks += 1
            with crash_on_error():
                await self.look()

    async def look(self) -> None:
        """One look; raises `Stalled`."""
        try:
            async with asyncio.timeout(_LOG_ANSWERS_WITHIN):
                await self._compare()
        except (KafkaError, OSError, TimeoutError):  # nothing can move while the log is away
            self._stillness.forget()

    async def _compare(self) -> None:
        headway = self._headway()
        still = self._stillness.look(headway, await self._usage.ends(), self._now())
        for partition, seconds in still.items():
            if partition is None:
                if seconds > _PATIENCE_WITH_GROUP:
                    raise Stalled(f"the group's assignment was not put to work in {seconds:.0f} s")
            elif seconds > _PATIENCE and await self._usage.holds(partition, headway.next_offsets[partition]):
                offset = headway.next_offsets[partition]
                raise Stalled(f"usage {partition}: {offset} was there for {seconds:.0f} s and was not decided")

    def _watch_loop(self) -> None:
        """From a thread: a loop that hangs runs no watchdog."""
        missed, last = 0, self._looks
        while missed < _MISSED_LOOKS:
            time.sleep(LOOK_EVERY)
            missed, last = (missed + 1, last) if self._looks == last else (0, self._looks)
        end("the event loop hangs")
