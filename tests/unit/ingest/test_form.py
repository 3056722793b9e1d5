from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec import UNSET

from ingest.form import LARGEST_METADATA, read
from metering.problems import Invalid, MalformedJson

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def body(value: str = "42.5", rest: str = "") -> bytes:
    return f'{{"value": {{"type": "number", "value": {value}}}{rest}}}'.encode()


def fault_location(problem: Invalid) -> str:
    return problem.faults[0].location


def test_the_smallest_report_is_a_value() -> None:
    form = read(body())
    assert form.quantity() == Decimal("42.5")
    assert form.behavior is UNSET
    assert form.event_time(NOON) == NOON
    assert form.compact_metadata() is None


def test_a_number_keeps_every_digit_that_a_float_would_lose() -> None:
    assert read(body("12345678901234567890.123456789012")).quantity() == Decimal("12345678901234567890.123456789012")


@pytest.mark.parametrize(
    "value",
    ["1e30", "1" + "0" * 30, "0." + "1" * 40, "1" * 40, '"42"', '"NaN"', "null", "true", "{}", "[1]", "1e999999999"],
)
def test_what_is_no_quantity_is_refused_at_its_place(value: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(body(value)).quantity()
    assert fault_location(refused.value) == "body.value.value"


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_what_json_has_no_number_for_is_refused_as_invalid(value: str) -> None:
    with pytest.raises(Invalid):
        read(body(value))


@pytest.mark.parametrize("value", ["01", "+1", ".5", "1.", "0x10", "1_000", ""])
def test_what_is_no_json_is_malformed(value: str) -> None:
    with pytest.raises(MalformedJson):
        read(body(value))


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", b"{", b'{"metadata":' + b"[" * 100_000, b"value=1", b"{} 2"])
def test_a_body_that_is_no_json_is_malformed(text: bytes) -> None:
    with pytest.raises(MalformedJson):
        read(text)


@pytest.mark.parametrize(
    ("rest", "location"),
    [
        (', "extra": 1', "body"),
        (', "behavior": "add"', "body.behavior"),
        (', "transactionId": "has space"', "body.transactionId"),
        (', "transactionId": ""', "body.transactionId"),
        (', "transactionId": "a\\n"', "body.transactionId"),
        (', "transactionId": "' + "x" * 129 + '"', "body.transactionId"),
        (', "timestamp": "yesterday"', "body.timestamp"),
        (', "timestamp": "2026-03-01T12:00:00"', "body.timestamp"),
        (', "timestamp": ""', "body.timestamp"),
        (', "timestamp": 5', "body.timestamp"),
    ],
)
def test_a_wrong_field_is_refused_at_its_place(rest: str, location: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(body(rest=rest)).event_time(NOON)
    assert fault_location(refused.value) == location


@pytest.mark.parametrize("text", [b"[]", b"5", b"{}", b'{"value": 5}', b'{"value": {"value": 5}}'])
def test_a_body_of_another_shape_is_refused(text: bytes) -> None:
    with pytest.raises(Invalid):
        read(text)


@pytest.mark.parametrize(
    "text",
    [
        b'{"value": {"type": "number", "value": 1}, "metadata": {"a": "\xff"}}',
        b'{"value": {"type": "number", "value": "\xff"}}',
        b'{"value": {"type": "\xff", "value": 1}}',
        b'{"value": {"type": "number", "value": 1}, "\xff": 1}',
    ],
)
def test_a_body_that_is_not_utf_8_is_malformed_wherever_it_is_not(text: bytes) -> None:
    with pytest.raises(MalformedJson):
        read(text)


def test_a_timestamp_is_taken_in_utc_whatever_its_zone() -> None:
    form = read(body(rest=', "timestamp": "2026-03-01T14:00:00+02:00"'))
    assert form.event_time(NOON) == NOON
    assert form.event_time(NOON).tzinfo is UTC


@pytest.mark.parametrize("timestamp", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_timestamp_outside_all_calendars_is_refused(timestamp: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(body(rest=f', "timestamp": "{timestamp}"')).event_time(NOON)
    assert fault_location(refused.value) == "body.timestamp"


@pytest.mark.parametrize(
    "rest",
    [
        ', "value": {"type": "number", "value": 1}',
        ', "behavior": "set", "behavior": "append"',
        ', "behavior": "set", "b\\u0065havior": "append"',
        ', "transactionId": "a:b", "transactionId": "c"',
        ', "timestamp": null, "timestamp": null',
        ', "metadata": {"a": 1, "a": 2}',
        ', "metadata": {"a": {"b": 1, "b": 1}}',
        ', "metadata": {"a": 1, "\\u0061": 2}',
    ],
)
def test_a_name_that_stands_twice_is_malformed(rest: str) -> None:
    with pytest.raises(MalformedJson, match="twice"):
        read(body(rest=rest))


@pytest.mark.parametrize(
    "rest",
    [
        ', "behavior": "append"',
        ', "behavior": "append", "transactionId": "a:b:c", "timestamp": "2026-03-01T14:00:00+02:00"',
        ', "timestamp": null, "transactionId": null, "metadata": null',
        ', "metadata": {"value": {"value": 1}, "type": "a:b", "c": [{"d": 1}, {"d": 2}]}',
        ', "metadata": {"quoted": "\\"a\\": 1, \\"a\\": 2"}',
    ],
)
def test_a_name_may_stand_in_several_objects(rest: str) -> None:
    assert read(body(rest=rest)).quantity() == Decimal("42.5")


@pytest.mark.parametrize("half", ["\\ud800", "\\udc00", "\\ud800\\u0041"])
def test_half_a_surrogate_pair_is_said_to_be_that(half: str) -> None:
    with pytest.raises(MalformedJson, match="surrogate pair"):
        read(body(rest=f', "metadata": {{"a": "{half}"}}'))


def test_metadata_is_kept_compact_and_to_the_digit() -> None:
    form = read(body(rest=', "metadata": { "a" : 1.00000000000000000001 , "b": [ "x" ] }'))
    assert form.compact_metadata() == b'{"a":1.00000000000000000001,"b":["x"]}'


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (r"gr\u00f6\u00DFe", "größe"),
        (r"\ud83d\ude00", "😀"),
        (r"https:\/\/a", "https://a"),
        (r"\u0061\u0022\u005c\u0000", r"a\"\\\u0000"),
        (r"a\nb\t", r"a\nb\t"),
        (r"\\u00f6", r"\\u00f6"),
        (r"\\\u00f6", r"\\ö"),
        (r"C:\\temp\"", r"C:\\temp\""),
    ],
)
def test_metadata_is_kept_with_the_escapes_alone_that_it_needs(sent: str, kept: str) -> None:
    form = read(body(rest=f', "metadata": {{"{sent}": "{sent}"}}'))
    assert form.compact_metadata() == f'{{"{kept}":"{kept}"}}'.encode()
    assert json.loads(form.compact_metadata() or b"") == json.loads(f'{{"{sent}": "{sent}"}}')


@pytest.mark.parametrize("metadata", ["5", '"text"', "[1]", "true"])
def test_metadata_that_is_no_object_is_refused(metadata: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(body(rest=f', "metadata": {metadata}')).compact_metadata()
    assert fault_location(refused.value) == "body.metadata"


def test_large_metadata_is_read_so_that_the_report_still_counts() -> None:
    form = read(body(rest=', "metadata": {"a": "' + "x" * LARGEST_METADATA + '"}'))
    assert len(form.compact_metadata() or b"") > LARGEST_METADATA
