"""What a caller is told: a decision as the usage document of the HTTP contract, or as the problem that refused it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from metering.command import Report
from metering.decision import Decision, Receipt
from metering.grant import Grant, Licensed, Reason
from metering.meter import Behavior
from metering.period import Period
from metering.problems import (
    LicenseInactive,
    LicenseOutsideDates,
    Problem,
    ThresholdExceeded,
    TimestampOutOfRange,
    TransactionIdReused,
)
from metering.quantity import EXACT, UNLIMITED, ZERO, plain


def reported(report: Report, grant: Grant, decision: Decision, decision_id: str) -> dict[str, Any]:
    """The 200 body of an accepted report."""
    return {
        **usage(grant, decision.after, decision.events, decision.period, report.timestamp, behavior=report.behavior),
        "metadata": _raw(report.metadata),
        "decisionId": decision_id,
        "sequence": decision.sequence,
    }


def repeated(receipt: Receipt, grant: Grant, decision_id: str) -> dict[str, Any]:
    """The first answer again: the body that the transaction's accepted report got, whatever was edited since."""
    decision = receipt.decision
    return {
        "behavior": receipt.behavior,
        "entitlementId": grant.entitlement_id,
        "entitlementSlug": grant.entitlement_slug,
        "licenseId": receipt.license_id,
        "licenseSlug": receipt.license_slug,
        "metadata": _raw(receipt.metadata),
        "timestamp": receipt.timestamp,
        **_amounts(decision.after, decision.events, receipt.limit, decision.period),
        "decisionId": decision_id,
        "sequence": decision.sequence,
    }


def usage(
    grant: Grant,
    value: Decimal,
    events: int,
    period: Period,
    timestamp: datetime,
    *,
    behavior: Behavior = Behavior.APPEND,
) -> dict[str, Any]:
    """The 200 body of a usage lookup: the running period's value against its limit, as of `timestamp`."""
    return {
        "behavior": behavior,
        "entitlementId": grant.entitlement_id,
        "entitlementSlug": grant.entitlement_slug,
        "licenseId": grant.license_id,
        "licenseSlug": grant.license_slug,
        "metadata": {},
        "timestamp": timestamp,
        **_amounts(value, events, grant.limit, period),
    }


def refused(report: Report, grant: Grant, decision: Decision) -> Problem:
    """Why the report was refused, as the problem that its sender gets."""
    match decision.reason:
        case Reason.THRESHOLD_EXCEEDED:
            return ThresholdExceeded(
                limit=plain(grant.limit),
                current=plain(decision.before),
                requested=plain(report.value),
                remaining=_remaining(grant.limit, decision.before),
                resets_at=decision.period.end,
                overage_percent=plain(grant.overage_percent),
            )
        case Reason.TRANSACTION_ID_REUSED:
            return TransactionIdReused(
                f"Transaction {report.transaction_id!r} was accepted before with another value or behavior.",
                transactionId=report.transaction_id,
            )
        case Reason.PERIOD_CLOSED:
            return TimestampOutOfRange("timestamp lies in a period that is closed", report.timestamp)
        case Reason.LICENSE_INACTIVE | Reason.LICENSE_OUTSIDE_DATES as reason:
            return not_licensed(reason, grant)
        case None:
            raise AssertionError("a refused report has a reason")


def not_licensed(reason: Reason, licensed: Licensed) -> Problem:
    """The 403 of a license that does not cover the moment."""
    slug = licensed.license_slug
    if reason is Reason.LICENSE_INACTIVE:
        return LicenseInactive(f"The license {slug!r} is not active.", licenseSlug=slug)
    return LicenseOutsideDates(
        f"The license {slug!r} of instance {licensed.instance_slug!r} does not cover this time.",
        licenseSlug=slug,
        startLicenseDate=licensed.starts_at,
        endLicenseDate=licensed.ends_at,
    )


def _amounts(value: Decimal, events: int, limit: Decimal, period: Period) -> dict[str, Any]:
    return {
        "value": {"event_count": events, "type": "number", "value": plain(value)},
        "limit": {"type": "number", "value": plain(limit)},
        "remaining": _remaining(limit, value),
        "currentPeriodStart": period.start,
        "currentPeriodEnd": period.end,
    }


def _remaining(limit: Decimal, value: Decimal) -> Decimal | None:
    return None if limit == UNLIMITED else plain(max(ZERO, EXACT.subtract(limit, value)))


def _raw(metadata: bytes | None) -> Mapping[str, Any] | msgspec.Raw:
    return {} if metadata is None else msgspec.Raw(metadata)
