"""Receipts: a transaction gets its first answer again, until it is forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from metering.balance import NEW_BALANCE, Place
from metering.command import Peek
from metering.decision import Decision, Receipt, Standing, Status, decide, remember
from metering.grant import Reason
from metering.meter import Behavior
from tests.unit.metering.given import NOW, REMEMBER_FOR, Meter, grant, report

MICROSECOND = timedelta(microseconds=1)


def test_a_retry_gets_the_first_answer_again_and_counts_once() -> None:
    meter = Meter()
    first = meter.append("5", transaction_id="t")
    meter.append("1")
    before = meter.balance
    again = meter.answer_to(report("5.0", NOW + timedelta(days=1), transaction_id="t"))
    assert isinstance(again, Receipt)
    assert again.decision == first
    assert meter.balance is before


def test_a_retry_gets_its_answer_even_where_the_license_has_ended() -> None:
    meter = Meter()
    meter.append("5", transaction_id="t")
    meter.edit(license_active=False)
    assert isinstance(meter.answer_to(report("5", transaction_id="t")), Receipt)


@pytest.mark.parametrize(
    "other", [report("6", transaction_id="t"), report("5", behavior=Behavior.SET, transaction_id="t")]
)
def test_a_transaction_id_with_another_value_or_behavior_is_refused(other: Any) -> None:
    meter = Meter()
    meter.append("5", transaction_id="t")
    decision = meter.decision_on(other)
    assert (decision.status, decision.reason) == (Status.REJECTED, Reason.TRANSACTION_ID_REUSED)
    assert (decision.after, decision.sequence) == (5, 2)


def test_a_refused_report_does_not_consume_its_transaction_id() -> None:
    meter = Meter(grant("5"))
    assert meter.append("6", transaction_id="t").status is Status.REJECTED
    assert meter.append("5", transaction_id="t").status is Status.ACCEPTED


def test_a_transaction_is_forgotten_by_the_log_s_time() -> None:
    meter = Meter()
    meter.append("5", transaction_id="t")
    just_before = report("5", NOW, received_at=NOW + REMEMBER_FOR - MICROSECOND, transaction_id="t")
    assert isinstance(meter.answer_to(just_before), Receipt)
    assert meter.append("5", NOW, received_at=NOW + REMEMBER_FOR, transaction_id="t").after == 10


@pytest.mark.parametrize("kept", [Place(4, 0), Place(9, 0)])
def test_a_receipt_of_this_command_or_a_later_one_does_not_change_a_replay(kept: Place) -> None:
    command, here = report("5", transaction_id="t"), Place(4, 0)
    first = decide(NEW_BALANCE, command, grant(), here)
    assert isinstance(first[1], Decision)
    receipt = remember(command, grant(), first[1], kept, REMEMBER_FOR)
    assert decide(NEW_BALANCE, command, grant(), here, receipt) == first


def test_a_peek_at_a_transaction_finds_the_first_answer_and_leaves_no_trace() -> None:
    first = report("5", transaction_id="t-1")
    balance, decision = decide(NEW_BALANCE, first, grant(), Place(0, 0))
    assert isinstance(decision, Decision)
    receipt = remember(first, grant(), decision, Place(0, 0), REMEMBER_FOR)
    after, found = decide(balance, Peek(NOW, "t-1"), grant(), Place(1, 0), receipt)
    assert (after, found) == (balance, receipt)


def test_a_peek_at_a_forgotten_transaction_finds_where_the_meter_stands() -> None:
    first = report("5", transaction_id="t-1")
    balance, decision = decide(NEW_BALANCE, first, grant(), Place(0, 0))
    assert isinstance(decision, Decision)
    receipt = remember(first, grant(), decision, Place(0, 0), REMEMBER_FOR)
    later = first.received_at + REMEMBER_FOR
    _, found = decide(balance, Peek(later, "t-1"), grant(), Place(1, 0), receipt)
    assert isinstance(found, Standing)
