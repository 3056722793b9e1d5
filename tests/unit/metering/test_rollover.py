from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from metering.decision import Status
from metering.grant import Reason
from metering.meter import Aggregation
from metering.period import LIFETIME, Period, ResetPeriod
from tests.unit.metering.given import NOW, Meter, at, grant

HOUR, DAY, WEEK, MONTH, YEAR = ResetPeriod
JANUARY, FEBRUARY, MARCH, APRIL = (at(f"2026-0{month}-15") for month in range(1, 5))


def monthly(limit: str = "-1") -> Meter:
    return Meter(grant(limit, reset_period=MONTH))


def test_a_new_period_starts_from_nothing() -> None:
    meter = monthly("10")
    meter.append("10", JANUARY)
    decision = meter.append("10", FEBRUARY)
    assert (decision.status, decision.before, decision.after, decision.events) == (Status.ACCEPTED, 0, 10, 1)


@pytest.mark.parametrize("aggregation", Aggregation)
def test_every_aggregation_starts_anew(aggregation: Aggregation) -> None:
    meter = Meter(grant(aggregation=aggregation, reset_period=MONTH))
    meter.append("7", JANUARY)
    assert meter.peek(FEBRUARY).events == 0
    assert meter.append("1", FEBRUARY).after == 1


def test_the_first_decision_after_a_rollover_names_the_closed_period_and_its_value() -> None:
    meter = monthly()
    assert meter.append("7", JANUARY).rolled_over is None
    closed = meter.append("1", FEBRUARY).rolled_over
    assert closed is not None
    assert (closed.period, closed.value) == (Period(at("2026-01-01"), at("2026-02-01")), 7)
    assert meter.append("1", FEBRUARY).rolled_over is None


def test_a_read_may_be_the_first_decision_after_a_rollover() -> None:
    meter = monthly()
    meter.append("7", JANUARY)
    decision = meter.read(FEBRUARY)
    assert decision.rolled_over is not None
    assert (decision.after, decision.rolled_over.value) == (0, 7)
    assert meter.append("1", FEBRUARY).rolled_over is None


def test_a_refused_report_may_be_the_first_decision_after_a_rollover() -> None:
    meter = monthly("10")
    meter.append("7", JANUARY)
    decision = meter.append("11", FEBRUARY)
    assert (decision.status, decision.rolled_over and decision.rolled_over.value) == (Status.REJECTED, 7)
    assert meter.read(FEBRUARY).rolled_over is None


def test_a_peek_after_a_rollover_leaves_it_to_be_said() -> None:
    meter = monthly()
    meter.append("7", JANUARY)
    meter.peek(FEBRUARY)
    assert meter.append("1", FEBRUARY).rolled_over is not None


def test_a_late_report_counts_in_its_own_period() -> None:
    meter = monthly()
    meter.append("7", JANUARY)
    meter.append("1", FEBRUARY)
    late = meter.append("5", JANUARY, received_at=FEBRUARY)
    assert (late.before, late.after, late.rolled_over) == (7, 12, None)
    assert meter.peek(FEBRUARY).value == 1


def test_a_late_report_is_held_against_its_own_period() -> None:
    meter = monthly("10")
    meter.append("10", JANUARY)
    meter.append("1", FEBRUARY)
    assert meter.append("1", JANUARY, received_at=FEBRUARY).status is Status.REJECTED
    assert meter.append("9", FEBRUARY).status is Status.ACCEPTED


def test_a_late_report_may_open_a_period_that_had_none() -> None:
    meter = monthly()
    meter.append("1", MARCH)
    late = meter.append("5", FEBRUARY, received_at=MARCH)
    assert (late.before, late.after, late.rolled_over) == (0, 5, None)
    assert meter.append("2", FEBRUARY, received_at=MARCH).after == 7


def test_a_late_report_may_open_a_period_between_two_others() -> None:
    meter = monthly()
    meter.append("1", JANUARY)
    meter.append("3", MARCH)
    assert meter.append("2", FEBRUARY, received_at=MARCH).rolled_over is None
    assert [counter.value for counter in meter.balance.counters] == [3, 2, 1]


