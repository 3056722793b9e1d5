"""What if: the log replayed under other limits. Only they differ: what callers would have done then, nobody knows."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, aclosing
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, Self

import msgspec

from metering.command import Command, Report
from metering.decision import Answer, Decision, Status
from metering.grant import Grant, Reason
from metering.quantity import parse
from stream.reader import Record
from stream.records import Batch, encode
from stream.topics import USAGE
from stream.verify.log import Log, Watch
from stream.verify.replay import Folded, Replay, appended_at
from stream.verify.scratch import scratch_store

_FORM: Final = "entitlement=SLUG,limit=NUMBER"


@dataclass(frozen=True, slots=True)
class Supposition:
    """Every grant of the entitlement has this limit instead of its own; -1 is unlimited, overages stay."""

    entitlement: str
    limit: Decimal

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `entitlement=SLUG,limit=NUMBER`; raises `ValueError`."""
        words = dict(part.split("=", 1) for part in text.split(",") if "=" in part)
        if words.keys() != {"entitlement", "limit"}:
            raise ValueError(f"{text!r} is not of the form {_FORM}")
        return cls(words["entitlement"], parse(words["limit"]))


@dataclass(frozen=True, slots=True)
class Refusal:
    """When, as which of its meter's decisions, and what was reported on how much usage."""

    at: datetime
    sequence: int
    value: Decimal
    before: Decimal


@dataclass
class Outcome:
    """One meter: its reports as they were decided, and as they would have been; the first over the other limit."""

    instance: str
    entitlement: str
    accepted: int = 0
    refused: int = 0
    would_be_accepted: int = 0
    would_be_refused: int = 0
    first: Refusal | None = None

    def count(self, report: Report, was: Answer | None, would: Answer | None) -> None:
        self.accepted += _is(was, Status.ACCEPTED)
        self.refused += _is(was, Status.REJECTED)
        self.would_be_accepted += _is(would, Status.ACCEPTED)
        self.would_be_refused += _is(would, Status.REJECTED)
        if self.first is None and isinstance(would, Decision) and would.reason is Reason.THRESHOLD_EXCEEDED:
            self.first = Refusal(report.received_at, would.sequence, report.value, would.before)


class WhatIf:
    """Replays `log` as it was and as supposed, side by side. Needs no worker, no rows and no checkpoint."""

    def __init__(self, log: Log, suppositions: Sequence[Supposition], scratch: Path, watch: Watch) -> None:
        self.outcomes: Final[dict[bytes, Outcome]] = {}
        self.starts: Final[dict[int, int]] = {}
        """Per partition, the offset of `usage` that the replay began at: above 0 where retention took the rest."""
        self._log = log
        self._limits: Mapping[str, Decimal] = {each.entitlement: each.limit for each in suppositions}
        self._scratch = scratch
        self._watch = watch

    async def run(self) -> None:
        partitions = await self._log.partitions(USAGE)
        spans = {partition: await self._log.span(USAGE, partition) for partition in partitions}
        self._watch.begin(sum(map(len, spans.values())))
        for partition, span in spans.items():
            self.starts[partition] = span.start
            with ExitStack() as stack:
                directory = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=self._scratch, prefix="verify-")))
                was, would = (
                    Replay(stack.enter_context(scratch_store(directory / name)), partition, len(partitions))
                    for name in ("was", "would")
                )
                await self._replay(partition, span, was, would)

    async def _replay(self, partition: int, span: range, was: Replay, would: Replay) -> None:
        async with aclosing(self._log.read(USAGE, partition, span)) as usage:
            async for record in usage:
                self._suppose(was.fold(record), record, would)
                self._watch.advance()

    def _suppose(self, folded: Folded, record: Record, would: Replay) -> None:
        """Decide the record's commands on the named entitlements under their other limits."""
        positions = [
            position
            for position in range(len(folded.answers))
            if (grant := folded.grant_at(position)) and grant.entitlement_slug in self._limits
        ]
        if folded.batch is None or not positions:
            return
        supposed = self._supposed(folded.batch, positions)
        answers = would.decide(supposed, record.offset, appended_at(record), encode(supposed))
        for position, answer in zip(positions, answers, strict=True):
            self._count(folded, position, answer)

    def _supposed(self, batch: Batch, positions: Sequence[int]) -> Batch:
        grants = [self._under_other_limit(grant) for grant in batch.grants]
        grant_of = [batch.grant_of[position] for position in positions]
        commands: list[Command] = [batch.commands[position] for position in positions]
        return msgspec.structs.replace(batch, grants=grants, grant_of=grant_of, commands=commands)

    def _under_other_limit(self, grant: Grant) -> Grant:
        limit = self._limits.get(grant.entitlement_slug)
        return grant if limit is None else msgspec.structs.replace(grant, limit=limit)

    def _count(self, folded: Folded, position: int, would: Answer | None) -> None:
        assert folded.batch is not None
        command, grant = folded.batch.commands[position], folded.grant_at(position)
        if isinstance(command, Report) and grant is not None:
            found = self.outcomes.setdefault(grant.key, Outcome(grant.instance_slug, grant.entitlement_slug))
            found.count(command, folded.answers[position], would)


def _is(answer: Answer | None, status: Status) -> bool:
    return isinstance(answer, Decision) and answer.status is status
