"""JSON that is exact both ways."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from api.json import decode, encode
from metering.problems import Invalid, MalformedJson


@pytest.mark.parametrize("text", ["0.1", "1.0000000000000000000000001", "123456789012345678901234567890", "-0.5"])
def test_a_number_goes_in_and_out_digit_by_digit(text: str) -> None:
    assert encode(decode(text.encode())) == text.encode()


def test_fractions_are_decimals() -> None:
    assert decode(b'{"a": 0.1}') == {"a": Decimal("0.1")}


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'"\\ud800"', b"[1,]", b"01", b"{'a': 1}", b"[" * 100_000])
def test_what_is_not_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedJson):
        decode(body)


@pytest.mark.parametrize("body", [b"NaN", b'{"a": [Infinity]}', b"-Infinity"])
def test_nan_and_infinity_are_invalid(body: bytes) -> None:
    with pytest.raises(Invalid) as found:
        decode(body)
    assert found.value.faults[0].location == "body"


def test_an_exponent_that_no_decimal_has_is_invalid() -> None:
    with pytest.raises(Invalid, match="exponent"):
        decode(b'{"a": -1e99999999999999999999}')


@pytest.mark.parametrize(("opening", "closing"), [(b'{"a":', b"}"), (b"[", b"]")])
def test_a_body_that_nests_too_deep_is_malformed(opening: bytes, closing: bytes) -> None:
    assert decode(opening * 100 + b"1" + closing * 100)
    for depth in (101, 910):
        with pytest.raises(MalformedJson, match="deep"):
            decode(opening * depth + b"1" + closing * depth)


def test_times_are_written_in_utc_with_a_z() -> None:
    assert encode(datetime(2026, 1, 31, 12, tzinfo=UTC)) == b'"2026-01-31T12:00:00Z"'
