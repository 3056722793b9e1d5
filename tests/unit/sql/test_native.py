from __future__ import annotations

from decimal import Decimal

import pytest

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
