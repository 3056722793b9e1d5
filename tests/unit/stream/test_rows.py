from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.balance import NOWHERE, Place
from metering.command import Peek, Read
from sql.instants import moment_at
from stream.records import decode_decided
from stream.rows import COLUMNS, Rows, rows_of
from tests.decisions_log import NOON, DecisionsLog, grant, report


def received(*moments: datetime) -> Rows:
    """Rows of decisions that were received then, one to a record."""
    log = DecisionsLog()
    for moment in moments:
        log.decide(report(received_at=moment))
    return taken(log)


def quarters(rows: Rows) -> set[tuple[int, int]]:
    moments = [moment_at(row[0]) for row in rows]  # type: ignore[arg-type]
    return {(moment.year, (moment.month - 1) // 3) for moment in moments}


@given(st.lists(st.integers(0, 400 * 86_400).map(lambda seconds: NOON + timedelta(seconds=seconds)), max_size=20))
def test_parts_are_the_rows_in_their_order_of_one_quarter_each(moments: list[datetime]) -> None:
    rows = received(*moments)
    cut = list(rows.parts())
    assert [row for part in cut for row in part] == [*rows]
    assert all(len(quarters(part)) == 1 for part in cut)
    assert all(quarters(one) != quarters(next_) for one, next_ in pairwise(cut))


@pytest.mark.parametrize(("year", "month", "last"), [(2027, 1, 31), (2027, 4, 30), (2028, 7, 30), (2028, 10, 31)])
def test_a_quarter_ends_with_its_last_microsecond(year: int, month: int, last: int) -> None:
    first = datetime(year, month, 1, tzinfo=UTC)
    rows = received(
        first - timedelta(microseconds=1), first, datetime(year, month + 2, last, 23, 59, 59, 999_999, tzinfo=UTC)
    )
    assert [len(part) for part in rows.parts()] == [1, 2]


def test_no_part_is_larger_than_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.rows.LARGEST_PART", 2)
    assert [len(part) for part in received(*[NOON] * 5).parts()] == [2, 2, 1]


def test_rows_of_several_groups_keep_each_its_grant() -> None:
    rows = Rows()
    for slug in ("prod", "test", "prod"):
        log = DecisionsLog(held_against=grant(instance_slug=slug))
        log.decide(report())
        rows.extend(taken(log))
    assert [row[COLUMNS.index("instance_slug")] for row in rows] == ["prod", "test", "prod"]


def taken(log: DecisionsLog) -> Rows:
    rows = Rows()
    for record in log.records[0]:
        rows.take(decode_decided(record.value), record.offset, NOWHERE)
    return rows


def test_only_decisions_behind_the_place_become_rows() -> None:
    log = DecisionsLog()
    log.decide(report(), Peek(NOON), report(), report())
    decided = decode_decided(log.records[0][0].value)
    position = COLUMNS.index("position")
    assert [row[position] for row in rows_of(decided, 5, after=Place(-1, -1))] == [0, 2, 3]
    assert [row[position] for row in rows_of(decided, 5, after=Place(0, 2))] == [3]


def test_reads_and_reports_of_one_record_stand_side_by_side() -> None:
    log = DecisionsLog()
    log.decide(report("2", timestamp=NOON - timedelta(seconds=1)), Read(NOON, "reader"), report("3"))
    rows = rows_of(decode_decided(log.records[0][0].value), 0, NOWHERE)
    wanted = [COLUMNS.index(name) for name in ("token", "behavior", "value", "status")]
    assert [tuple(str(row[at]) for at in wanted) for row in rows] == [
        ("collector", "append", "2", "ACCEPTED"),
        ("reader", "", "None", "READ"),
        ("collector", "append", "3", "ACCEPTED"),
    ]
    early, read, late = (row[COLUMNS.index("event_lag")] for row in rows)
    assert (early, read, late) == (1_000_000, 0, 0)


def test_metadata_that_is_no_text_spoils_no_row() -> None:
    log = DecisionsLog()
    log.decide(report(metadata=b'"\xff"'))
    (row,) = rows_of(decode_decided(log.records[0][0].value), 0, after=Place(-1, -1))
    assert row[COLUMNS.index("metadata")] == '"\N{REPLACEMENT CHARACTER}"'
