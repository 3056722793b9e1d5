from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from metering.balance import NEW_BALANCE
from metering.command import Peek, Read
from metering.decision import Decision, Receipt, Standing, Status
from stream.checkpoint import LONGEST_SPAN
from stream.decide import decide_batch
from stream.records import AuditEvent, audit_events, decode_batch, decode_dead_letter
from stream.state import PartitionState
from stream.store import MemoryStore
from tests.unit.stream.fakes import NOON, FakeLog, Rig, batch, grant, report


def decisions(log: FakeLog) -> list[AuditEvent]:
    return [event for decided in log.decided() for event in audit_events(decided)]


async def test_each_command_gets_its_answer_in_order() -> None:
    rig = Rig()
    await rig.take(0, batch(report("2"), report("3"), held_against=grant("4")))
    (decided,) = rig.log.decided()
    first, second = decided.answers
    assert isinstance(first, Decision)
    assert isinstance(second, Decision)
    assert (first.status, first.after) == (Status.ACCEPTED, 2)
    assert (second.status, second.after) == (Status.REJECTED, 2)


async def test_decisions_leave_before_anything_is_saved() -> None:
    rig = Rig()
    source = await rig.take(0, batch(report("2")))
    assert rig.log.on("decisions")
    assert not rig.log.changelog
    assert not source.acknowledged


async def test_a_checkpoint_waits_until_its_decisions_are_in_the_log() -> None:

    rig = Rig()
    rig.log.hold = True
    source = await rig.take(0, batch(report("2")))
    checkpoint = asyncio.create_task(rig.checkpointer.checkpoint())
    await asyncio.sleep(0)
    assert not rig.log.changelog
    rig.log.release()
    await checkpoint
    assert rig.log.changelog
    assert source.acknowledged


async def test_a_killed_worker_decides_the_same_again() -> None:
    rig = Rig()
    record = batch(report("2"), report("3"), held_against=grant("4"))
    await rig.take(0, record)
    again = rig.restart(expected=0)
    await again.take(0, record)
    first, second = rig.log.decided()
    assert first == second


async def test_a_replayed_command_that_the_checkpoint_holds_is_skipped() -> None:
    rig = Rig()
    await rig.take(0, batch(report("2")))
    await rig.checkpointer.checkpoint()
    again = rig.restart(expected=0)
    await again.take(0, batch(report("2")))
    await again.take(1, batch(report("5")))
    values = [event.decision.after for event in decisions(rig.log)]
    assert values == [Decimal(2), Decimal(7)]


async def test_a_lost_record_is_gone_back_for_and_nothing_is_taken_before_it() -> None:
    rig = Rig()
    await rig.take(0, batch(report("1")))
    await rig.take(2, batch(report("100")))
    await rig.take(3, batch(report("100")))
    assert rig.sought == [1]
    assert len(rig.log.decided()) == 1
    for offset in (1, 2, 3):
        await rig.take(offset, batch(report("1")))
    assert [event.decision.after for event in decisions(rig.log)] == [1, 2, 3, 4]


async def test_a_record_delivered_twice_is_decided_once() -> None:
    rig = Rig()
    await rig.take(0, batch(report("1")))
    await rig.take(0, batch(report("1")))
    assert len(rig.log.decided()) == 1


async def test_garbage_goes_to_dead_letters_and_the_log_goes_on() -> None:
    rig = Rig()
    source = await rig.take(0, b"\xffnonsense")
    await rig.take(1, batch(report("1")))
    await rig.checkpointer.checkpoint()
    (letter,) = map(decode_dead_letter, rig.log.on("dead-letters"))
    assert (letter.topic, letter.partition, letter.offset, letter.value) == ("usage", 0, 0, b"\xffnonsense")
    assert source.acknowledged
    assert [decided.offset for decided in rig.log.decided()] == [0, 1]


def test_a_batch_that_cannot_be_decided_leaves_no_trace_of_its_first_half() -> None:
    class Broken(PartitionState):
        def receipt(self, meter: bytes, transaction_id: str) -> Receipt | None:
            raise ArithmeticError

    state = Broken(MemoryStore())
    with pytest.raises(ArithmeticError):
        decide_batch(decode_batch(batch(report("1"), report("1", "t-1"))), 0, state)
    assert state.balance(grant().key) == NEW_BALANCE
    assert state.changes == 0


async def test_a_retried_transaction_gets_the_first_answer_across_a_restart() -> None:
    rig = Rig()
    await rig.take(0, batch(report("2", "t-1")))
    await rig.checkpointer.checkpoint()
    again = rig.restart(expected=1)
    await again.take(1, batch(report("2", "t-1"), report("5", "t-2")))
    replayed, fresh = again.log.decided()[-1].answers
    assert isinstance(replayed, Receipt)
    assert replayed.decision.after == 2
    assert isinstance(fresh, Decision)
    assert (fresh.after, fresh.sequence) == (7, 2)


async def test_a_transaction_is_not_its_own_duplicate_when_half_a_checkpoint_survived() -> None:
    rig = Rig()
    record = batch(report("2", "t-1"))
    await rig.take(0, record)
    receipts = {key: value for key, value in rig.state.take(None).items() if key[:1] == b"t"}
    again = rig.restart(expected=0)
    rig.store.write(receipts, 0)
    await again.take(0, record)
    first, second = rig.log.decided()
    assert first == second


async def test_an_expired_receipt_is_forgotten_once_no_replay_can_need_it() -> None:
    rig = Rig()
    await rig.take(0, batch(report("2", "tdm:generated")))
    await rig.checkpointer.checkpoint()
    later = NOON + timedelta(hours=2)
    await rig.take(1, batch(report("2", at=later)))
    await rig.checkpointer.checkpoint()
    assert [*rig.store.keys(b"t", b"u")], "its checkpoint is not known to be committed yet"
    rig.committed = 2
    await rig.take(2, batch(report("2", at=later)))
    await rig.checkpointer.checkpoint()
    assert not [*rig.store.keys(b"t", b"u")]
    assert not [*rig.store.keys(b"x", b"y")]
    assert [key for key, value in rig.log.changelog if value is None]


async def test_a_checkpoint_spans_less_log_time_than_any_transaction_is_remembered() -> None:
    rig = Rig()
    await rig.take(0, batch(report("2", "t-1")))
    later = asyncio.create_task(rig.take(1, batch(report("3", at=NOON + 2 * LONGEST_SPAN))))
    await asyncio.sleep(0)
    assert len(rig.log.decided()) == 1
    await rig.checkpointer.checkpoint()
    await later
    assert len(rig.log.decided()) == 2


async def test_a_read_is_a_decision_and_a_peek_is_none() -> None:
    rig = Rig()
    await rig.take(0, batch(report("2"), Read(NOON, "token"), Peek(NOON)))
    (decided,) = rig.log.decided()
    assert isinstance(decided.answers[2], Standing)
    assert [event.decision.status for event in audit_events(decided)] == [Status.ACCEPTED, Status.READ]


async def test_a_batch_whose_callers_wait_is_answered_on_the_replies_topic() -> None:
    rig = Rig()
    await rig.take(0, batch(report("2"), reply_to=3))
    assert [(topic, partition) for topic, partition, _ in rig.log.sent] == [("replies", 3), ("decisions", 0)]
