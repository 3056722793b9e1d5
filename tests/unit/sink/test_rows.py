from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from metering.balance import Place
from metering.command import Peek
from sql.instants import micros, moment_at
from stream.records import decode_decided
from stream.rows import COLUMNS, LARGEST_PART, Row, parts, rows_of
from tests.unit.sink.log import NOON, DecisionsLog, report


def received(moment: datetime) -> Row:
    return (micros(moment), "rest")


def months(rows: list[Row]) -> set[str]:
    return {f"{moment_at(row[0]):%Y-%m}" for row in rows}  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 120 * 86_400).map(lambda seconds: received(NOON + timedelta(seconds=seconds)))))
def test_parts_are_the_rows_in_their_order_of_one_month_each(rows: list[Row]) -> None:
    cut = [list(part) for part in parts(rows)]
    assert [row for part in cut for row in part] == rows
    assert all(len(months(part)) == 1 for part in cut)
    assert all(months(one) != months(next_) for one, next_ in pairwise(cut))


def test_a_month_ends_with_its_last_microsecond() -> None:
    newyear = datetime(2027, 1, 1, tzinfo=UTC)
    moments = [newyear - timedelta(microseconds=1), newyear, datetime(2027, 1, 31, 23, 59, 59, 999_999, UTC)]
    assert [len(part) for part in parts([received(moment) for moment in moments])] == [1, 2]


def test_no_part_is_larger_than_one_block() -> None:
    rows = [received(NOON)] * (LARGEST_PART + 1)
    assert [len(part) for part in parts(rows)] == [LARGEST_PART, 1]


def test_only_decisions_behind_the_place_become_rows() -> None:
    log = DecisionsLog()
    log.decide(report(), Peek(NOON), report(), report())
    decided = decode_decided(log.records[0][0].value)
    position = COLUMNS.index("position")
    assert [row[position] for row in rows_of(decided, 5, after=Place(-1, -1))] == [0, 2, 3]
    assert [row[position] for row in rows_of(decided, 5, after=Place(0, 2))] == [3]


def test_metadata_that_is_no_text_spoils_no_row() -> None:
    log = DecisionsLog()
    log.decide(report(metadata=b'"\xff"'))
    (row,) = rows_of(decode_decided(log.records[0][0].value), 0, after=Place(-1, -1))
    assert row[COLUMNS.index("metadata")] == '"\N{REPLACEMENT CHARACTER}"'
