"""Live events: the same as the rows that the sink writes, and wanted by the same rules."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from api.audit_event import COLUMNS
from api.audit_search import Search, Searched
from api.live_event import Wanted, row_of
from metering.balance import NOWHERE
from metering.command import Read
from metering.period import ResetPeriod
from sql.instants import moment_at
from stream import rows
from stream.records import audit_events, decode_decided
from tests.decisions_log import NOON, DecisionsLog, grant, report
from tests.written_rows import by_name

EVERY = frozenset({"ACCEPTED", "REJECTED", "READ"})
_INSTANTS = ("received_at", "event_time", "period_start", "period_end")


def decided(*commands: Any, **held: Any) -> list[dict[str, Any]]:
    return [row_of(event) for event in audit_events(_record(*commands, **held))]


def _record(*commands: Any, **held: Any) -> Any:
    log = DecisionsLog(held_against=grant(**held))
    log.decide(*commands)
    return decode_decided(log.records[0][0].value)


def _as_read_back(row: rows.Row) -> dict[str, Any]:
    cells = by_name(row)
    for name in _INSTANTS:
        cells[name] = None if cells[name] is None else moment_at(cells[name])
    return cells


def test_a_live_event_is_the_row_that_the_sink_writes() -> None:
    commands = [
        report("9", metadata=b'{"a":1}', transaction_id="t-1"),
        report("0.5"),
        report("7"),
        Read(NOON, "reader"),
        report("1", NOON + timedelta(days=1)),
    ]
    held: dict[str, Any] = {"limit": Decimal(10), "warning_percent": Decimal(80), "reset_period": ResetPeriod.DAY}
    written = [_as_read_back(row) for row in rows.rows_of(_record(*commands, **held), 0, NOWHERE)]
    live = decided(*commands, **held)
    assert live[4]["rolled_over"]
    assert [row["status"] for row in live] == ["ACCEPTED", "ACCEPTED", "REJECTED", "READ", "ACCEPTED"]
    for row, expected in zip(live, written, strict=True):
        assert {*COLUMNS} - {*row} == {
            *("uncounted", "number", "given_id"),
            *("outcome", "terms", "period_series", "unusual"),
        }
        assert row == {**{name: expected[name] for name in row}, "event_time": row["event_time"]}
        assert row["event_time"] == (expected["event_time"] if row["behavior"] else None)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("accepted", True),
        ("BATCH-1 gold", True),
        ("batch-1", True),
        ("atch", False),
        ("batch 2", False),
        ("größe", True),
        ("grö", False),
        ("", True),
    ],
)
def test_words_are_found_whole_and_in_any_case(words: str, found: bool) -> None:
    (row,) = decided(report(metadata='{"is":"batch-1","größe":1}'.encode()))
    assert Wanted("acme", None, EVERY, search=Search.of(words)).takes(Searched(row)) is found


def test_what_is_wanted_is_held_by_instance_status_entitlement_and_token() -> None:
    (row,) = decided(report())
    assert Wanted("acme", "prod-id", EVERY, "calls", "collector").takes(Searched(row))
    assert not Wanted("acme", "other-id", EVERY).takes(Searched(row))
    assert not Wanted("acme", None, frozenset({"READ"})).takes(Searched(row))
    assert not Wanted("acme", None, EVERY, entitlement="seats").takes(Searched(row))
    assert not Wanted("acme", None, EVERY, token="other").takes(Searched(row))
