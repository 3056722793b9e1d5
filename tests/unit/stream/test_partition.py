from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

import pytest

from metering.balance import NEW_BALANCE, Balance
from metering.command import Peek, Read
from metering.decision import Decision, Receipt, Standing, Status
from stream.decide import decide_batch
from stream.partition import Partition, UsageRecord
from stream.records import (
    VERSION,
    AuditEvent,
    Batch,
    Rules,
    audit_events,
    decode_batch,
    decode_dead_letter,
    encode,
)
from stream.state import PartitionState, StateUnreadable
from stream.store import MemoryStore
from stream.topics import partition_of
from tests.unit.stream.fakes import NOON, FakeLog, FakeSource, Rig, batch, grant, report


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
        def balances(self, meters: Iterable[bytes]) -> dict[bytes, Balance]:
            return super().balances(set(meters) & {grant().key})

    state, grants = Broken(MemoryStore()), [grant(), grant(entitlement="e-2")]
    both = Batch(VERSION, b"origin__", 1, None, Rules(), grants, [0, 1], [report("1"), report("1")])
    with pytest.raises(KeyError):
        decide_batch(both, 0, NOON, state, encode(both))
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


async def test_the_state_goes_on_from_the_record_behind_its_last_checkpoint() -> None:
    rig = Rig()
    assert rig.state.next_offset is None
    await rig.take(0, batch(report("2")))
    await rig.take(1, batch(report("2")))
    await rig.checkpointer.checkpoint()
    await rig.take(2, batch(report("2")))
    assert rig.restart(expected=0).state.next_offset == 2


async def test_an_expired_receipt_is_forgotten_an_hour_of_log_time_later() -> None:
    rig = Rig()
    await rig.take(0, batch(report("2", "t-1")))
    await rig.checkpointer.checkpoint()
    for offset, at in enumerate((NOON + timedelta(days=35), NOON + timedelta(days=35, hours=1, seconds=1)), 1):
        assert [*rig.store.keys(b"t", b"u")]
        await rig.take(offset, batch(report("2", at=at)), at)
        await rig.checkpointer.checkpoint()
    assert not [*rig.store.keys(b"t", b"u")]
    assert not [*rig.store.keys(b"x", b"y")]
    assert [key for key, value in rig.log.changelog if value is None]


def test_a_receipt_that_a_checkpoint_may_have_deleted_is_not_found_whether_it_was_or_not() -> None:
    state = PartitionState(MemoryStore())
    first, again = batch(report("2", "t-1")), batch(report("2", "t-1", NOON + timedelta(days=34)))
    decide_batch(decode_batch(first), 0, NOON, state, first)
    expired_by_the_logs_time = NOON + timedelta(days=35, hours=2)
    (answer,) = decide_batch(decode_batch(again), 1, expired_by_the_logs_time, state, again)
    assert isinstance(answer, Decision)


async def test_no_checkpoint_passes_a_record_whose_decisions_are_not_sent_yet() -> None:
    rig = Rig()
    rig.log.accepts.clear()
    taking = asyncio.create_task(rig.take(0, batch(report("2"))))
    await asyncio.sleep(0)
    checkpoint = asyncio.create_task(rig.checkpointer.checkpoint())
    await asyncio.sleep(0)
    assert not rig.log.changelog
    rig.log.accepts.set()
    source = await taking
    await checkpoint
    assert source.acknowledged
    assert rig.log.changelog


async def test_a_record_whose_decisions_could_not_be_sent_is_never_checkpointed() -> None:
    rig = Rig()
    rig.log.accepts.clear()
    taking = asyncio.create_task(rig.take(0, batch(report("2"))))
    await asyncio.sleep(0)
    checkpoint = asyncio.create_task(rig.checkpointer.checkpoint())
    await asyncio.sleep(0)
    taking.cancel()
    await asyncio.gather(taking, checkpoint, return_exceptions=True)
    assert checkpoint.cancelled()
    assert not rig.log.changelog


async def test_a_hole_that_the_log_itself_has_is_passed_over_and_leaves_none_among_the_decisions() -> None:
    rig = Rig()
    await rig.take(0, batch(report("1")))
    await rig.take(3, batch(report("1")))
    assert rig.sought == [1]
    await rig.take(3, batch(report("1")))
    assert [(decided.offset, len(decided.answers)) for decided in rig.log.decided()] == [(0, 1), (1, 0), (2, 0), (3, 1)]


async def test_a_batch_of_another_partitions_meter_is_not_decided() -> None:
    rig = Rig()
    rig.partition = Partition(1, 2, 0, rig.state, rig.checkpointer, rig.log, rig._seek)
    mine, others = sorted((grant(entitlement=f"e-{n}") for n in range(20)), key=lambda g: -partition_of(g.key, 2))[::19]
    await rig.take(0, batch(report("1"), held_against=others))
    await rig.take(1, batch(report("1"), held_against=mine))
    assert len(rig.log.on("dead-letters")) == 1
    assert [event.decision.after for event in decisions(rig.log)] == [1]


async def test_a_command_from_the_future_is_not_decided() -> None:
    rig = Rig()
    await rig.take(0, batch(report("1", at=NOON + timedelta(hours=2))))
    assert len(rig.log.on("dead-letters")) == 1


async def test_a_state_that_cannot_be_read_stops_the_worker_and_buries_nothing() -> None:
    rig = Rig()
    rig.store.write({b"b" + grant().key: b"\xffdamaged"}, 0)
    with pytest.raises(StateUnreadable):
        await rig.take(0, batch(report("1")))
    assert not rig.log.sent


async def test_what_was_put_is_decided_in_order_until_it_is_finished() -> None:
    rig = Rig()
    running = asyncio.create_task(rig.partition.run())
    for offset in range(3):
        await rig.partition.put(UsageRecord(FakeSource(), offset, NOON, None, batch(report("1"))))
    await rig.partition.finish()
    await running
    assert [event.decision.after for event in decisions(rig.log)] == [1, 2, 3]


async def test_an_abandoned_partition_lets_go_of_who_waits_to_put_more() -> None:
    rig = Rig()
    record = UsageRecord(FakeSource(), 0, NOON, None, batch(report("1")))

    async def put_too_many() -> None:
        for _ in range(100):
            await rig.partition.put(record)

    putting = asyncio.create_task(put_too_many())
    while not putting.done():
        await asyncio.sleep(0)
        rig.partition.abandon()
    assert not rig.log.sent


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
