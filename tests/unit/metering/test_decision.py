"""Decisions: what a report, a read or a peek gets, and what it leaves behind."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from metering.balance import NEW_BALANCE, Balance, Place
from metering.command import Peek
from metering.decision import Status, decide
from metering.grant import Reason
from metering.meter import Aggregation
from metering.period import DAWN, DUSK, ResetPeriod
from metering.problems import TimestampOutOfRange
from tests.unit.metering.given import NOW, Meter, at, grant, report

MICROSECOND = timedelta(microseconds=1)


def test_an_accepted_report_says_what_it_changed() -> None:
    meter = Meter()
    meter.append("40")
    decision = meter.append("2.5")
    assert decision.status is Status.ACCEPTED
    assert (decision.before, decision.after, decision.events) == (40, Decimal("42.5"), 2)
    assert decision.reason is None


def test_a_report_that_lands_on_the_limit_is_accepted() -> None:
    meter = Meter(grant("10"))
    assert meter.append("10").status is Status.ACCEPTED


def test_a_report_past_the_limit_is_refused_and_changes_nothing() -> None:
    meter = Meter(grant("10"))
    meter.append("10")
    decision = meter.append("0.000000000001")
    assert (decision.status, decision.reason) == (Status.REJECTED, Reason.THRESHOLD_EXCEEDED)
    assert (decision.before, decision.after, decision.events) == (10, 10, 1)
    assert meter.peek().value == 10


def test_a_smaller_report_still_fits_after_a_refused_one() -> None:
    meter = Meter(grant("10"))
    meter.append("8")
    assert meter.append("3").status is Status.REJECTED
    assert meter.append("2").status is Status.ACCEPTED


def test_overage_raises_the_cap_and_unlimited_never_refuses() -> None:
    assert Meter(grant("10", overage_percent="10")).append("11").status is Status.ACCEPTED
    assert Meter(grant("10", overage_percent="10")).append("11.1").status is Status.REJECTED
    assert Meter(grant("10", overage_percent="-1")).append("1000000").status is Status.ACCEPTED
    assert Meter(grant("-1")).append("99999999999999999999").status is Status.ACCEPTED


def test_a_limit_of_zero_takes_nothing_but_zero() -> None:
    meter = Meter(grant("0", overage_percent="50"))
    assert meter.append("0.1").status is Status.REJECTED
    assert meter.append("0").status is Status.ACCEPTED


def test_negative_reports_make_room() -> None:
    meter = Meter(grant("10"))
    meter.append("10")
    meter.append("-4")
    assert meter.append("4").after == 10


@pytest.mark.parametrize("aggregation", Aggregation)
def test_set_is_held_against_the_limit_and_goes_up_or_down(aggregation: Aggregation) -> None:
    meter = Meter(grant("10", aggregation))
    assert meter.set("10").after == 10
    assert meter.set("11").reason is Reason.THRESHOLD_EXCEEDED
    assert meter.set("3").after == 3
    assert meter.peek().events == 1


def test_an_average_is_refused_by_its_exact_total() -> None:
    meter = Meter(grant("1", Aggregation.AVERAGE))
    meter.append("1")
    meter.append("1")
    assert meter.append("1.000000000001").status is Status.REJECTED
    assert meter.append("1").status is Status.ACCEPTED


def test_a_count_is_held_by_its_events() -> None:
    meter = Meter(grant("2", Aggregation.COUNT))
    assert [meter.append("500").status for _ in range(3)] == [Status.ACCEPTED, Status.ACCEPTED, Status.REJECTED]


def test_a_limit_lowered_below_the_value_refuses_the_next_report() -> None:
    meter = Meter(grant("10"))
    meter.append("8")
    meter.edit(limit=Decimal(5))
    assert meter.append("1").status is Status.REJECTED
    assert meter.set("5").status is Status.ACCEPTED


@pytest.mark.parametrize(
    ("edited", "reason"),
    [
        ({"license_active": False}, Reason.LICENSE_INACTIVE),
        ({"ends_at": NOW}, Reason.LICENSE_OUTSIDE_DATES),
        ({"starts_at": NOW + MICROSECOND}, Reason.LICENSE_OUTSIDE_DATES),
    ],
)
def test_a_license_that_does_not_cover_the_report_refuses_it(edited: dict[str, Any], reason: Reason) -> None:
    meter = Meter(grant(**edited))
    assert meter.append().reason is reason
    assert meter.peek().events == 0


def test_the_license_s_dates_are_held_against_the_event_time() -> None:
    meter = Meter(grant(ends_at=NOW))
    assert meter.append(timestamp=NOW - MICROSECOND, received_at=NOW + MICROSECOND).status is Status.ACCEPTED


def test_every_decision_takes_the_next_number_and_a_peek_none() -> None:
    meter = Meter(grant("1"))
    decisions = [meter.append("1"), meter.append("1"), meter.read()]
    meter.peek()
    decisions.append(meter.set("0"))
    assert [decision.sequence for decision in decisions] == [1, 2, 3, 4]
    assert [decision.status for decision in decisions] == ["ACCEPTED", "REJECTED", "READ", "ACCEPTED"]


def test_a_read_sees_the_value_and_changes_nothing() -> None:
    meter = Meter()
    meter.append("7")
    decision = meter.read()
    assert (decision.before, decision.after, decision.events, decision.reason) == (7, 7, 1, None)


def test_a_read_before_the_first_event_sees_zero() -> None:
    decision = Meter(grant(aggregation=Aggregation.MIN)).read()
    assert (decision.after, decision.events) == (0, 0)


def test_a_peek_leaves_no_trace() -> None:
    balance, standing = decide(NEW_BALANCE, Peek(NOW), grant(), Place(3, 0))
    assert balance is NEW_BALANCE
    assert (standing.events, balance.has_folded(Place(3, 0))) == (0, False)  # type: ignore[union-attr]


def test_a_balance_knows_the_last_command_that_it_holds() -> None:
    balance, _ = decide(NEW_BALANCE, report(), grant(), Place(7, 2))
    assert balance.has_folded(Place(7, 2))
    assert balance.has_folded(Place(6, 9))
    assert not balance.has_folded(Place(7, 3))


@pytest.mark.parametrize("reset", [None, *ResetPeriod])
@pytest.mark.parametrize("aggregation", Aggregation)
def test_a_hostile_timestamp_is_decided_like_any_other(reset: ResetPeriod | None, aggregation: Aggregation) -> None:
    meter = Meter(grant("100", aggregation, reset_period=reset, anchor=at("2024-01-31T07:30")))
    decisions = [meter.append("1", moment, received_at=NOW) for moment in (DAWN, DUSK, NOW, DAWN, DUSK)]
    assert [decision.sequence for decision in decisions] == [1, 2, 3, 4, 5]
    assert all(decision.status is Status.ACCEPTED for decision in decisions)


def test_the_edge_and_the_fold_agree_on_the_period() -> None:
    meter = Meter(grant(reset_period=ResetPeriod.MONTH))
    meter.grant.check_timestamp(at("2026-02-28T23:00"), at("2026-03-01T01:00"), timedelta(days=1))
    assert meter.append(timestamp=at("2026-02-28T23:00"), received_at=at("2026-03-01T01:00")).period.end == at(
        "2026-03-01"
    )
    with pytest.raises(TimestampOutOfRange):
        meter.grant.check_timestamp(at("2026-01-31"), at("2026-03-01T01:00"), timedelta(days=90))


def test_a_new_balance_has_counted_nothing() -> None:
    assert Balance() == NEW_BALANCE
    assert not NEW_BALANCE.has_folded(Place(0, 0))
