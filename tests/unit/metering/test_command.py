from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from metering.command import Command, Peek, Read, Report
from metering.meter import Behavior
from tests.unit.metering.given import NOW, report

decoder = msgspec.msgpack.Decoder(Command)


def wire(**edited: Any) -> bytes:
    fields = {"tag": 1, "value": "1", "behavior": "append", "timestamp": NOW, "received_at": NOW, "token": "token"}
    return msgspec.msgpack.encode(list({**fields, **edited}.values()))


@pytest.mark.parametrize("command", [report("42.5", transaction_id="t"), Read(NOW, "token"), Peek(NOW)])
def test_a_command_comes_off_the_wire_as_it_went_on(command: Command) -> None:
    assert decoder.decode(msgspec.msgpack.encode(command)) == command


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "1E+400", "1E+20", "1E-13", "9" * 80, "one"])
def test_a_value_that_can_not_be_counted_is_refused_off_the_wire(value: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        decoder.decode(wire(value=value))


@pytest.mark.parametrize("field", ["timestamp", "received_at"])
def test_a_time_without_an_offset_is_refused_off_the_wire(field: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="timezone"):
        decoder.decode(wire(**{field: "2026-03-15T12:00:00"}))


def test_a_time_that_utc_can_not_say_is_refused_off_the_wire() -> None:
    with pytest.raises(msgspec.ValidationError, match="years 1 to 9999"):
        decoder.decode(wire(timestamp="0001-01-01T00:00:00+05:00"))


def test_an_event_time_of_another_offset_is_kept_in_utc() -> None:
    east = datetime(2026, 3, 15, 17, tzinfo=timezone(timedelta(hours=5)))
    command = Report(Decimal(1), Behavior.APPEND, east, NOW, "token")
    assert command.timestamp.utcoffset() == timedelta(0)
    assert command.timestamp == NOW


def test_a_behavior_that_no_one_knows_is_refused_off_the_wire() -> None:
    with pytest.raises(msgspec.ValidationError, match="Invalid enum value"):
        decoder.decode(wire(behavior="replace"))
