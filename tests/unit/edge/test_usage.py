from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from edge.usage import not_licensed, refused, repeated, reported, usage
from metering.command import Report
from metering.decision import Receipt
from metering.grant import Reason
from metering.meter import Behavior
from metering.period import ResetPeriod
from metering.problems import Problem
from tests.unit.metering.given import NOW, Meter, at, grant, report


def accepted(meter: Meter, sent: Report) -> dict[str, Any]:
    return reported(sent, meter.grant, meter.decision_on(sent), "0-1-0")


def refusal(meter: Meter, sent: Report) -> Problem:
    return refused(sent, meter.grant, meter.decision_on(sent))


def test_an_accepted_report_is_told_its_new_total() -> None:
    meter = Meter(grant("100"))
    meter.append("40")
    assert accepted(meter, report("2.50")) == {
        "behavior": "append",
        "entitlementId": "calls-id",
        "entitlementSlug": "calls",
        "licenseId": "license-id",
        "licenseSlug": "enterprise",
        "metadata": {},
        "timestamp": NOW,
        "value": {"event_count": 2, "type": "number", "value": Decimal("42.5")},
        "limit": {"type": "number", "value": Decimal(100)},
        "remaining": Decimal("57.5"),
        "currentPeriodStart": None,
        "currentPeriodEnd": None,
        "decisionId": "0-1-0",
        "sequence": 2,
    }


def test_metadata_comes_back_as_it_was_sent() -> None:
    sent = Report(Decimal(1), Behavior.APPEND, NOW, NOW, "token", metadata=b'{"region":"eu"}')
    assert msgspec.json.encode(accepted(Meter(), sent)["metadata"]) == b'{"region":"eu"}'


def test_an_unlimited_meter_has_no_remaining() -> None:
    assert accepted(Meter(grant("-1")), report("5"))["remaining"] is None


def test_nothing_remains_past_the_limit() -> None:
    assert accepted(Meter(grant("5", overage_percent="-1")), report("8"))["remaining"] == 0


def test_the_period_that_a_report_counted_in_is_told() -> None:
    body = accepted(Meter(grant(reset_period=ResetPeriod.MONTH)), report(timestamp=at("2026-02-14")))
    assert (body["currentPeriodStart"], body["currentPeriodEnd"]) == (at("2026-02-01"), at("2026-03-01"))


def test_a_lookup_shows_zero_before_the_first_event() -> None:
    standing = Meter().peek()
    body = usage(grant("10"), standing.value, standing.events, standing.period, NOW)
    assert body["value"] == {"event_count": 0, "type": "number", "value": 0}
    assert (body["remaining"], body["behavior"]) == (10, "append")


def test_a_retry_is_told_the_first_answer_whatever_was_edited_since() -> None:
    meter = Meter(grant("100"))
    sent = report("5", transaction_id="t")
    first = accepted(meter, sent)
    meter.append("50")
    meter.edit(limit=Decimal(60), license_id="other-id", license_slug="other")
    receipt = meter.answer_to(sent)
    assert isinstance(receipt, Receipt)
    assert repeated(receipt, meter.grant, "0-1-0") == first


def test_a_report_past_the_limit_is_told_what_would_have_fit() -> None:
    meter = Meter(grant("10", reset_period=ResetPeriod.MONTH))
    meter.append("8")
    problem = refusal(meter, report("3.0"))
    assert (problem.status, problem.name) == (409, "ThresholdExceeded")
    assert problem.extensions == {
        "limit": 10,
        "current": 8,
        "requested": 3,
        "remaining": 2,
        "resetsAt": at("2026-04-01"),
    }


def test_a_reused_transaction_id_is_told_so() -> None:
    meter = Meter()
    meter.append("5", transaction_id="t")
    problem = refusal(meter, report("6", transaction_id="t"))
    assert (problem.status, problem.name, problem.extensions) == (409, "TransactionIdReused", {"transactionId": "t"})


@pytest.mark.parametrize(
    ("edited", "name"),
    [({"license_active": False}, "LicenseInactive"), ({"ends_at": NOW}, "LicenseOutsideDates")],
)
def test_a_license_that_does_not_cover_the_report_is_named(edited: dict[str, Any], name: str) -> None:
    problem = refusal(Meter(grant(**edited)), report())
    assert (problem.status, problem.name, problem.extensions["licenseSlug"]) == (403, name, "enterprise")


def test_a_lookup_outside_the_license_s_dates_is_told_them() -> None:
    problem = not_licensed(Reason.LICENSE_OUTSIDE_DATES, grant(starts_at=at("2026-01-01"), ends_at=NOW))
    assert problem.extensions["startLicenseDate"] == at("2026-01-01")
    assert problem.extensions["endLicenseDate"] == NOW


def test_a_report_for_a_closed_period_is_told_that_its_timestamp_is_out_of_range() -> None:
    meter = Meter(grant(reset_period=ResetPeriod.DAY))
    for day in range(10, 14):
        meter.append(timestamp=at(f"2026-03-{day}"))
    problem = refusal(meter, report(timestamp=at("2026-03-10"), received_at=at("2026-03-13")))
    assert (problem.status, problem.name) == (422, "TimestampOutOfRange")
    assert problem.faults[0].location == "body.timestamp"
