"""Decisions, held against the replay: each command decided once, or again the same, and none left out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from metering.decision import Answer, Decision, Standing
from metering.grant import Grant
from stream.reader import Record
from stream.records import VERSION, Decided, decode_batch, decode_decided, encode
from stream.store import Store
from stream.verify.findings import Findings, Subject, apart, describe, meter_name
from stream.verify.replay import Folded
from stream.verify.span import Span

_decode_answers: Final = msgspec.msgpack.Decoder(list[Answer | None]).decode


class Decisions:
    """Goes through `records` of the topic beside the replay.

    A worker that was killed decides again from its checkpoint, so records come again from further back; `store` keeps
    what the replay gave for them.
    """

    def __init__(self, span: Span, records: AsyncIterator[Record], store: Store, findings: Findings) -> None:
        self._span = span
        self._records = records
        self._store = store
        self._findings = findings
        self._next: Decided | None = None
        self._begun = span.decisions.start == 0

    async def hold(self, folded: Folded) -> Decided | None:
        """Hold all that was decided up to this record against the replay.

        Returns what the record's decisions are; None where they are not made yet, or gone by retention.
        """
        self._store.write({_key(folded.offset): encode(folded.answers)}, folded.offset)
        first: Decided | None = None
        while (decided := await self._peek()) is not None and decided.offset <= folded.offset:
            self._next = None
            if first is None and decided.offset == folded.offset:
                first = decided
            else:
                self._again(decided)
        return self._missing(folded) if first is None else self._first(first, folded)

    async def finish(self) -> None:
        """Name what was decided on records that `usage` does not have."""
        while (decided := await self._peek()) is not None:
            self._next = None
            self._again(decided)

    async def _peek(self) -> Decided | None:
        while self._next is None:
            record = await anext(self._records, None)
            if record is None:
                return None
            self._next = self._decoded(record)
        return self._next

    def _decoded(self, record: Record) -> Decided | None:
        """The record; None where it is not a worker's, or of a time before the replay's."""
        try:
            decided = decode_decided(record.value or b"")
        except msgspec.MsgspecError as error:
            self._foreign(record, str(error))
            return None
        if decided.partition != self._span.partition:
            self._foreign(record, f"decisions of partition {decided.partition}")
            return None
        return decided if decided.offset >= self._span.usage.start else None

    def _foreign(self, record: Record, found: str) -> None:
        where = f"offset {record.offset} of decisions {self._span.partition}"
        self._findings.differ(Subject.DECISION, where, "?", "a worker's decisions", found)

    def _first(self, decided: Decided, folded: Folded) -> Decided | None:
        self._begun = True
        self._findings.decisions += sum(isinstance(answer, Decision) for answer in decided.answers)
        if decided.batch != (b"" if folded.batch is None else folded.value):
            self._differ(decided, 0, "the batch that usage holds", "another one")
        self._compare(decided, folded.answers)
        if None not in decided.answers:
            return decided
        return self._skipped(decided, folded)

    def _skipped(self, decided: Decided, folded: Folded) -> Decided | None:
        """A command may be skipped only where it was decided before."""
        if not self._span.whole:
            self._span.unknown.update(grant.key for grant in folded.counted())
            return None
        for position, answer in enumerate(decided.answers):
            if answer is None:
                self._differ(decided, position, describe(folded.answers[position]), "skipped, and never decided")
        return _as_replayed(decided.partition, folded)

    def _again(self, decided: Decided) -> None:
        kept = self._store.get(_key(decided.offset))
        if kept is None and not decided.answers:
            return  # a worker passed over an offset that the log does not have
        if kept is None:
            self._differ(decided, 0, "nothing, for usage has no such record", f"{len(decided.answers)} decisions")
            return
        self._findings.repeated += sum(answer is not None for answer in decided.answers)
        self._compare(decided, _decode_answers(kept))

    def _missing(self, folded: Folded) -> Decided | None:
        if not self._begun or folded.offset >= self._span.done:
            return None
        for position, answer in enumerate(folded.answers):
            place, meter = self._span.id_of(folded.offset, position), meter_name(folded.grant_at(position))
            self._findings.differ(Subject.DECISION, place, meter, describe(answer), "none")
        return _as_replayed(self._span.partition, folded)

    def _compare(self, decided: Decided, expected: Sequence[Answer | None]) -> None:
        if decided.answers == expected:
            return
        if len(decided.answers) != len(expected):
            self._differ(decided, 0, f"{len(expected)} decisions", f"{len(decided.answers)}")
            return
        for position, (wanted, found) in enumerate(zip(expected, decided.answers, strict=True)):
            if found is not None and found != wanted and not self._is_unknown(decided, position, wanted, found):
                self._differ(decided, position, *apart(wanted, found))

    def _is_unknown(self, decided: Decided, position: int, wanted: Answer | None, found: Answer) -> bool:
        """Whether the command's meter has decisions from before the log begins: its first here is not its first."""
        grant = None if self._span.whole else _grant_of(decided, position)
        if grant is None:
            return False
        if isinstance(wanted, Decision) and wanted.sequence == 1 and getattr(found, "sequence", 0) != 1:
            self._span.unknown.add(grant.key)
        return grant.key in self._span.unknown or (isinstance(wanted, Standing) and not wanted.events)

    def _differ(self, decided: Decided, position: int, expected: str, found: str) -> None:
        place = self._span.id_of(decided.offset, position)
        self._findings.differ(Subject.DECISION, place, meter_name(_grant_of(decided, position)), expected, found)


def _as_replayed(partition: int, folded: Folded) -> Decided:
    return Decided(VERSION, partition, folded.offset, folded.answers, folded.value if folded.batch else b"")


def _grant_of(decided: Decided, position: int) -> Grant | None:
    try:
        batch = decode_batch(decided.batch)
        return batch.grants[batch.grant_of[position]]
    except (msgspec.MsgspecError, IndexError):
        return None


def _key(offset: int) -> bytes:
    return offset.to_bytes(8, "big")
