"""Deciding a batch: each command in order against the state as the one before it left it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from metering.balance import Place
from metering.command import Peek, Read, Report
from metering.decision import Answer, Decision, Receipt, Status, decide, remember
from metering.grant import Grant
from stream.records import Batch
from stream.state import PartitionState
from stream.topics import partition_of

_MOST_AHEAD: Final = timedelta(hours=1)

#: How far the clocks of those who stamp commands may lie behind the log's before an expired receipt is missed.
CLOCKS_APART: Final = timedelta(hours=1)


def forgotten_before(appended_at: datetime) -> datetime:
    """Receipts that expired before this may be deleted once a record was taken at `appended_at`."""
    return appended_at - CLOCKS_APART


def ensure_from_gateway(batch: Batch, partition: int, partitions: int, appended_at: datetime) -> None:
    """Raise `ValueError` for what no gateway sends: another partition's meters, times that the log has not come to."""
    if any(partition_of(grant.key, partitions) != partition for grant in batch.grants):
        raise ValueError(f"a batch with a meter of another partition than {partition} of {partitions}")
    if any(command.received_at - appended_at > _MOST_AHEAD for command in batch.commands):
        raise ValueError("a batch with a command that was received after the log took it")


def decide_batch(batch: Batch, offset: int, appended_at: datetime, state: PartitionState) -> list[Answer | None]:
    """The answers to the commands of the usage record at `offset`, in order; `state` is brought up to date.

    `appended_at` is when the log took the record: what `forgotten_before` that expired is not remembered by then.

    Deterministic: decided again from any earlier checkpoint, the same record gives the same answers, or None for the
    commands that the checkpoint holds already. A record that raises leaves the state as it was.
    """
    try:
        answers = _decide_commands(batch, offset, forgotten_before(appended_at), state)
    except BaseException:
        state.discard()
        raise
    state.adopt()
    return answers


def _decide_commands(batch: Batch, offset: int, forgotten: datetime, state: PartitionState) -> list[Answer | None]:
    answers: list[Answer | None] = []
    for position, command in enumerate(batch.commands):
        grant = batch.grants[batch.grant_of[position]]
        meter = grant.key
        place = Place(offset, position)
        balance = state.balance(meter)
        if balance.has_folded(place):
            answers.append(None)
            continue
        receipt = None if isinstance(command, Read) else _receipt(state, meter, command, forgotten)
        after, answer = decide(balance, command, grant, place, receipt)
        if after is not balance:
            state.keep_balance(meter, after)
        if isinstance(command, Report) and isinstance(answer, Decision):
            _remember(batch, state, grant, command, answer, place)
        answers.append(answer)
    return answers


def _receipt(state: PartitionState, meter: bytes, command: Report | Peek, forgotten: datetime) -> Receipt | None:
    """The receipt of the command's transaction; one that a checkpoint may have deleted is as good as deleted."""
    receipt = None if command.transaction_id is None else state.receipt(meter, command.transaction_id)
    return None if receipt is None or receipt.expires_at < forgotten else receipt


def _remember(
    batch: Batch, state: PartitionState, grant: Grant, report: Report, decision: Decision, place: Place
) -> None:
    if report.transaction_id is None or decision.status is not Status.ACCEPTED:
        return
    memory = batch.rules.memory_of(report.transaction_id)
    state.keep_receipt(grant.key, report.transaction_id, remember(report, grant, decision, place, memory))
