"""The records on the topics: msgpack, arrays in field order, new fields only at the end.

| topic         | key       | value         | partition                                |
|---------------|-----------|---------------|------------------------------------------|
| usage         | none      | Batch         | that of its meters' keys                 |
| decisions     | none      | Decided       | that of its usage record                 |
| replies       | reply_key | Decided       | Batch.reply_to, when someone waits       |
| dead-letters  | none      | DeadLetter    | 0                                        |
| changelog     | state key | state value   | that of its usage records, see `state`   |
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from functools import lru_cache
from typing import Final

import msgspec

from metering.balance import Place
from metering.command import Command
from metering.decision import Answer, Decision
from metering.grant import Grant
from metering.transaction import is_generated
from stream.topics import REPLY_PARTITIONS

VERSION: Final = 1
RULES: Final = 1
ORIGIN_SIZE: Final = 8
#: As many answers as fit a record beside the batch that they are to.
MOST_COMMANDS: Final = 10_000
_GRANTS_KEPT: Final = 16_384
_DECISION_ID: Final = re.compile(r"(\d{1,5})-(\d{1,19})-(\d{1,9})", re.ASCII)


class Rules(msgspec.Struct, frozen=True, array_like=True):
    """The settings that a decision depends on, fixed in the log with the commands that they are for.

    `remember_for` is how long a client's transaction id is remembered, `remember_generated_for` one that the edge made.
    """

    version: int = RULES
    remember_for: timedelta = timedelta(days=35)
    remember_generated_for: timedelta = timedelta(minutes=15)

    def memory_of(self, transaction_id: str) -> timedelta:
        return self.remember_generated_for if is_generated(transaction_id) else self.remember_for


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """Commands of one partition, as one producer (`origin`, its `number`-th) group-committed them.

    `grants` holds each distinct grant once; command i is held against `grants[grant_of[i]]`. `reply_to` is the
    partition of `replies` where the origin listens, None when nobody waits.
    """

    version: int
    origin: bytes
    number: int
    reply_to: int | None
    rules: Rules
    grants: list[Grant]
    grant_of: list[int]
    commands: list[Command]

    def __post_init__(self) -> None:
        if self.version != VERSION:
            raise ValueError(f"a batch of version {self.version}; this release reads {VERSION}")
        if len(self.origin) != ORIGIN_SIZE or not 0 <= self.number < 1 << 64:
            raise ValueError("a batch whose origin or number is not of 8 bytes")
        if self.reply_to is not None and not 0 <= self.reply_to < REPLY_PARTITIONS:
            raise ValueError("a batch that wants its reply on a partition that is not there")
        if self.rules.version != RULES:
            raise ValueError(f"a batch under rules {self.rules.version}; this release knows {RULES}")
        if len(self.commands) > MOST_COMMANDS:
            raise ValueError(f"a batch of {len(self.commands)} commands; no more than {MOST_COMMANDS} are taken")
        if len(self.grant_of) != len(self.commands):
            raise ValueError("a batch with another number of commands than of grants for them")
        if self.grant_of and not 0 <= min(self.grant_of) <= max(self.grant_of) < len(self.grants):
            raise ValueError("a batch with a command whose grant it does not hold")


class Decided(msgspec.Struct, frozen=True, array_like=True):
    """What came of the usage record at `partition`, `offset`: one answer a command, in order.

    On `replies` the record's key is the batch's `reply_key`, and `batch` is left out.

    `batch` is that record's own value, so that a decision stands beside all that it was made from. An answer is None
    where a restarted worker skipped a command that its checkpoint held already: its decision went out before. A
    record that could not be decoded has no answers and an empty batch (it stands in dead-letters).
    """

    version: int
    partition: int
    offset: int
    answers: list[Answer | None]
    batch: bytes


class DeadLetter(msgspec.Struct, frozen=True):
    """A record that could not be decided: where it came from, why, and what it was (its first MiB)."""

    topic: str
    partition: int
    offset: int
    reason: str
    key: bytes | None
    value: bytes | None


class _BatchOnTheWire(msgspec.Struct, frozen=True, array_like=True):
    """A `Batch` whose grants are not read yet."""

    version: int
    origin: bytes
    number: int
    reply_to: int | None
    rules: Rules
    grants: list[msgspec.Raw]
    grant_of: list[int]
    commands: list[Command]


encode: Final = msgspec.msgpack.Encoder().encode
_decode_wire: Final = msgspec.msgpack.Decoder(_BatchOnTheWire).decode
_decode_grant: Final = lru_cache(_GRANTS_KEPT)(msgspec.msgpack.Decoder(Grant).decode)


def decode_batch(value: bytes) -> Batch:
    """Read a batch; raises `ValueError` for what is none. A grant is the same in record after record, and read once."""
    wire = _decode_wire(value)
    grants = [_decode_grant(bytes(raw)) for raw in wire.grants]
    return Batch(
        wire.version, wire.origin, wire.number, wire.reply_to, wire.rules, grants, wire.grant_of, wire.commands
    )


decode_decided: Final = msgspec.msgpack.Decoder(Decided).decode
decode_dead_letter: Final = msgspec.msgpack.Decoder(DeadLetter).decode


class AuditEvent(msgspec.Struct, frozen=True):
    """One decision with all that it was made from: what becomes a row of the audit trail."""

    partition: int
    place: Place
    grant: Grant
    command: Command
    decision: Decision

    @property
    def decision_id(self) -> str:
        return decision_id(self.partition, self.place)


def audit_events(decided: Decided) -> Iterator[AuditEvent]:
    """The decisions of one record, in log order; repeated answers and peeks are none."""
    if not decided.batch:
        return
    batch = decode_batch(decided.batch)
    for position, answer in enumerate(decided.answers):
        if isinstance(answer, Decision):
            yield AuditEvent(
                decided.partition,
                Place(decided.offset, position),
                batch.grants[batch.grant_of[position]],
                batch.commands[position],
                answer,
            )


def reply_key(origin: bytes, number: int) -> bytes:
    """How a gateway knows its own batch among the replies: 8 bytes of origin, 8 of number."""
    return origin + number.to_bytes(8, "big")


def decision_id(partition: int, place: Place) -> str:
    """The id of the decision on the command at `place`: the same however often it is decided."""
    return f"{partition}-{place.offset}-{place.position}"


def place_of(decision_id: str) -> tuple[int, Place]:
    """The partition and the place that the id says; raises `ValueError` for what is no such id."""
    if (found := _DECISION_ID.fullmatch(decision_id)) is None:
        raise ValueError(f"{decision_id!r} is no id of a decision: PARTITION-OFFSET-POSITION, as in 3-1234-7")
    partition, offset, position = map(int, found.groups())
    return partition, Place(offset, position)