def test_the_running_the_previous_and_one_more_period_are_kept() -> None:
    meter = monthly()
    for month in (JANUARY, FEBRUARY, MARCH, APRIL):
        meter.append("1", month)
    assert [counter.period.start for counter in meter.balance.counters] == [
        at("2026-04-01"),
        at("2026-03-01"),
        at("2026-02-01"),
    ]


def test_a_report_for_a_period_no_longer_kept_is_refused() -> None:
    meter = monthly()
    for month in (JANUARY, FEBRUARY, MARCH, APRIL):
        meter.append("1", month)
    before = meter.balance.counters
    decision = meter.append("1", JANUARY, received_at=APRIL)
    assert (decision.status, decision.reason) == (Status.REJECTED, Reason.PERIOD_CLOSED)
    assert meter.balance.counters == before


def test_a_clock_five_minutes_ahead_does_not_close_the_previous_period() -> None:
    meter, midnight = monthly(), at("2026-04-01")
    for month in (JANUARY, FEBRUARY, MARCH):
        meter.append("1", month)
    meter.append("1", midnight, received_at=midnight - timedelta(minutes=5))
    late = meter.append("1", at("2026-02-28T23:59"), received_at=midnight - timedelta(minutes=5))
    assert late.status is Status.ACCEPTED


def test_a_read_sees_the_running_period_though_the_next_one_was_opened_early() -> None:
    meter, midnight = monthly(), at("2026-04-01")
    meter.append("7", MARCH)
    meter.append("1", midnight, received_at=midnight - timedelta(minutes=1))
    assert meter.read(midnight - timedelta(minutes=1)).after == 7


# A license's start that is edited moves the bounds of the periods counted from it


def anchored(anchor: datetime, limit: str = "-1") -> Meter:
    return Meter(grant(limit, reset_period=MONTH, anchor=anchor))


def test_a_moved_anchor_carries_the_running_period_s_usage_over() -> None:
    meter = anchored(at("2026-01-01"))
    meter.append("7", NOW)
    meter.edit(anchor=at("2026-01-10"))
    decision = meter.append("1", NOW)
    assert (decision.before, decision.after, decision.rolled_over) == (7, 8, None)
    assert decision.period == Period(at("2026-03-10"), at("2026-04-10"))
    assert meter.append("1", at("2026-04-10")).before == 0


def test_replicas_that_disagree_on_the_anchor_for_a_second_lose_nothing() -> None:
    meter = anchored(at("2026-01-01"))
    for day in (1, 10, 1, 10, 12, 8, 1, 10):
        meter.edit(anchor=at("2026-01-01") + timedelta(days=day - 1))
        meter.append("1", NOW)
    assert meter.peek(NOW).value == 8


@pytest.mark.parametrize("days", [range(14), range(14, 0, -1), range(10, 40)])
def test_a_moved_anchor_never_closes_the_running_period(days: range) -> None:
    meter = anchored(at("2026-01-01"))
    for day in days:
        meter.edit(anchor=at("2026-01-01") + timedelta(days=day))
        assert meter.append("1", NOW).status is Status.ACCEPTED
    assert meter.peek(NOW).value == len(days)


def test_a_moved_anchor_keeps_the_earlier_periods_that_still_lie_before() -> None:
    meter = anchored(at("2026-01-01"))
    meter.append("5", FEBRUARY)
    meter.append("7", NOW)
    meter.edit(anchor=at("2026-01-10"))
    meter.append("1", NOW)
    assert [counter.value for counter in meter.balance.counters] == [8, 5]


def test_a_meter_that_loses_or_gains_its_reset_keeps_its_running_usage() -> None:
    meter = Meter(grant())
    meter.append("7", NOW)
    meter.edit(reset_period=MONTH)
    assert meter.append("1", NOW).after == 8
    meter.edit(reset_period=None)
    decision = meter.append("1", NOW)
    assert (decision.after, decision.period) == (9, LIFETIME)


def test_balances_survive_the_wire() -> None:
    meter = Meter(grant(aggregation=Aggregation.AVERAGE, reset_period=HOUR))
    meter.append("0.1", JANUARY)
    meter.append("0.2", FEBRUARY)
    wire = msgspec.msgpack.encode(meter.balance)
    assert msgspec.msgpack.decode(wire, type=type(meter.balance)) == meter.balance
    assert meter.balance.counters[0].total == Decimal("0.2")
