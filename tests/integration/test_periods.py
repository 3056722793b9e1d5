"""Periods: where a report counts is told by its own timestamp."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.shop import sell, value_of

pytestmark = pytest.mark.integration


def test_a_report_counts_in_the_period_of_its_own_timestamp(client: httpx.Client) -> None:
    sold = sell(client, limit=10, resetPeriod="DAY")
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday = now - timedelta(hours=23, minutes=59)
    sold.report(9)
    late = sold.report(8, timestamp=yesterday.isoformat()).json()
    assert late["value"]["value"] == 8
    assert late["currentPeriodEnd"] == midnight.isoformat().replace("+00:00", "Z")
    assert value_of(sold) == (9, 1)
    assert sold.report(2).json()["resetsAt"] == (midnight + timedelta(days=1)).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("offset", [timedelta(days=-2), timedelta(hours=-24, minutes=-2), timedelta(minutes=6)])
def test_a_timestamp_out_of_range_is_refused(client: httpx.Client, offset: timedelta) -> None:
    sold = sell(client, resetPeriod="DAY")
    refused = sold.report(1, timestamp=(datetime.now(UTC) + offset).isoformat())
    assert refused.status_code == 422
    assert refused.json()["code"] == "ReportEntitlementUsageMetric.TimestampOutOfRange"
    assert refused.json()["errors"][0]["location"] == "body.timestamp"


def test_a_lifetime_meter_takes_any_past_timestamp(client: httpx.Client) -> None:
    assert sell(client).report(1, timestamp="1999-12-31T23:59:59Z").status_code == 200
