"""Spans: what there is of one partition to verify."""

from __future__ import annotations

from dataclasses import dataclass, field

from metering.balance import Place
from stream.records import decision_id


@dataclass(frozen=True)
class Span:
    """The offsets of `usage` and `decisions` to go through; the checkpoint holds all below `done`.

    `unknown` gathers the keys of meters that began before `usage` does: retention took what they started from, so the
    replay has nothing to say of them.
    """

    partition: int
    done: int
    usage: range
    decisions: range
    unknown: set[bytes] = field(default_factory=set)

    @property
    def whole(self) -> bool:
        """Whether the log is there from its beginning."""
        return self.usage.start == 0

    def id_of(self, offset: int, position: int = 0) -> str:
        return decision_id(self.partition, Place(offset, position))
