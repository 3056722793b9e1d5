"""A partition at work: takes its records in order, decides each, sends the answers, checkpoints behind."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from functools import partial
from typing import Final, Protocol

import msgspec

from metering.decision import Answer
from stream.checkpoint import Checkpointer, Settled, Source
from stream.decide import decide_batch, ensure_from_gateway
from stream.records import VERSION, Batch, DeadLetter, Decided, decode_batch, encode, reply_key
from stream.state import PartitionState
from stream.topics import DEAD_LETTERS, DECISIONS, REPLIES, USAGE

log: Final = logging.getLogger(__name__)

_INBOX: Final = 64
LONGEST_LETTER: Final = 1024 * 1024

#: What another producer's record can raise, decoded or decided: wrong bytes or shape, impossible numbers or times.
POISON: Final = (msgspec.MsgspecError, ValueError, TypeError, ArithmeticError)


class Writer(Protocol):
    """Where answers go: see `producer.LogWriter`."""

    async def send(self, topic: str, partition: int, value: bytes) -> Awaitable[object]: ...

    async def reply(self, topic: str, partition: int, key: bytes, value: bytes) -> Awaitable[object]: ...


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """A record of `usage` as the consumer gave it; `appended_at` is when the broker took it."""

    source: Source
    offset: int
    appended_at: datetime
    key: bytes | None
    value: bytes


class Next(Enum):
    """What a record is to the one expected: itself, one that was taken before, or one with a hole before it."""

    EXPECTED = auto()
    TAKEN_BEFORE = auto()
    AFTER_A_HOLE = auto()
    #: Delivered again after the consumer went back, and still the hole is there: the log itself has it.
    AFTER_A_HOLE_IN_THE_LOG = auto()


class Contiguity:
    """Holds that every record of a log is taken once, in order: each offset is the last one + 1."""

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self._highest = -1

    def judge(self, offset: int) -> Next:
        if offset < self.expected:
            return Next.TAKEN_BEFORE
        if offset > self.expected:
            seen_before, self._highest = offset <= self._highest, max(offset, self._highest)
            return Next.AFTER_A_HOLE_IN_THE_LOG if seen_before else Next.AFTER_A_HOLE
        self.expected = offset + 1
        self._highest = -1
        return Next.EXPECTED

    @property
    def is_going_back(self) -> bool:
        """Whether a hole was met, and the record before it is on its way."""
        return self._highest >= 0


class Partition:
    """One assigned partition of `usage`, of `partitions`, from `expected` on.

    `seek(partition, offset)` makes the consumer go back to a record that it left out.
    """

    def __init__(
        self,
        number: int,
        partitions: int,
        expected: int,
        state: PartitionState,
        checkpointer: Checkpointer,
        writer: Writer,
        seek: Callable[[int, int], Awaitable[None]],
    ) -> None:
        self.number = number
        self._partitions = partitions
        self._contiguity = Contiguity(expected)
        self._state = state
        self._checkpointer = checkpointer
        self._writer = writer
        self._seek = seek
        self._inbox: asyncio.Queue[UsageRecord | None] = asyncio.Queue(_INBOX)

    @property
    def next_offset(self) -> int:
        """The offset of the record that is decided next."""
        return self._contiguity.expected

    async def put(self, record: UsageRecord) -> None:
        """Hand a record over; waits while as many are not decided yet as are held."""
        await self._inbox.put(record)

    async def run(self) -> None:
        """Decide what was put until `finish`; an error ends it and is the caller's to act on."""
        while (record := await self._inbox.get()) is not None:
            await self.take(record)

    async def finish(self) -> None:
        """Make `run` return after what was put."""
        await self._inbox.put(None)

    def abandon(self) -> None:
        """Forget what was put, and let go of who waits to put more."""
        while not self._inbox.empty():
            self._inbox.get_nowait()

    async def take(self, record: UsageRecord) -> None:
        """Decide the record, or go back for one that is missing before it."""
        was_going_back = self._contiguity.is_going_back
        match self._contiguity.judge(record.offset):
            case Next.EXPECTED:
                await self._decide(record)
            case Next.AFTER_A_HOLE if not was_going_back:
                expected = self._contiguity.expected
                log.warning("usage %d: expected %d, got %d; going back", self.number, expected, record.offset)
                await self._seek(self.number, expected)
            case Next.AFTER_A_HOLE_IN_THE_LOG:
                await self._pass_over(record.offset)
                await self.take(record)
            case Next.AFTER_A_HOLE | Next.TAKEN_BEFORE:
                pass

    async def _decide(self, record: UsageRecord) -> None:
        await self._checkpointer.make_room()
        try:
            batch = decode_batch(record.value)
            ensure_from_gateway(batch, self.number, self._partitions, record.appended_at)
            send = partial(
                self._send,
                record,
                batch,
                decide_batch(batch, record.offset, record.appended_at, self._state, record.value),
            )
        except POISON as error:
            send = partial(self._bury, record, str(error) or type(error).__name__)
        await self._settle(record, send)

    async def _settle(self, record: UsageRecord, send: Callable[[], Awaitable[Sequence[Awaitable[object]]]]) -> None:
        """Note the record for the next checkpoint, in the same step that decided it; then send what came of it."""
        sending: asyncio.Future[Sequence[Awaitable[object]]] = asyncio.get_running_loop().create_future()
        self._checkpointer.add(Settled(record.source, record.offset, record.appended_at, len(record.value), sending))
        try:
            sending.set_result(await send())
        finally:
            sending.cancel()  # unless it is done: then no checkpoint passes this record

    async def _send(
        self, record: UsageRecord, batch: Batch, answers: list[Answer | None]
    ) -> Sequence[Awaitable[object]]:
        sent = []
        if batch.reply_to is not None:
            reply = encode(Decided(VERSION, self.number, record.offset, answers, b""))
            key = reply_key(batch.origin, batch.number)
            sent.append(await self._writer.reply(REPLIES, batch.reply_to, key, reply))
        decided = encode(Decided(VERSION, self.number, record.offset, answers, record.value))
        sent.append(await self._writer.send(DECISIONS, self.number, decided))
        return sent

    async def _bury(self, record: UsageRecord, reason: str) -> Sequence[Awaitable[object]]:
        log.error("usage %d/%d cannot be decided and goes to %s: %s", self.number, record.offset, DEAD_LETTERS, reason)
        letter = DeadLetter(USAGE, self.number, record.offset, reason, record.key, record.value[:LONGEST_LETTER])
        return [
            await self._writer.send(DEAD_LETTERS, 0, encode(letter)),
            await self._writer.send(DECISIONS, self.number, self._nothing_at(record.offset)),
        ]

    async def _pass_over(self, offset: int) -> None:
        """Go on behind offsets that the log does not have (a marker, or records that were deleted), and say so."""
        missing = range(self._contiguity.expected, offset)
        log.critical("usage %d: the log does not have offsets %d to %d", self.number, missing[0], missing[-1])
        for place in missing:
            await self._writer.send(DECISIONS, self.number, self._nothing_at(place))
        self._contiguity = Contiguity(offset)

    def _nothing_at(self, offset: int) -> bytes:
        return encode(Decided(VERSION, self.number, offset, [], b""))
