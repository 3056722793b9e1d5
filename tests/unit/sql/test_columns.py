"""The columns of the audit trail stand in several files; these tests hold them equal."""

from __future__ import annotations

import re

import pytest
from clickhouse_migrations.migrator import Migrator

from api.audit_event import COLUMNS as READ
from api.audit_event import OUTCOME, PERIOD_SERIES, TERMS, UNUSUAL
from sql.migrate import COPY, OF_BEFORE
from sql.statements import MIGRATIONS, insert_statement, statement
from stream.rows import COLUMNS as WRITTEN

#: What the table keeps of a transaction id.
ID_PARTS = {"series", "number", "given_id"}
#: What it keeps once more, in the lines of one column.
LINES = {"outcome": OUTCOME, "terms": TERMS, "period_series": PERIOD_SERIES, "unusual": UNUSUAL}
LAST_DEFINED_BY = {
    **dict.fromkeys(LINES, "033_pages_of_fewer_columns"),
    "period_series": "036_decisions_by_quarter",
}
SHOWN = ({*READ} - {*LINES}).union(*LINES.values())


def selected(name: str) -> tuple[str, ...]:
    """The columns between SELECT and FROM, without the function that a column may be dressed in."""
    found = re.search(r"^SELECT\n(?P<columns>.*)\nFROM", statement(name), re.MULTILINE | re.DOTALL)
    assert found is not None
    return tuple(re.sub(r"\w+\((\w+)\)", r"\1", column).strip(" `\n") for column in found["columns"].split(","))


@pytest.mark.parametrize("query", ["instance_trail", "organization_trail", "instance_decision"])
def test_every_query_of_the_trail_selects_what_an_event_is_made_of(query: str) -> None:
    assert selected(query) == READ


def test_a_verification_reads_what_the_sink_writes() -> None:
    read = [{"transaction_id": "transaction"}.get(column, column) for column in selected("partition_rows")]
    assert tuple(read) == WRITTEN


def test_the_table_has_the_columns_that_the_sink_writes_and_no_other() -> None:
    table = (MIGRATIONS / "031_decisions_by_hour.sql").read_text()
    stored = {*re.findall(r"^    (\w+) +\w(?:.|\n {8})*?\bCODEC\(", table, re.MULTILINE)}
    assert stored - ID_PARTS - {*LINES, "period"} | {"transaction"} == {*WRITTEN}
    assert stored > ID_PARTS | {*LINES, "period"} - {"unusual", "period_series"}


def test_the_table_is_copied_with_all_that_the_sink_wrote() -> None:
    script = (MIGRATIONS / "036_decisions_by_quarter.sql").read_text()
    found = re.search(r"INSERT INTO decisions_anew\n\((?P<into>[^()]+)\)\nSELECT(?P<copied>[^;]+)\nFROM", script)
    assert found is not None
    into, copied = (re.findall(r"\w+", found[part]) for part in ("into", "copied"))
    assert into == copied
    assert {*into} == {*WRITTEN} - {"transaction"} | ID_PARTS


@pytest.mark.parametrize("column", LINES)
def test_a_column_of_lines_holds_the_columns_that_it_is_read_as(column: str) -> None:
    script = (MIGRATIONS / f"{LAST_DEFINED_BY[column]}.sql").read_text()
    found = re.search(rf"\b{column} +[\w()]+ MATERIALIZED (?P<lines>(?:.|\n {{8}})*?)\s+CODEC", script)
    assert found is not None
    *_, lines = found["lines"].partition("concatWithSeparator")
    assert tuple(name for name in re.findall(r"\w+", lines) if name in {*WRITTEN, *ID_PARTS}) == LINES[column]


def test_rows_of_before_are_known_by_the_number_of_their_lines() -> None:
    breaks = {column: int(number) for column, number in re.findall(r"countSubstrings\((\w+), .*?\) != (\d)", OF_BEFORE)}
    assert breaks == {column: len(LINES[column]) - 1 for column in ("outcome", "terms")}


@pytest.mark.parametrize("migration", ["030_decisions_by_month", "031_decisions_by_hour", "036_decisions_by_quarter"])
def test_a_copy_is_known_by_the_statement_that_copies(migration: str) -> None:
    statements = Migrator.script_to_statements((MIGRATIONS / f"{migration}.sql").read_text(), True)
    assert sum(re.match(COPY, statement) is not None for statement in statements) == 1


def test_an_event_leaves_out_only_what_is_of_no_use_to_a_client() -> None:
    assert {*WRITTEN} - SHOWN == {"organization_id", "entitlement_id", "decided_ahead", "transaction"}
    assert SHOWN - {*WRITTEN} == ID_PARTS


def test_an_insert_names_the_columns_that_the_sink_writes_in_their_order() -> None:
    found = re.search(r"\((?P<columns>[^()]*)\)\nSELECT", insert_statement("decisions"))
    assert found is not None
    assert tuple(column.strip(" `\n") for column in found["columns"].split(",")) == WRITTEN
