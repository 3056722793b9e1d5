"""Kept records: what remembers the reports whose ids ingest made, at the price of one entry a record.

Nearly every report has such an id and hardly any is ever sent again, but a receipt for each, stored and deleted again,
would cost more than deciding it. So a record is kept whole, with its answers, and a receipt is made from it when one is
wanted. What finds a report in it is an index that only the local store has, in the order of the ids' time, so that it
is forgotten by ranges. Keys: `r` + when the log took the record (seconds, 8 bytes) + its offset (8) → Kept; on disk
only: `g` + the id without its prefix + meter → the record's key + position (4), or nothing for a receipt by itself.

Kept is a record that is none of the strange ones: too large for one entry, or made by a clock or rules far off. The
reports of those have receipts of their own.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

from metering.balance import Place
from metering.command import Report
from metering.decision import Answer, Decision, Receipt, Status, remember
from metering.transaction import PREFIX, is_generated
from stream.records import Batch, decode_batch

LARGEST: Final = 512 * 1024
#: In the index of a report that has a receipt by itself.
ITSELF: Final = b""
_ID_LENGTH: Final = 41
_MOST_AHEAD: Final = timedelta(minutes=1)
_MOST_BEHIND: Final = timedelta(minutes=20)
_LONGEST_MEMORY: Final = timedelta(minutes=15)


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """A usage record's value, and the answers to its commands."""

    value: bytes
    answers: list[Answer | None]


def can_be_kept(batch: Batch, appended_at: datetime, size: int) -> bool:
    """Whether the record, of `size` bytes, is none of the strange ones that have receipts by themselves."""
    latest = max((command.received_at for command in batch.commands), default=appended_at)
    return (
        size <= LARGEST
        and latest - appended_at <= _MOST_AHEAD
        and batch.rules.remember_generated_for <= _LONGEST_MEMORY
    )


def record_key(appended_at: datetime, offset: int) -> bytes:
    """The key of the record at `offset`, in the order of the log's time."""
    return b"r" + _seconds(appended_at).to_bytes(8, "big") + offset.to_bytes(8, "big")


def records_before(forgotten: datetime) -> bytes:
    """The key before which every report of a record expired before `forgotten`."""
    return record_key(forgotten - _MOST_AHEAD - _LONGEST_MEMORY, 0)


def oldest_id(appended_at: datetime) -> str:
    """What every id lies at or behind that is in the index of a record taken at this time."""
    return f"{PREFIX}{_seconds(appended_at - _MOST_BEHIND):08x}"


def ids_before(forgotten: datetime) -> bytes:
    """The index key before which every report expired before `forgotten`."""
    return b"g%08x" % _seconds(forgotten - _MOST_BEHIND - _MOST_AHEAD - _LONGEST_MEMORY)


def index_key(meter: bytes, transaction_id: str) -> bytes:
    """Where the index has the report of a meter under an id that ingest made, in the order of the ids' time."""
    return b"g" + transaction_id[len(PREFIX) :].encode() + meter


def is_index_key(name: bytes) -> bool:
    return name[:1] == b"g"


def receipt_key_of(index_key: bytes) -> bytes:
    """Where the receipt by itself would be."""
    return b"t" + index_key[1 + _ID_LENGTH :] + b"\0" + PREFIX.encode() + index_key[1 : 1 + _ID_LENGTH]


def index_of_receipt(receipt_key: bytes) -> bytes | None:
    """Under which index key to find the receipt with this key; None for a client's own id."""
    meter, _, transaction_id = receipt_key[1:].rpartition(b"\0")
    name = transaction_id.decode()
    return index_key(meter, name) if is_generated(name) else None


def entry(record_key: bytes, position: int) -> bytes:
    """What the index has there: the record that the report stands in, and its position."""
    return record_key + position.to_bytes(4, "big")


def key_and_position(entry: bytes) -> tuple[bytes, int]:
    """The record's key, and the position in it."""
    return entry[:-4], int.from_bytes(entry[-4:], "big")


def receipt_at(batch: Batch, answers: list[Answer | None], place: Place) -> Receipt:
    """The receipt of the accepted report at `place`."""
    report, decision = batch.commands[place.position], answers[place.position]
    assert isinstance(report, Report)
    assert isinstance(decision, Decision)
    assert report.transaction_id is not None
    memory = batch.rules.memory_of(report.transaction_id)
    return remember(report, batch.grants[batch.grant_of[place.position]], decision, place, memory)


def receipt_in(kept: Kept, key: bytes, position: int) -> Receipt:
    """The receipt of the report at this position of the record with this key."""
    return receipt_at(decode_batch(kept.value), kept.answers, Place(int.from_bytes(key[9:], "big"), position))


def index_of(key: bytes, kept: Kept) -> dict[bytes, bytes]:
    """The entries that find the reports of the record with this key."""
    batch = decode_batch(kept.value)
    oldest = f"{PREFIX}{max(0, int.from_bytes(key[1:9], 'big') - int(_MOST_BEHIND.total_seconds())):08x}"
    found = {}
    for position, (index, command, answer) in enumerate(zip(batch.grant_of, batch.commands, kept.answers, strict=True)):
        name = command.transaction_id if isinstance(command, Report) else None
        accepted = isinstance(answer, Decision) and answer.status is Status.ACCEPTED
        if name is not None and accepted and name >= oldest and is_generated(name):
            found[index_key(batch.grants[index].key, name)] = entry(key, position)
    return found


def _seconds(moment: datetime) -> int:
    return max(0, int(moment.timestamp()))
