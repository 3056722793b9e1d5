from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from clickhouse_connect.driver.buffer import ResponseBuffer
from clickhouse_connect.driver.query import QueryContext
from clickhouse_connect.driver.transform import NativeTransform

from sql.instants import micros
from sql.native import Blocks, Coded, UnknownType, encoder


def test_a_block_is_its_columns_one_after_the_other() -> None:
    block = Blocks(["n", "s"], ["UInt16", "String"]).block([[1, 258], ["a", ""]])
    assert block == b"\x02\x02" + b"\x01n\x06UInt16" + b"\x01\x00\x02\x01" + b"\x01s\x06String" + b"\x01a\x00"


def test_a_long_text_has_a_long_length() -> None:
    assert encoder("String")(["x" * 300])[:3] == b"\xac\x02x"


def test_decimals_are_integers_of_their_smallest_step() -> None:
    assert encoder("Decimal(9, 2)")([Decimal("1.5"), Decimal("-0.01"), Decimal(0)]) == b"".join(
        number.to_bytes(4, "little", signed=True) for number in (150, -1, 0)
    )
    widest = encoder("Decimal(76, 12)")([Decimal("99999999999999999999.999999999999")])
    assert int.from_bytes(widest, "little", signed=True) == 99999999999999999999_999999999999


def test_nulls_are_told_beside_the_values() -> None:
    assert encoder("Nullable(UInt8)")([7, None]) == b"\x00\x01" + b"\x07\x00"
    assert encoder("Nullable(String)")([None, "a"]) == b"\x01\x00" + b"\x00\x01a"


@pytest.mark.parametrize("type_", ["LowCardinality(String)", "String", "Nullable(String)"])
def test_a_coded_column_is_written_as_its_values(type_: str) -> None:
    coded = Coded(["a", "b", "a"], [0, 1, 1, 2])
    assert encoder(type_)(coded) == encoder(type_)(["a", "b", "b", "a"])


@pytest.mark.parametrize("type_", ["Float64", "Array(String)", "LowCardinality(Nullable(String))"])
def test_a_type_that_nobody_taught_it_is_refused(type_: str) -> None:
    with pytest.raises(UnknownType, match="no block can be written"):
        encoder(type_)


TYPES = {
    "lc": "LowCardinality(String)",
    "text": "Nullable(String)",
    "at": "DateTime64(6, 'UTC')",
    "until": "Nullable(DateTime64(6, 'UTC'))",
    "status": "Enum8('' = 0, 'ACCEPTED' = 1)",
    "narrow": "Decimal(38, 12)",
    "wide": "Decimal(76, 12)",
    "maybe": "Nullable(Decimal(38, 12))",
    "number": "UInt64",
}


def read_back(block: bytes) -> list[tuple[Any, ...]]:
    """As the client reads what an engine wrote."""
    source = SimpleNamespace(gen=iter([block]), close=lambda: None, exception_tag=None, last_message=None)
    context = QueryContext(tz_mode="schema")
    result = NativeTransform().parse_response(ResponseBuffer(source), context)
    return [tuple(row) for row in result.result_rows]


def test_what_was_written_is_read_back_by_the_clients_own_reader() -> None:
    noon = datetime(2026, 11, 5, 12, 0, 0, 1, tzinfo=UTC)
    many = [f"word {number}" for number in range(300)]
    columns = [
        Coded(many, [299, 0, 299]),
        ["x" * 200, None, "ä"],
        [micros(noon)] * 3,
        [None, micros(noon), None],
        ["ACCEPTED", "", "ACCEPTED"],
        Coded([Decimal(-1), Decimal("0.000000000001")], [0, 1, 0]),
        [Decimal("99999999999999999999.999999999999"), Decimal("-2.5"), Decimal("1E+3")],
        [None, Decimal("0.1"), None],
        [0, 1, 2**64 - 1],
    ]
    rows = read_back(Blocks([*TYPES], [*TYPES.values()]).block(columns))
    assert rows == [
        ("word 299", "x" * 200, noon, None, "ACCEPTED", Decimal(-1), columns[6][0], None, 0),  # type: ignore[index]
        ("word 0", None, noon, noon, "", Decimal("0.000000000001"), Decimal("-2.5"), Decimal("0.1"), 1),
        ("word 299", "ä", noon, None, "ACCEPTED", Decimal(-1), Decimal(1000), None, 2**64 - 1),
    ]
