from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from metering.command import Peek, Read
from stream import lane
from stream.backlog import Backlog
from stream.feed import DecisionsLost
from stream.reading import Reading
from stream.records import VERSION, Decided, encode
from stream.rows import Rows
from tests.decisions_log import NOON, DecisionsLog, Fixed, Table, eventually, report, running, sink_of


async def test_each_decision_becomes_one_row_in_log_order() -> None:
    log, table = DecisionsLog(), Table()
    log.decide(report("1"), Read(NOON, "reader"))
    log.decide(report("2"))
    async with running(log, table) as sink:
        await eventually(lambda: sink.complete_to == {0: 1})
    assert table.ids == [(0, 0, 0), (0, 0, 1), (0, 1, 0)]
    assert [row["status"] for row in table.rows] == ["ACCEPTED", "READ", "ACCEPTED"]


async def test_a_decision_that_comes_later_is_written_too() -> None:
    log, table = DecisionsLog(), Table()
    async with running(log, table) as sink:
        log.decide(report())
        await eventually(lambda: sink.complete_to == {0: 0})
        log.decide(report())
        await eventually(lambda: sink.complete_to == {0: 1})
    assert table.ids == [(0, 0, 0), (0, 1, 0)]


async def test_decisions_sent_again_by_a_restarted_worker_are_written_once() -> None:
    log, table = DecisionsLog(), Table()
    for _ in range(5):
        log.decide(report(), report())
    log.repeat(2, 4)
    log.decide(report())
    async with running(log, table) as sink:
        await eventually(lambda: sink.complete_to == {0: 5})
    assert table.ids == sorted(set(table.ids))
    assert len(table.ids) == 11


async def test_a_sink_goes_on_where_the_rows_end() -> None:
    log, table = DecisionsLog(partitions=2), Table()
    for round_ in range(4):
        log.decide(report(), partition=0)
        log.decide(report(), report(), partition=1)
        async with running(log, table) as sink:
            await eventually(lambda expected=round_, sink=sink: sink.complete_to == {0: expected, 1: expected})
    assert len(table.ids) == len(set(table.ids)) == 12


async def test_a_table_that_fails_loses_and_doubles_nothing() -> None:
    log, table = DecisionsLog(), Table()
    table.failures = 2
    log.decide(report(), report())
    async with running(log, table) as sink:
        await eventually(lambda: sink.complete_to == {0: 0})
    assert table.ids == [(0, 0, 0), (0, 0, 1)]


async def test_a_record_that_spans_two_quarters_goes_in_as_two_parts() -> None:
    log, table = DecisionsLog(), Table()
    newyear = datetime(2027, 1, 1, tzinfo=UTC)
    log.decide(report(received_at=newyear - timedelta(microseconds=1)), report(received_at=newyear))
    async with running(log, table) as sink:
        await eventually(lambda: sink.complete_to == {0: 0})
    assert [len(part) for part in table.parts] == [1, 1]


async def test_a_sink_killed_between_the_two_quarters_of_a_record_writes_only_the_second() -> None:
    log, table = DecisionsLog(), Table()
    newyear = datetime(2027, 1, 1, tzinfo=UTC)
    log.decide(report(received_at=newyear - timedelta(microseconds=1)), report(received_at=newyear))
    async with running(log, table) as sink:
        await eventually(lambda: sink.complete_to == {0: 0})
    del table.parts[1]
    table.tokens.clear()
    async with running(log, table) as sink:
        assert not sink.complete_to
        await eventually(lambda: sink.complete_to == {0: 0})
    assert table.ids == [(0, 0, 0), (0, 0, 1)]


async def test_a_peek_leaves_no_row_but_counts_as_read() -> None:
    log, table = DecisionsLog(), Table()
    log.decide(Peek(NOON))
    async with running(log, table) as sink:
        await eventually(lambda: sink.complete_to == {0: 0})
    assert table.rows == []


async def test_garbage_among_the_decisions_is_passed_over() -> None:
    log, table = DecisionsLog(), Table()
    log.append(b"garbage")
    log.append(encode(Decided(VERSION, 7, 0, [], b"")))
    log.decide(report())
    async with running(log, table) as sink:
        await eventually(lambda: sink.complete_to == {0: 0})
    assert table.ids == [(0, 0, 0)]


