"""A partition at work: takes its records in order, decides each, sends the answers, checkpoints behind."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import Final, Protocol

import msgspec

from metering.decision import Answer
from stream.checkpoint import Checkpointer, Settled, Source
from stream.decide import decide_batch
from stream.records import VERSION, Batch, DeadLetter, Decided, decode_batch, encode, reply_key
from stream.state import PartitionState
from stream.topics import DEAD_LETTERS, DECISIONS, REPLIES, USAGE

log: Final = logging.getLogger(__name__)
_SEEK_AGAIN_AFTER: Final = 5.0
_LONGEST_LETTER: Final = 1024 * 1024

#: What another producer's record can raise, decoded or decided: wrong bytes or shape, impossible numbers or times.
POISON: Final = (msgspec.MsgspecError, ValueError, TypeError, ArithmeticError)


class Writer(Protocol):
    """Where answers go: see `producer.LogWriter`."""

    async def send(self, topic: str, partition: int, value: bytes) -> Awaitable[object]: ...

    async def reply(self, topic: str, partition: int, key: bytes, value: bytes) -> Awaitable[object]: ...


class Next(Enum):
    """What a record is to the one expected: itself, one that was taken before, or one with a hole before it."""

    EXPECTED = auto()
    TAKEN_BEFORE = auto()
    AFTER_A_HOLE = auto()


class Contiguity:
    """Holds that every record of a log is taken once, in order: each offset is the last one + 1."""

    def __init__(self, expected: int) -> None:
        self.expected = expected

    def judge(self, offset: int) -> Next:
        if offset < self.expected:
            return Next.TAKEN_BEFORE
        if offset > self.expected:
            return Next.AFTER_A_HOLE
        self.expected = offset + 1
        return Next.EXPECTED


class Partition:
    """One assigned partition of `usage`, from `expected` on.

    `seek(partition, offset)` makes the consumer go back to a record that it left out.
    """

    def __init__(
        self,
        number: int,
        expected: int,
        state: PartitionState,
        checkpointer: Checkpointer,
        writer: Writer,
        seek: Callable[[int, int], Awaitable[None]],
    ) -> None:
        self.number = number
        self._contiguity = Contiguity(expected)
        self._state = state
        self._checkpointer = checkpointer
        self._writer = writer
        self._seek = seek
        self._sought_at = -_SEEK_AGAIN_AFTER

    async def take(self, source: Source, offset: int, key: bytes | None, value: bytes | None) -> None:
        """Decide the record at `offset`, or go back for one that is missing before it."""
        match self._contiguity.judge(offset):
            case Next.EXPECTED:
                self._checkpointer.add(await self._decide(source, offset, key, value))
            case Next.AFTER_A_HOLE:
                await self._go_back(offset)
            case Next.TAKEN_BEFORE:
                pass

    async def _decide(self, source: Source, offset: int, key: bytes | None, value: bytes | None) -> Settled:
        try:
            batch = decode_batch(value or b"")
            received_at = batch.commands[-1].received_at if batch.commands else None
            if received_at is not None:
                await self._checkpointer.make_room(received_at)
            answers = decide_batch(batch, offset, self._state)
        except POISON as error:
            return await self._bury(source, offset, key, value, error)
        sent = await self._send(batch, answers, offset, value or b"")
        return Settled(source, offset, received_at, sent)

    async def _send(
        self, batch: Batch, answers: list[Answer | None], offset: int, value: bytes
    ) -> list[Awaitable[object]]:
        sent = []
        if batch.reply_to is not None:
            reply = encode(Decided(VERSION, self.number, offset, answers, b""))
            key = reply_key(batch.origin, batch.number)
            sent.append(await self._writer.reply(REPLIES, batch.reply_to, key, reply))
        decided = encode(Decided(VERSION, self.number, offset, answers, value))
        sent.append(await self._writer.send(DECISIONS, self.number, decided))
        return sent

    async def _bury(
        self, source: Source, offset: int, key: bytes | None, value: bytes | None, error: Exception
    ) -> Settled:
        log.error("usage %d/%d cannot be decided and goes to %s: %s", self.number, offset, DEAD_LETTERS, error)
        kept = None if value is None else value[:_LONGEST_LETTER]
        letter = DeadLetter(USAGE, self.number, offset, str(error) or type(error).__name__, key, kept)
        sent = [
            await self._writer.send(DEAD_LETTERS, 0, encode(letter)),
            await self._writer.send(DECISIONS, self.number, encode(Decided(VERSION, self.number, offset, [], b""))),
        ]
        return Settled(source, offset, None, sent)

    async def _go_back(self, offset: int) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._sought_at < _SEEK_AGAIN_AFTER:
            return  # still on its way back: what was fetched before the seek arrives first
        self._sought_at = now
        log.warning("usage %d: expected %d, got %d; going back", self.number, self._contiguity.expected, offset)
        await self._seek(self.number, self._contiguity.expected)
