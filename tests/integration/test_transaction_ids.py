"""Transaction ids: a retry gets the first answer, and counts once."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from metering.transaction import generate
from tests.shop import sell, value_of

pytestmark = pytest.mark.integration


def test_a_retried_transaction_gets_the_first_answer_and_counts_once(client: httpx.Client) -> None:
    sold = sell(client, limit=10)
    first = sold.report(6, transactionId="t-1")
    again = sold.report(6, transactionId="t-1")
    assert again.status_code == 200
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert again.json() == first.json()
    assert value_of(sold) == (6, 1)


def test_a_transaction_id_with_another_value_is_refused(client: httpx.Client) -> None:
    sold = sell(client, limit=10)
    sold.report(6, transactionId="t-1")
    reused = sold.report(5, transactionId="t-1")
    assert reused.status_code == 409
    assert reused.json()["code"] == "ReportEntitlementUsageMetric.TransactionIdReused"


def test_a_refused_report_does_not_consume_its_transaction_id(client: httpx.Client) -> None:
    sold = sell(client, limit=10)
    assert sold.report(11, transactionId="t-1").status_code == 409
    assert sold.report(9, transactionId="t-1").status_code == 200


def test_a_late_retry_gets_its_first_answer_though_its_timestamp_is_out_of_range_by_now(client: httpx.Client) -> None:
    daily = sell(client, resetPeriod="DAY")
    accepted = daily.report(3, transactionId="t-1")
    assert accepted.status_code == 200
    late = daily.report(3, transactionId="t-1", timestamp="2026-01-01T00:00:00Z")
    assert late.status_code == 200
    assert late.headers["Idempotent-Replayed"] == "true"
    assert late.json() == accepted.json()
    assert daily.report(3, transactionId="t-2", timestamp="2026-01-01T00:00:00Z").status_code == 422


def test_an_id_that_a_503_named_is_refused_once_it_may_be_forgotten(client: httpx.Client) -> None:
    old = generate(datetime.now(UTC) - timedelta(minutes=20), uuid.uuid4().hex)
    refused = sell(client).report(1, transactionId=old)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["location"] == "body.transactionId"
