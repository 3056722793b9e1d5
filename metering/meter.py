"""Meters: what is counted, and how single reports become one value."""

from __future__ import annotations

from enum import StrEnum


class MeterType(StrEnum):
    """What the reported numbers are: usage already, or raw events to be aggregated."""

    CALCULATED_USAGE = "CALCULATED_USAGE"
    RAW_EVENT = "RAW_EVENT"


class Aggregation(StrEnum):
    """How the values of raw events become one value of a period."""

    SUM = "SUM"
    COUNT = "COUNT"
    AVERAGE = "AVERAGE"
    MAX = "MAX"
    MIN = "MIN"
    LATEST = "LATEST"


class Behavior(StrEnum):
    """What a report does to the value: add an event to it, or replace it."""

    APPEND = "append"
    SET = "set"


def effective(meter_type: MeterType, aggregation: Aggregation) -> Aggregation:
    """How a meter folds its reports: numbers that are usage already are summed, whatever the entitlement says."""
    return aggregation if meter_type is MeterType.RAW_EVENT else Aggregation.SUM
