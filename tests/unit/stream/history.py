"""One partition's history in memory, as workers and sink would have left it; a test then spoils a piece of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from metering.balance import NOWHERE, Balance
from metering.command import Command
from metering.grant import Grant
from stream.decide import decide_batch
from stream.records import VERSION, Batch, Decided, Rules, decode_batch, decode_decided, encode
from stream.rows import COLUMNS, rows_of
from stream.state import PartitionState
from stream.store import MemoryStore, Store
from stream.topics import DECISIONS, USAGE
from tests.unit.stream.fakes import NOON, grant


@dataclass(frozen=True)
class Stored:
    """A record, as a consumer gets it."""

    offset: int
    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp: int = int(NOON.timestamp() * 1000)


@dataclass
class Topic:
    """A partition of a topic, whose beginning retention may have taken."""

    records: list[Stored] = field(default_factory=list)
    start: int = 0

    def append(self, value: bytes | None, key: bytes | None = None, headers: Sequence[tuple[str, bytes]] = ()) -> int:
        self.records.append(Stored(len(self.records), value, key, tuple(headers)))
        return len(self.records) - 1

    def replace(self, offset: int, value: bytes) -> None:
        self.records[offset] = Stored(offset, value)


class MemoryLog:
    """Topics in memory, of one partition each: a `Reader`, and a `dead_letters.Writer`."""

    def __init__(self) -> None:
        self.topics: dict[str, Topic] = {}

    def topic(self, name: str) -> Topic:
        return self.topics.setdefault(name, Topic())

    async def span(self, topic: str, partition: int) -> range:
        return range(self.topic(topic).start, len(self.topic(topic).records))

    async def read(self, topic: str, partition: int, span: range) -> AsyncGenerator[Stored, None]:
        for offset in span:
            yield self.topic(topic).records[offset]

    async def append(self, topic: str, partition: int, value: bytes, key: bytes | None, headers: Any) -> int:
        return self.topic(topic).append(value, key, headers)


class History(MemoryLog):
    """A log with its decisions, the balances of its last checkpoint, and the rows that the sink made of it."""

    def __init__(self) -> None:
        super().__init__()
        self.state = PartitionState(MemoryStore())
        self.balances: dict[bytes, Balance] = {}
        self.rows: list[list[Any]] = []
        self.expiries: list[list[Any]] = []
        self.decided_to = 0

    def record(self, *commands: Command, held_against: Grant | None = None) -> None:
        """Append a record, decide it, and bring its rows."""
        held = held_against or grant()
        value = encode(Batch(VERSION, b"origin__", 1, None, Rules(), [held], [0] * len(commands), list(commands)))
        offset = self.topic(USAGE).append(value)
        decided = Decided(VERSION, 0, offset, decide_batch(decode_batch(value), offset, NOON, self.state, value), value)
        at = self.topic(DECISIONS).append(encode(decided))
        self.rows += [list(row) for row in rows_of(decided, at, NOWHERE)]
        self.decided_to = offset + 1
        if commands:
            self.balances[held.key] = self.state.balance(held.key)

    def bury(self, value: bytes) -> None:
        offset = self.topic(USAGE).append(value)
        self.topic(DECISIONS).append(encode(Decided(VERSION, 0, offset, [], b"")))

    def decide_again(self, first: int, last: int, **forged: Any) -> None:
        """What a killed worker leaves: the same once more; its first answer may be forged."""
        for offset in range(first, last + 1):
            self.topic(DECISIONS).append(self._forged(offset, 0, **forged))

    def forge(self, offset: int, position: int, **fields: Any) -> None:
        self.topic(DECISIONS).replace(offset, self._forged(offset, position, **fields))

    def forge_row(self, at: int, **cells: Any) -> None:
        for name, cell in cells.items():
            self.rows[at][COLUMNS.index(name)] = cell

    def _forged(self, offset: int, position: int, **fields: Any) -> bytes:
        decided = decode_decided(self.topic(DECISIONS).records[offset].value or b"")
        answers = list(decided.answers)
        answers[position] = msgspec.structs.replace(answers[position], **fields)  # type: ignore[type-var]
        return encode(msgspec.structs.replace(decided, answers=answers))

    async def partitions(self, topic: str) -> list[int]:
        return [0]

    async def rebuild(self, store: Store, partition: int) -> None:
        kept = {b"b" + meter: encode(balance) for meter, balance in self.balances.items()}
        store.write({**kept, b"o": b"%d" % self.decided_to}, 0)

    async def query(self, name: str, **parameters: Any) -> list[list[Any]]:
        """The rows, as ClickHouse has them."""
        offset, position = COLUMNS.index("offset"), COLUMNS.index("position")
        if name == "expiries":
            return [*self.expiries]
        if name == "places":
            return [[0, max((row[offset], row[position]) for row in self.rows), 0]] if self.rows else []
        wanted = range(parameters["since"], parameters["until"] + 1)
        return sorted((row for row in self.rows if row[offset] in wanted), key=lambda row: (row[offset], row[position]))


def is_empty(directory: Path) -> bool:
    return not [*directory.iterdir()]
