"""Deciding a batch: each command in order against the state as the one before it left it."""

from __future__ import annotations

from datetime import datetime, timedelta
from operator import attrgetter
from typing import Final

from metering.balance import Balance, Place
from metering.command import Command, Read, Report
from metering.decision import Answer, Decision, Receipt, Status, decide, remember
from metering.grant import Grant
from stream.records import Batch, Rules
from stream.state import PartitionState, receipt_key
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


def decide_batch(batch: Batch, offset: int, appended_at: datetime, state: PartitionState) -> list[Answer | None]:
    """The answers to the commands of the usage record at `offset`, in order; `state` is brought up to date.

    `appended_at` is when the log took the record: what `forgotten_before` that expired is not remembered by then.

    Deterministic: decided again from any earlier checkpoint, the same record gives the same answers, or None for the
    commands that the checkpoint holds already. A record that raises leaves the state as it was.
    """
    draft = Draft(state, forgotten_before(appended_at))
    answers = _decide_commands(batch, offset, draft)
    state.adopt(draft.balances, draft.receipts)
    return answers


class Draft:
    """What a record changes, on top of the state, until it is decided whole."""

    def __init__(self, state: PartitionState, forgotten: datetime) -> None:
        self.balances: dict[bytes, Balance] = {}
        self.receipts: dict[bytes, Receipt] = {}
        self._state = state
        self._forgotten = forgotten

    def balance(self, meter: bytes) -> Balance:
        return self.balances.get(meter) or self._state.balance(meter)

    def receipt(self, key: bytes) -> Receipt | None:
        """The receipt under this key; one that a checkpoint may have deleted is as good as deleted."""
        receipt = self.receipts.get(key) or self._state.receipt(key)
        return None if receipt is None or receipt.expires_at < self._forgotten else receipt

    def remember(self, key: bytes, rules: Rules, command: Command, grant: Grant, answer: Answer, place: Place) -> None:
        """Keep a receipt of a report that was accepted with a transaction id."""
        if isinstance(command, Report) and isinstance(answer, Decision) and answer.status is Status.ACCEPTED:
            assert command.transaction_id is not None
            memory = rules.memory_of(command.transaction_id)
            self.receipts[key] = remember(command, grant, answer, place, memory)


def _decide_commands(batch: Batch, offset: int, draft: Draft) -> list[Answer | None]:
    answers: list[Answer | None] = []
    for position, index in enumerate(batch.grant_of):
        command, grant, place = batch.commands[position], batch.grants[index], Place(offset, position)
        balance = draft.balance(grant.key)
        if balance.place.offset >= offset and balance.has_folded(place):
            answers.append(None)
            continue
        key = _receipt_key(grant, command)
        after, answer = decide(balance, command, grant, place, None if key is None else draft.receipt(key))
        if after is not balance:
            draft.balances[grant.key] = after
        if key is not None:
            draft.remember(key, batch.rules, command, grant, answer, place)
        answers.append(answer)
    return answers


def _receipt_key(grant: Grant, command: Command) -> bytes | None:
    """Where the receipt of the command's transaction is, or will be; None when it has none."""
    transaction_id = None if isinstance(command, Read) else command.transaction_id
    return None if transaction_id is None else receipt_key(grant.key, transaction_id)
