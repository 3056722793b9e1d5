"""The pump: group commit for one partition. While one record is on its way or being decided the next one fills.

A lone command leaves at once; a flood packs itself into large records. Nothing lingers.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from metering.command import Command, Report
from metering.grant import Grant
from metering.problems import NoDecision, Problem, TooManyWaiting, Unavailable
from metering.transaction import generated_at
from stream.records import VERSION, Batch, Rules

MOST_COMMANDS: Final = 2_000
MOST_BYTES: Final = 3 * 1024 * 1024
#: Upper bounds, so that a batch stays below the largest record.
_COMMAND_SIZE: Final = 320
_GRANT_SIZE: Final = 800
_RETRY_AFTER: Final = {"Retry-After": "1"}
_LONGEST_RETRY_AFTER: Final = 30


@dataclass(slots=True, eq=False)
class Waiting:
    """A command on its way into the log, and who waits: for its answer, or only for the log to hold it."""

    grant: Grant
    command: Command
    future: asyncio.Future[Any]
    for_answer: bool
    deadline: float

    def fail(self, problem: Problem) -> None:
        if not self.future.done():
            self.future.set_exception(problem)

    @property
    def transaction_id(self) -> str | None:
        return self.command.transaction_id if isinstance(self.command, Report) else None


#: Appends the batch made from these commands to the log; returns when it is there, or raises.
Append = Callable[[list[Waiting]], Awaitable[None]]


class Pump:
    """Takes commands for one partition and hands them to `append`, one batch at a time, in order of arrival."""

    def __init__(self, append: Append) -> None:
        self._append = append
        self._queue: deque[Waiting] = deque()
        self._arrived = asyncio.Event()

    def put(self, waiting: Waiting) -> None:
        """Queue a command. Who puts bounds how many wait."""
        self._queue.append(waiting)
        self._arrived.set()

    async def run(self) -> None:
        """Append batch after batch until cancelled; `append` never raises."""
        while True:
            await self._arrived.wait()
            if batch := self._next_batch():
                await self._append(batch)
            if not self._queue:
                self._arrived.clear()

    def expire(self, now: float) -> None:
        """Fail what has waited past its deadline: it never reached the log, and now never will."""
        while self._queue and self._queue[0].deadline <= now:
            waiting = self._queue.popleft()
            waiting.fail(not_taken(waiting))
        if not self._queue:
            self._arrived.clear()

    def _next_batch(self) -> list[Waiting]:
        batch: list[Waiting] = []
        size = 0
        while self._queue and len(batch) < MOST_COMMANDS and size < MOST_BYTES:
            waiting = self._queue.popleft()
            if waiting.future.done():  # its caller went away
                continue
            size += _COMMAND_SIZE + _size_of_metadata(waiting.command) + _GRANT_SIZE
            batch.append(waiting)
        return batch


def make_batch(batch: Iterable[Waiting], origin: bytes, number: int, reply_to: int, rules: Rules) -> Batch:
    """The record of these commands, each distinct grant once."""
    grants: dict[int, int] = {}
    distinct: list[Grant] = []
    grant_of: list[int] = []
    commands: list[Command] = []
    answers_wanted = False
    for waiting in batch:
        index = grants.get(id(waiting.grant))
        if index is None:
            index = grants[id(waiting.grant)] = len(distinct)
            distinct.append(waiting.grant)
        grant_of.append(index)
        commands.append(waiting.command)
        answers_wanted = answers_wanted or waiting.for_answer
    return Batch(VERSION, origin, number, reply_to if answers_wanted else None, rules, distinct, grant_of, commands)


def too_many(waiting: Waiting, expected_wait: float) -> Problem:
    """`expected_wait`: seconds until what waits now should be decided."""
    return TooManyWaiting(
        "More commands wait than can be decided in time; this one does not count. Send it again in a moment.",
        headers={"Retry-After": str(max(1, min(ceil(expected_wait), _LONGEST_RETRY_AFTER)))},
        transactionId=waiting.transaction_id,
    )


def out_of_reach(waiting: Waiting) -> Problem:
    """Nobody is connected: it never left."""
    return Unavailable(
        "The log is out of reach; the command does not count. Send it again in a moment.",
        headers=_RETRY_AFTER,
        transactionId=waiting.transaction_id,
    )


def not_taken(waiting: Waiting) -> Problem:
    """It waited for its turn until its deadline: it never left."""
    return Unavailable(
        "The log did not take the command in time; it does not count. Send it again.",
        headers=_RETRY_AFTER,
        transactionId=waiting.transaction_id,
    )


def not_decided(waiting: Waiting) -> Problem:
    """It left, and no answer came: it may count, and a retry under its id never counts twice."""
    generated = waiting.transaction_id is not None and generated_at(waiting.transaction_id) is not None
    within = " within ten minutes" if generated else ""
    return NoDecision(
        f"No decision came in time. Send the same again{within}, with this transactionId: it never counts twice.",
        headers=_RETRY_AFTER,
        transactionId=waiting.transaction_id,
    )


def _size_of_metadata(command: Command) -> int:
    return len(command.metadata or b"") if isinstance(command, Report) else 0
