"""The replay: a partition's usage records folded once more, exactly as the worker folds them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from metering.command import Peek
from metering.decision import Answer
from metering.grant import Grant
from stream.decide import decide_batch, ensure_from_gateway, forgotten_before
from stream.partition import POISON
from stream.reader import Record
from stream.records import Batch, decode_batch
from stream.state import PartitionState
from stream.store import Store

#: Changes held in memory before they go to the store.
_MOST_CHANGES: Final = 20_000


@dataclass(frozen=True, slots=True)
class Folded:
    """A usage record decided anew; `batch` is None, and there are no answers, where it can't be decided."""

    offset: int
    value: bytes
    batch: Batch | None
    answers: list[Answer | None]

    def grant_at(self, position: int) -> Grant | None:
        if self.batch is None or position >= len(self.batch.commands):
            return None
        return self.batch.grants[self.batch.grant_of[position]]

    def counted(self) -> Iterator[Grant]:
        """The grant of each meter that the record left a decision on, once a meter."""
        if self.batch is None:
            return
        of = {
            grant
            for grant, command in zip(self.batch.grant_of, self.batch.commands, strict=True)
            if not isinstance(command, Peek)
        }
        yield from {self.batch.grants[grant].key: self.batch.grants[grant] for grant in sorted(of)}.values()


class Replay:
    """Folds a partition's records, in order, into balances of its own in `store`."""

    def __init__(self, store: Store, partition: int, partitions: int) -> None:
        self.state = PartitionState(store)
        self._partition = partition
        self._partitions = partitions

    def fold(self, record: Record) -> Folded:
        """Decide the record as a worker does, which buries what it can't."""
        value, at = record.value or b"", appended_at(record)
        try:
            batch = decode_batch(value)
            ensure_from_gateway(batch, self._partition, self._partitions, at)
            return Folded(record.offset, value, batch, self.decide(batch, record.offset, at, value))
        except POISON:
            return Folded(record.offset, value, None, [])

    def decide(self, batch: Batch, offset: int, at: datetime, value: bytes) -> list[Answer | None]:
        """The answers to the batch (`value`, encoded) that the log took at this time.

        Raises what deciding raises, and then nothing changed.
        """
        answers = decide_batch(batch, offset, at, self.state, value)
        if self.state.changes >= _MOST_CHANGES:
            self.state.save(self.state.take(offset + 1, forgotten_before(at)), offset)
        return answers


def appended_at(record: Record) -> datetime:
    return datetime.fromtimestamp(record.timestamp / 1000, UTC)