@pytest.mark.parametrize("moment", [datetime(1969, 12, 31, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)])
async def test_a_decision_of_a_time_that_no_row_can_say_holds_nothing_up(
    moment: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    log, table = DecisionsLog(), Table()
    log.decide(report(), report(received_at=moment), report())
    async with running(log, table) as sink:
        await eventually(lambda: sink.complete_to == {0: 0})
    assert table.ids == [(0, 0, 0), (0, 0, 2)]
    assert "decision 0-0-1 was received at" in caplog.text


async def test_a_usage_record_that_nobody_could_decode_leaves_no_hole() -> None:
    log, table = DecisionsLog(), Table()
    log.append(encode(Decided(VERSION, 0, 0, [], b"")))
    log.append(encode(Decided(VERSION, 0, 1, [], b"")))
    async with running(log, table) as sink:
        await eventually(lambda: sink.complete_to == {0: 1})
    assert table.rows == []


async def test_a_hole_in_the_decisions_stops_the_sink_and_says_where() -> None:
    log, table = DecisionsLog(), Table()
    for offset in (0, 2):
        log.append(encode(Decided(VERSION, 0, offset, [], b"")))
    sink = sink_of(log, table)
    with pytest.raises(DecisionsLost, match="after the decisions of usage record 0 come those of 2, at offset 1"):
        await asyncio.wait_for(sink.run(), 10)


async def test_a_sink_that_is_told_so_goes_on_behind_a_hole() -> None:
    log, table = DecisionsLog(), Table()
    for _ in range(3):
        log.decide(report())
    del log.records[0][1]
    async with running(log, table, skips_lost=True) as sink:
        await eventually(lambda: sink.complete_to == {0: 2})
    assert table.ids == [(0, 0, 0), (0, 2, 0)]


async def test_several_sinks_share_the_lanes() -> None:
    log, table = DecisionsLog(partitions=2), Table()
    for partition in (0, 1):
        log.decide(report(), partition=partition)
    async with running(log, table, share=Fixed([0])) as first, running(log, table, share=Fixed([1])) as second:
        await eventually(lambda: first.complete_to == {0: 0} and second.complete_to == {1: 0})
    assert sorted(table.ids) == [(0, 0, 0), (1, 0, 0)]


async def test_a_lane_that_changes_hands_is_taken_on_where_its_rows_end() -> None:
    log, table = DecisionsLog(partitions=2), Table()
    one, other = Fixed([0], [1]), Fixed()
    async with running(log, table, share=one) as first, running(log, table, share=other) as second:
        log.decide(report(), partition=1)
        await eventually(lambda: first.complete_to == {1: 0})
        one.give([0])
        other.give([1])
        log.decide(report(), partition=1)
        log.decide(report(), partition=0)
        await eventually(lambda: second.complete_to == {1: 1} and first.complete_to == {0: 0, 1: 0})
    assert sorted(table.ids) == [(0, 0, 0), (1, 0, 0), (1, 1, 0)]


async def test_sinks_that_both_believe_to_hold_a_lane_write_every_decision_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lane, "PACE_SECONDS", 0.0)
    log, table = DecisionsLog(), Table()
    async with running(log, table, most_a_poll=1) as first, running(log, table, most_a_poll=2) as second:
        for number in range(30):
            log.decide(report(), report())
            if number % 10 == 9:
                await eventually(
                    lambda last=number: max([*first.complete_to.values(), *second.complete_to.values(), -1]) == last
                )
    assert table.ids == [(0, offset, position) for offset in range(30) for position in (0, 1)]


async def test_rows_that_somebody_removed_are_written_again_though_the_engine_knows_their_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lane, "NOTE_SECONDS", 0.01)
    log, table = DecisionsLog(), Table()
    log.decide(report())
    log.decide(report())
    async with running(log, table) as sink:
        await eventually(lambda: sink.complete_to == {0: 1})
    del table.parts[:]
    async with running(log, table):
        await eventually(lambda: table.ids == [(0, 0, 0), (0, 1, 0)])
    assert len(table.tokens) == 2


async def test_lookups_behind_the_last_row_are_noted_so_that_their_loss_is_no_hole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lane, "NOTE_SECONDS", 0.01)
    log, table = DecisionsLog(), Table()
    log.decide(report())
    for _ in range(3):
        log.decide(Peek(NOON))
    async with running(log, table):
        await eventually(lambda: table.passed[-1:] == [(0, (0, 0), (3, 0), 3)])
    log.decide(report())
    log.forget(until=4)
    async with running(log, table) as sink:
        await eventually(lambda: sink.complete_to == {0: 4})
    assert table.ids == [(0, 0, 0), (0, 4, 0)]


async def test_lookups_before_the_first_row_are_noted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "NOTE_SECONDS", 0.01)
    log, table = DecisionsLog(), Table()
    log.decide(Peek(NOON), Peek(NOON))
    async with running(log, table):
        await eventually(lambda: table.passed == [(0, (-1, -1), (0, 1), 0)])


async def test_what_was_noted_behind_a_row_counts_no_more_once_that_row_was_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lane, "NOTE_SECONDS", 0.01)
    log, table = DecisionsLog(), Table()
    log.decide(report())
    log.decide(report(), Peek(NOON))
    async with running(log, table):
        await eventually(lambda: bool(table.passed))
    del table.parts[:]
    table.tokens.clear()
    async with running(log, table) as sink:
        await eventually(lambda: sink.complete_to == {0: 1} and bool(table.rows))
    assert table.ids == [(0, 0, 0), (0, 1, 0)]


async def test_what_comes_during_a_write_goes_in_as_one_part() -> None:
    log, table = DecisionsLog(), Table()
    log.decide(report())
    async with running(log, table) as sink:
        await eventually(lambda: sink.complete_to == {0: 0})
        for _ in range(50):
            log.decide(report())
        await eventually(lambda: sink.complete_to == {0: 50})
    assert len(table.parts) == 2


async def test_a_full_backlog_holds_the_reading_back() -> None:
    log = DecisionsLog()
    log.decide(report(), report(), report())
    backlog, reading = Backlog(most=2), Reading(0)
    await backlog.put(reading.take_all(log.records[0]), [reading])  # type: ignore[arg-type]
    waiting = asyncio.create_task(backlog.put(Rows(), [reading]))
    await asyncio.wait([waiting], timeout=0.01)
    assert not waiting.done()
    waiting.cancel()
