"""Reading: how far a partition of `decisions` was taken, and the rows that each further record adds."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from metering.balance import Place
from stream.feed import DecisionsLost, Record
from stream.records import Decided, decode_decided
from stream.rows import Rows
from stream.topics import DECISIONS

log: Final = logging.getLogger(__name__)


@dataclass
class Reading:
    """How far one partition has been read: the last command taken, None before the first record of an empty table."""

    partition: int
    last: Place | None = None
    skips_lost: bool = False
    read_to: int = 0
    """The offset of `decisions` behind the last record that was read."""

    def take_all(self, records: Iterable[Record]) -> Rows:
        """The rows that these records add."""
        rows = Rows()
        for record in records:
            self.take(record, rows)
        return rows

    def take(self, record: Record, rows: Rows) -> None:
        """Add the rows of this record; none when it was taken before. Raises `DecisionsLost` on a hole."""
        self.read_to = record.offset + 1
        decided = _decoded(record)
        if decided is None:
            return
        last = self.last or Place(decided.offset, -1)
        if decided.offset > last.offset + 1 and not self.skips_lost:
            raise DecisionsLost(
                f"Partition {self.partition} of {DECISIONS}: after the decisions of usage record {last.offset} come "
                f"those of {decided.offset}, at offset {record.offset}. Bring back the records between, from a copy of "
                f"the topic, and start again; or start once with TIDEMARK_SKIP_LOST_DECISIONS=true, to go on without."
            )
        if decided.offset < last.offset:
            return
        self.last = max(last, Place(decided.offset, len(decided.answers) - 1))
        try:
            rows.take(decided, record.offset, last)
        except (msgspec.DecodeError, ValueError, LookupError) as error:
            _say_skipped(record, str(error))


def _decoded(record: Record) -> Decided | None:
    try:
        decided = decode_decided(record.value or b"")
    except msgspec.DecodeError as error:
        _say_skipped(record, str(error))
        return None
    if decided.partition == record.partition:
        return decided
    _say_skipped(record, f"decisions of partition {decided.partition}")
    return None


def _say_skipped(record: Record, why: str) -> None:
    log.error("skipped record %s of partition %s of decisions: %s", record.offset, record.partition, why)
