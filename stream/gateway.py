"""The gateway: how the edges reach the log. Submit a command, await its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from metering.balance import Place
from metering.command import Command
from metering.decision import Answer
from metering.grant import Grant
from stream.records import decision_id


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a submitted command, and where it stands in the log."""

    partition: int
    place: Place
    answer: Answer

    @property
    def decision_id(self) -> str:
        return decision_id(self.partition, self.place)


class Gateway(Protocol):
    """The port to the log; `KafkaGateway` is the real one.

    Both calls raise `TooManyWaiting` (429) at once when the queue of the meter's partition is full, and `Unavailable`
    (503) when the log does not take the command in time.
    """

    async def submit(self, grant: Grant, command: Command) -> Answered:
        """Append the command to its meter's log and wait for the answer; raises `NoDecision` (503) when none came in time."""

    async def enqueue(self, grant: Grant, command: Command) -> str:
        """Append the command and return, once the log holds it, the id that its decision will have."""
