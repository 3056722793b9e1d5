"""Crossings: which line of its grant an accepted report passed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from metering.grant import Line
from metering.period import ResetPeriod
from tests.unit.metering.given import Meter, at, grant


@pytest.mark.parametrize(
    ("first", "then", "crossing"),
    [
        ("79", "0.9", Line.NONE),
        ("79", "1", Line.WARNING),
        ("80", "5", Line.NONE),
        ("79", "21", Line.REACHED),
        ("85", "15", Line.REACHED),
        ("100", "0", Line.NONE),
        ("100", "1", Line.EXCEEDED),
        ("101", "1", Line.NONE),
        ("1", "150", Line.EXCEEDED),
        ("-50", "130", Line.WARNING),
    ],
)
def test_a_report_crosses_one_line_however_far_it_jumps(first: str, then: str, crossing: Line) -> None:
    meter = Meter(grant("100", warning_percent="80", overage_percent="-1"))
    meter.append(first)
    assert meter.append(then).crossing is crossing


def test_the_first_report_crosses_from_below() -> None:
    assert Meter(grant("5")).append("5").crossing is Line.REACHED
    assert Meter(grant("0")).append("0").crossing is Line.REACHED


def test_a_refused_report_crosses_nothing() -> None:
    assert Meter(grant("5")).append("6").crossing is Line.NONE


def test_a_value_that_fell_below_a_line_crosses_it_anew() -> None:
    meter = Meter(grant("100", warning_percent="80"))
    meter.append("90")
    assert meter.set("10").crossing is Line.NONE
    assert meter.append("80").crossing is Line.WARNING


def test_a_limit_lowered_below_the_value_is_crossed_by_no_report() -> None:
    meter = Meter(grant("100", overage_percent="-1"))
    meter.append("50")
    meter.edit(limit=Decimal(40))
    assert meter.append("1").crossing is Line.NONE


def test_each_period_crosses_its_lines_anew() -> None:
    meter = Meter(grant("5", reset_period=ResetPeriod.DAY))
    assert meter.append("5", at("2026-03-15")).crossing is Line.REACHED
    assert meter.append("5", at("2026-03-16")).crossing is Line.REACHED
