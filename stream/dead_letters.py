"""Dead letters: records that could not be decided, to look at and to send to `usage` again.

What was sent again is noted in the same topic, beside the letters (key `redrive`): before it is sent, with the offset
that `usage` ended at, and after it, with the offset that it has there. The record itself names its origin in a header.
So a command that died in between finds out whether its record arrived, and nothing is sent twice.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol, Self

import msgspec

from stream.partition import LONGEST_LETTER
from stream.producer import log_producer
from stream.reader import Reader, Record
from stream.records import decode_dead_letter, encode
from stream.topics import DEAD_LETTERS, USAGE

REDRIVE_KEY: Final = b"redrive"
REDRIVEN_FROM: Final = "redriven-from"

Headers = Sequence[tuple[str, bytes]]


class Origin(NamedTuple):
    """Where the record stands in `usage`: what a letter is known by."""

    partition: int
    offset: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `PARTITION-OFFSET`; raises `ValueError`."""
        partition, _, offset = text.partition("-")
        if not (partition.isdecimal() and offset.isdecimal()):
            raise ValueError(f"{text!r} is no place of a record: PARTITION-OFFSET, as in 3-1234")
        return cls(int(partition), int(offset))

    def __str__(self) -> str:
        return f"{self.partition}-{self.offset}"


class Redrive(msgspec.Struct, frozen=True):
    """A note: the letter from there goes to `usage` again, which ended at `since`; `landed` is its offset there."""

    partition: int
    offset: int
    since: int
    landed: int | None = None


_decode_redrive: Final = msgspec.msgpack.Decoder(Redrive).decode


@dataclass(frozen=True, slots=True)
class Letter:
    """One record that could not be decided, without its content; `size` is that of what the letter kept.

    `at` is the letter's own offset, `times` how often a worker wrote it. `since` and `landed` are of its re-drive.
    """

    origin: Origin
    reason: str
    buried_at: datetime
    size: int
    at: int
    times: int = 1
    since: int | None = None
    landed: int | None = None


@dataclass(frozen=True, slots=True)
class Redriven:
    """Where the record stands in `usage` now, and whether this call brought it there or an earlier one."""

    offset: int
    before: bool


class ContentGone(Exception):
    """`usage` no longer has the record, and the letter holds only its beginning."""


class Appender(Protocol):
    """Where a record is put back; `LogAppender` is the real one."""

    async def append(self, topic: str, partition: int, value: bytes, key: bytes | None, headers: Headers) -> int:
        """The offset that the record has, once the log holds it."""


class DeadLetters:
    """The letters of `reader`'s log. One re-drive at a time: two commands at once may both send the same letter."""

    def __init__(self, reader: Reader, appender: Appender) -> None:
        self._reader = reader
        self._appender = appender

    async def all(self) -> dict[Origin, Letter]:
        """Every letter by its origin, in the order that they were written."""
        letters: dict[Origin, Letter] = {}
        async with aclosing(await self._topic()) as records:
            async for record in records:
                if record.key == REDRIVE_KEY:
                    _note(letters, _decode_redrive(record.value or b""))
                else:
                    _add(letters, record)
        return letters

    async def content(self, letter: Letter) -> tuple[bytes | None, bytes | None]:
        """The record's key and value: the whole one while `usage` has it. Raises `ContentGone`."""
        origin = letter.origin
        if (record := await self._at(USAGE, origin.partition, origin.offset)) is not None:
            return record.key, record.value
        kept = await self._at(DEAD_LETTERS, 0, letter.at)
        if kept is None or letter.size >= LONGEST_LETTER:
            raise ContentGone(f"The record at {origin} is gone from {USAGE}, and its letter holds no whole copy.")
        found = decode_dead_letter(kept.value or b"")
        return found.key, found.value

    async def redrive(self, letter: Letter) -> Redriven:
        """Send the letter's record to its partition of `usage` again, once, to be decided from its new place."""
        landed = letter.landed if letter.landed is not None else await self._arrived(letter)
        if landed is not None:
            return Redriven(landed, before=True)
        key, value = await self.content(letter)
        origin = letter.origin
        since = (await self._reader.span(USAGE, origin.partition)).stop
        await self._write_note(Redrive(*origin, since))
        headers = [(REDRIVEN_FROM, str(origin).encode())]
        offset = await self._appender.append(USAGE, origin.partition, value or b"", key, headers)
        await self._write_note(Redrive(*origin, since, offset))
        return Redriven(offset, before=False)

    async def _arrived(self, letter: Letter) -> int | None:
        """Where the record of a re-drive stands that was begun, and may have been cut short."""
        if letter.since is None:
            return None
        wanted = (REDRIVEN_FROM, str(letter.origin).encode())
        span = await self._reader.span(USAGE, letter.origin.partition)
        left = range(max(letter.since, span.start), span.stop)
        async with aclosing(self._reader.read(USAGE, letter.origin.partition, left)) as records:
            async for record in records:
                if wanted in record.headers:
                    offset: int = record.offset
                    await self._write_note(Redrive(*letter.origin, letter.since, offset))
                    return offset
        return None

    async def _write_note(self, note: Redrive) -> None:
        await self._appender.append(DEAD_LETTERS, 0, encode(note), REDRIVE_KEY, ())

    async def _at(self, topic: str, partition: int, offset: int) -> Record | None:
        if offset not in await self._reader.span(topic, partition):
            return None
        async with aclosing(self._reader.read(topic, partition, range(offset, offset + 1))) as records:
            return await anext(records, None)

    async def _topic(self) -> AsyncGenerator[Record, None]:
        return self._reader.read(DEAD_LETTERS, 0, await self._reader.span(DEAD_LETTERS, 0))


def _add(letters: dict[Origin, Letter], record: Record) -> None:
    """A worker that was killed writes a letter again."""
    letter = decode_dead_letter(record.value or b"")
    origin = Origin(letter.partition, letter.offset)
    if (before := letters.get(origin)) is not None:
        letters[origin] = replace(before, times=before.times + 1)
        return
    buried_at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    letters[origin] = Letter(origin, letter.reason, buried_at, len(letter.value or b""), record.offset)


def _note(letters: dict[Origin, Letter], note: Redrive) -> None:
    origin = Origin(note.partition, note.offset)
    if origin in letters:  # else retention took the letter
        letters[origin] = replace(letters[origin], since=note.since, landed=note.landed)


class LogAppender:
    """Appends to Kafka. Open it by `async with`."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._producer = log_producer(bootstrap_servers)

    async def __aenter__(self) -> Self:
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def append(self, topic: str, partition: int, value: bytes, key: bytes | None, headers: Headers) -> int:
        appended: Any = await self._producer.send_and_wait(
            topic, value, key=key, partition=partition, headers=[*headers]
        )
        offset: int = appended.offset
        return offset
