"""The columns of the audit trail stand in several files; these tests hold them equal."""

from __future__ import annotations

import re

import pytest

from api.audit_event import COLUMNS as SHOWN
from sql.statements import MIGRATIONS, insert_statement, statement
from stream.rows import COLUMNS as WRITTEN


def selected(name: str) -> tuple[str, ...]:
    """The columns between SELECT and FROM, without the function that a column may be dressed in."""
    found = re.search(r"^SELECT\n(?P<columns>.*)\nFROM", statement(name), re.MULTILINE | re.DOTALL)
    assert found is not None
    return tuple(re.sub(r"\w+\((\w+)\)", r"\1", column).strip(" `\n") for column in found["columns"].split(","))


@pytest.mark.parametrize("query", ["instance_trail", "organization_trail", "instance_decision"])
def test_every_query_of_the_trail_selects_what_an_event_is_made_of(query: str) -> None:
    assert selected(query) == SHOWN


def test_a_verification_reads_what_the_sink_writes() -> None:
    assert selected("partition_rows") == WRITTEN


def test_the_table_has_the_columns_that_the_sink_writes_and_no_other() -> None:
    table = (MIGRATIONS / "030_decisions_by_month.sql").read_text()
    columns = re.findall(r"^    (\w+) +\S.* CODEC\(", table, re.MULTILINE)
    assert sorted(columns) == sorted(WRITTEN)


def test_an_event_leaves_out_only_what_is_of_no_use_to_a_client() -> None:
    assert set(WRITTEN) - set(SHOWN) == {"organization_id", "entitlement_id", "decided_at"}


def test_an_insert_names_the_columns_that_the_sink_writes_in_their_order() -> None:
    found = re.search(r"\((?P<columns>[^()]*)\)\nSELECT", insert_statement("decisions"))
    assert found is not None
    assert tuple(column.strip(" `\n") for column in found["columns"].split(",")) == WRITTEN
