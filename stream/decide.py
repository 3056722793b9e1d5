"""Deciding a batch: each command in order against the state as the one before it left it."""

from __future__ import annotations

from datetime import datetime, timedelta
from operator import attrgetter
from typing import Final

from metering.balance import Balance, Place
from metering.command import Command, Read, Report
from metering.decision import Answer, Decision, Receipt, Status, decide
from metering.transaction import is_generated
from stream.kept import (
    ITSELF,
    Kept,
    can_be_kept,
    entry,
    index_key,
    index_of_receipt,
    is_index_key,
    oldest_id,
    receipt_at,
    receipt_key_of,
    record_key,
)
from stream.records import Batch
from stream.state import PartitionState, Pending, receipt_key
from stream.topics import partition_of

_MOST_AHEAD: Final = timedelta(hours=1)
_RECEIVED_AT: Final = attrgetter("received_at")

#: How far the clocks of those who stamp commands may lie behind the log's before an expired receipt is missed.
CLOCKS_APART: Final = timedelta(hours=1)


def forgotten_before(appended_at: datetime) -> datetime:
    """Receipts that expired before this may be deleted once a record was taken at `appended_at`."""
    return appended_at - CLOCKS_APART


def ensure_from_gateway(batch: Batch, partition: int, partitions: int, appended_at: datetime) -> None:
    """Raise `ValueError` for what no gateway sends: another partition's meters, times that the log has not come to."""
    if {partition_of(grant.key, partitions) for grant in batch.grants} - {partition}:
        raise ValueError(f"a batch with a meter of another partition than {partition} of {partitions}")
    if max(map(_RECEIVED_AT, batch.commands), default=appended_at) - appended_at > _MOST_AHEAD:
        raise ValueError("a batch with a command that was received after the log took it")


def decide_batch(
    batch: Batch, offset: int, appended_at: datetime, state: PartitionState, value: bytes
) -> list[Answer | None]:
    """The answers to the commands of the usage record at `offset`, in order; `state` is brought up to date.

    `value` is the batch as the log has it, and `appended_at` when the log took it: what `forgotten_before` that expired
    is not remembered by then.

    Deterministic: decided again from any earlier checkpoint, the same record gives the same answers, or None for the
    commands that the checkpoint holds already. A record that raises leaves the state as it was.
    """
    draft = Draft(batch, offset, appended_at, state)
    for position in range(len(batch.commands)):
        draft.decide(position)
    state.adopt(draft.changes(value, appended_at))
    return draft.answers


class Draft:
    """A record being decided: its answers so far, and what they change on top of the state."""

    def __init__(self, batch: Batch, offset: int, appended_at: datetime, state: PartitionState) -> None:
        self.answers: list[Answer | None] = []
        self._batch = batch
        self._offset = offset
        self._balances = state.balances({grant.key for grant in batch.grants})
        self._changed: dict[bytes, Balance] = {}
        self._names, self._receipts = _receipts(batch, appended_at, state)
        #: The positions of the reports accepted under a name.
        self._accepted: dict[bytes, int] = {}

    def decide(self, position: int) -> None:
        """Answer the next command."""
        command, grant = self._batch.commands[position], self._batch.grants[self._batch.grant_of[position]]
        place, meter, name = Place(self._offset, position), grant.key, self._names[position]
        balance = self._balances[meter]
        if balance.place.offset >= self._offset and balance.has_folded(place):
            self.answers.append(None)
            return
        after, answer = decide(balance, command, grant, place, None if name is None else self._receipt(name))
        self.answers.append(answer)
        if after is not balance:
            self._balances[meter] = self._changed[meter] = after
        if name is not None and _is_accepted(command, answer):
            self._accepted[name] = position

    def changes(self, value: bytes, appended_at: datetime) -> Pending:
        """What the state is to go on with, once every command is answered."""
        changes = Pending(self._changed)
        if not self._accepted:
            return changes
        key = record_key(appended_at, self._offset)
        if can_be_kept(self._batch, appended_at, len(value)) and None not in self.answers:
            changes.index = {name: entry(key, at) for name, at in self._accepted.items() if is_index_key(name)}
        if changes.index:
            changes.records[key] = Kept(value, self.answers)
        for name, position in self._accepted.items():
            if name not in changes.index:
                self._keep_receipt(changes, name, position)
        return changes

    def _keep_receipt(self, changes: Pending, name: bytes, position: int) -> None:
        key = name
        if is_index_key(name):
            changes.index[name] = ITSELF
            key = receipt_key_of(name)
        changes.receipts[key] = receipt_at(self._batch, self.answers, Place(self._offset, position))

    def _receipt(self, name: bytes) -> Receipt | None:
        position = self._accepted.get(name)
        if position is None:
            return self._receipts.get(name)
        return receipt_at(self._batch, self.answers, Place(self._offset, position))


def _receipts(
    batch: Batch, appended_at: datetime, state: PartitionState
) -> tuple[list[bytes | None], dict[bytes, Receipt]]:
    """Under which name each command's receipt is, or will be; and the receipts that there are.

    A report that is sent again long after its id was made may have been in a kept record, too. A receipt that a
    checkpoint may have deleted is as good as deleted.
    """
    oldest, forgotten = oldest_id(appended_at), forgotten_before(appended_at)
    grants, grant_of = batch.grants, batch.grant_of
    names = [
        None
        if isinstance(command, Read) or command.transaction_id is None
        else _name(grants[index].key, command.transaction_id, oldest)
        for index, command in zip(grant_of, batch.commands, strict=True)
    ]
    wanted = [name for name in names if name is not None]
    others = {name: other for name in wanted if not is_index_key(name) and (other := index_of_receipt(name))}
    found = state.receipts([*wanted, *others.values()])
    found.update({name: found[other] for name, other in others.items() if other in found and name not in found})
    return names, {name: receipt for name, receipt in found.items() if receipt.expires_at >= forgotten}


def _name(meter: bytes, transaction_id: str, oldest: str) -> bytes:
    if is_generated(transaction_id) and transaction_id >= oldest:
        return index_key(meter, transaction_id)
    return receipt_key(meter, transaction_id)


def _is_accepted(command: Command, answer: Answer) -> bool:
    return isinstance(command, Report) and isinstance(answer, Decision) and answer.status is Status.ACCEPTED
