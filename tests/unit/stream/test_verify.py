"""A verification: silent about what is right, and the first to name what is not, by its place."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from metering.balance import NEW_BALANCE, Place
from metering.command import Peek, Read
from sql.instants import micros
from stream.records import VERSION, Decided, encode
from stream.topics import DECISIONS, USAGE
from stream.verify.findings import Findings, Subject
from stream.verify.log import Verification, Watch
from tests.unit.stream.fakes import NOON, grant, report
from tests.unit.stream.history import History, is_empty

OTHER = grant("4", entitlement="e-2")


@pytest.fixture
def history() -> History:
    """Five records on two meters: accepted, refused, read, looked at, retried."""
    made = History()
    made.record(report("1"), report("2"), Read(NOON, "token"))
    made.record(report("3"), report("2"), held_against=OTHER)
    made.record(report("5", "first"), Peek(NOON))
    made.record(report("5", "first"), report("1"))
    made.record(report("1"), held_against=OTHER)
    return made


async def verified(history: History, scratch: Path, *, rows: bool = True) -> Findings:
    return await Verification(history, history if rows else None, scratch, Watch()).run()


def only_difference(found: Findings) -> tuple[Subject, str]:
    (difference,) = found.differences
    assert not found.exact
    return difference.subject, difference.place


async def test_what_is_right_is_exact_to_the_last_piece(history: History, tmp_path: Path) -> None:
    found = await verified(history, tmp_path)
    assert found.exact
    assert (found.records, found.decisions, found.balances, found.rows) == (5, 8, 2, 8)


async def test_nothing_is_left_on_disk(history: History, tmp_path: Path) -> None:
    await verified(history, tmp_path)
    assert is_empty(tmp_path)


async def test_an_empty_log_is_exact(tmp_path: Path) -> None:
    assert (await verified(History(), tmp_path)).exact


async def test_progress_counts_every_record(history: History, tmp_path: Path) -> None:
    told: list[int] = []
    await Verification(history, None, tmp_path, Watch(told.append, lambda: told.append(1))).run()
    assert told == [5, 1, 1, 1, 1, 1]


async def test_another_decision_is_named_with_both(history: History, tmp_path: Path) -> None:
    history.forge(0, 1, after=Decimal(4))
    found = await verified(history, tmp_path, rows=False)
    assert only_difference(found) == (Subject.DECISION, "0-0-1")
    assert found.differences[0].meter == "prod/calls"
    assert found.differences[0].expected == "ACCEPTED #2, 1 → 3"
    assert found.differences[0].found == "ACCEPTED #2, 1 → 4"


async def test_a_difference_in_what_is_not_shown_shows_the_field(history: History, tmp_path: Path) -> None:
    history.forge(0, 1, events=7)
    found = await verified(history, tmp_path, rows=False)
    assert found.differences[0].found == "ACCEPTED #2, 1 → 3; events 7"


async def test_decided_again_the_same_is_right(history: History, tmp_path: Path) -> None:
    history.decide_again(1, 3)
    found = await verified(history, tmp_path)
    assert found.exact
    assert found.repeated == 6


async def test_decided_again_differently_is_named(history: History, tmp_path: Path) -> None:
    history.decide_again(1, 1, after=Decimal(0))
    assert only_difference(await verified(history, tmp_path)) == (Subject.DECISION, "0-1-0")


async def test_a_decision_that_is_missing_is_named(history: History, tmp_path: Path) -> None:
    history.topic(DECISIONS).records.pop()
    assert only_difference(await verified(history, tmp_path)) == (Subject.DECISION, "0-4-0")


async def test_a_decision_that_the_worker_is_not_done_with_is_not_missed(history: History, tmp_path: Path) -> None:
    history.topic(DECISIONS).records.pop()
    history.decided_to = 4
    assert (await verified(history, tmp_path, rows=False)).exact


async def test_a_decision_on_no_record_is_named(history: History, tmp_path: Path) -> None:
    history.topic(USAGE).records.pop()
    found = await verified(history, tmp_path, rows=False)
    assert [each.place for each in found.differences if each.subject is Subject.DECISION] == ["0-4-0"]


async def test_nothing_decided_on_no_record_is_right(history: History, tmp_path: Path) -> None:
    history.topic(DECISIONS).append(encode(Decided(VERSION, 0, 5, [], b"")))
    assert (await verified(history, tmp_path)).exact


async def test_what_no_worker_wrote_is_named(history: History, tmp_path: Path) -> None:
    history.topic(DECISIONS).append(b"garbage")
    assert only_difference(await verified(history, tmp_path)) == (Subject.DECISION, "offset 5 of decisions 0")


async def test_a_record_that_cannot_be_decided_is_right_when_it_was_not(history: History, tmp_path: Path) -> None:
    history.bury(b"garbage")
    found = await verified(history, tmp_path)
    assert found.exact
    assert found.undecidable == 1


async def test_another_balance_is_named_by_its_place(history: History, tmp_path: Path) -> None:
    balance = history.balances[OTHER.key]
    history.balances[OTHER.key] = msgspec.structs.replace(balance, sequence=9)
    found = await verified(history, tmp_path)
    assert only_difference(found) == (Subject.BALANCE, "0-4-0")
    assert found.differences[0].found == "4 in 2 events, #9"


async def test_a_balance_of_before_what_the_worker_is_done_with_is_named(history: History, tmp_path: Path) -> None:
    del history.balances[OTHER.key]
    found = await verified(history, tmp_path)
    assert [each.place for each in found.differences] == ["0-1-1", "0-4-0"]


async def test_a_balance_from_an_earlier_checkpoint_is_compared_there(history: History, tmp_path: Path) -> None:
    done, checkpointed = history.decided_to, dict(history.balances)
    history.record(report("7"))
    history.decided_to, history.balances = done, checkpointed
    assert (await verified(history, tmp_path)).exact


async def test_a_balance_from_nowhere_is_named(history: History, tmp_path: Path) -> None:
    history.balances[b"o-1/i-9/e-9"] = msgspec.structs.replace(NEW_BALANCE, sequence=1, place=Place(2, 7))
    assert only_difference(await verified(history, tmp_path)) == (Subject.BALANCE, "0-2-7")


async def test_another_row_is_named_by_what_differs(history: History, tmp_path: Path) -> None:
    history.forge_row(4, after=Decimal(1), sequence=9)
    found = await verified(history, tmp_path)
    assert only_difference(found) == (Subject.ROW, "0-1-1")
    assert found.differences[0].expected == "sequence 2, after 3"
    assert found.differences[0].found == "sequence 9, after 1"


async def test_a_row_that_is_missing_is_named(history: History, tmp_path: Path) -> None:
    history.rows.pop(3)
    assert only_difference(await verified(history, tmp_path)) == (Subject.ROW, "0-1-0")


async def test_a_row_that_is_there_twice_is_named(history: History, tmp_path: Path) -> None:
    history.rows.append(history.rows[2])
    assert only_difference(await verified(history, tmp_path)) == (Subject.ROW, "0-0-2")


async def test_rows_that_the_sink_has_not_brought_are_not_missed(history: History, tmp_path: Path) -> None:
    history.rows.pop()
    found = await verified(history, tmp_path)
    assert found.exact
    assert found.rows == 7


async def test_rows_that_retention_took_or_is_about_to_are_let_be(history: History, tmp_path: Path) -> None:
    del history.rows[2]
    history.expiries = [["o-1", micros(NOON) + 1]]
    found = await verified(history, tmp_path)
    assert found.exact
    assert found.rows == 0


async def test_rows_are_compared_a_range_at_a_time(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.verify.rows.MOST_ROWS", 2)
    history.forge_row(5, token="another")
    found = await verified(history, tmp_path)
    assert only_difference(found) == (Subject.ROW, "0-2-0")
    assert found.rows == 8


async def test_meters_that_began_before_the_log_does_are_left_out(history: History, tmp_path: Path) -> None:
    history.record(report("1"), held_against=grant(entitlement="e-3"))
    history.topic(USAGE).start = history.topic(DECISIONS).start = 2
    found = await verified(history, tmp_path)
    assert found.exact
    assert found.unknown_meters == 2
    assert found.balances == 1


async def test_meters_that_began_after_retention_are_verified(history: History, tmp_path: Path) -> None:
    history.record(report("1"), held_against=grant(entitlement="e-3"))
    history.topic(USAGE).start = history.topic(DECISIONS).start = 2
    history.forge(5, 0, after=Decimal(9))
    found = await verified(history, tmp_path, rows=False)
    assert only_difference(found) == (Subject.DECISION, "0-5-0")


async def test_only_the_first_differences_are_told_and_all_are_counted(tmp_path: Path) -> None:
    history = History()
    history.record(*[report("1")] * 150)
    for position in range(150):
        history.forge(0, position, after=Decimal(0))
    found = await verified(history, tmp_path, rows=False)
    assert len(found.differences) == 100
    assert found.differing[Subject.DECISION] == 150
