"""Reporting and reading usage, as a client of the running pipeline sees it."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.pipeline import Pipeline, wait_until
from tests.shop import Sold, exact, post, sell, value_of

pytestmark = pytest.mark.integration


def test_an_accepted_report_is_answered_with_the_new_total(client: httpx.Client) -> None:
    sold = sell(client, limit=100)
    response = sold.report(42.5, metadata={"region": "eu"}, timestamp="2026-01-01T12:00:00Z")
    assert response.status_code == 200
    body = response.json()
    assert body["value"] == {"type": "number", "value": 42.5, "event_count": 1}
    assert body["behavior"] == "append"
    assert body["metadata"] == {"region": "eu"}
    assert body["timestamp"] == "2026-01-01T12:00:00Z"
    assert body["entitlementSlug"] == sold.entitlement
    assert body["licenseSlug"] == sold.license
    assert uuid.UUID(body["entitlementId"])
    assert uuid.UUID(body["licenseId"])
    assert body["limit"] == {"type": "number", "value": 100}
    assert body["remaining"] == 57.5
    assert body["sequence"] == 1
    assert body["decisionId"]


def test_a_report_past_the_limit_is_refused_and_changes_nothing(client: httpx.Client) -> None:
    sold = sell(client, limit=10)
    assert sold.report(7).status_code == 200
    refused = sold.report(4)
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    problem = refused.json()
    assert problem["code"] == "ReportEntitlementUsageMetric.ThresholdExceeded"
    assert (problem["limit"], problem["current"], problem["requested"], problem["remaining"]) == (10, 7, 4, 3)
    assert problem["resetsAt"] is None
    assert value_of(sold) == (7, 1)
    assert sold.report(3).status_code == 200, "equality with the limit is accepted"


def test_an_overage_lets_the_value_pass_the_limit_by_its_percentage(client: httpx.Client) -> None:
    sold = sell(client, limit=10, overage=50)
    assert sold.report(15).status_code == 200
    assert sold.report(0.000000000001).status_code == 409


def test_an_unlimited_grant_never_refuses(client: httpx.Client) -> None:
    sold = sell(client)
    assert sold.report(10**19).json()["remaining"] is None


def test_numbers_are_exact_decimals_end_to_end(client: httpx.Client) -> None:
    sold = sell(client)
    for _ in range(10):
        assert sold.report(0.1).status_code == 200
    assert exact(client.get(sold.usage_path))["value"]["value"] == 1
    body = b'{"value": {"type": "number", "value": 12345678901234567890.123456789012}}'
    response = client.post(sold.usage_path, content=body, headers={"Content-Type": "application/json"})
    assert exact(response)["value"]["value"] == Decimal("12345678901234567891.123456789012")
    assert b'"value":12345678901234567891.123456789012' in response.content


def test_before_the_first_event_usage_shows_zero(client: httpx.Client) -> None:
    assert value_of(sell(client, limit=5)) == (0, 0)


def test_set_replaces_the_value_with_one_event_up_or_down(client: httpx.Client) -> None:
    sold = sell(client, limit=100)
    sold.report(30)
    assert sold.report(80, behavior="set").json()["value"] == {"type": "number", "value": 80, "event_count": 1}
    assert sold.report(5, behavior="set").json()["value"]["value"] == 5
    assert sold.report(101, behavior="set").status_code == 409


@pytest.mark.parametrize(
    ("aggregation", "expected"), [("SUM", 12), ("COUNT", 3), ("AVERAGE", 4), ("MAX", 7), ("MIN", 2), ("LATEST", 3)]
)
def test_raw_events_are_aggregated_as_the_entitlement_says(
    client: httpx.Client, aggregation: str, expected: int
) -> None:
    sold = sell(client, aggregationMethod=aggregation)
    for value in (2, 7, 3):
        assert sold.report(value).status_code == 200
    assert value_of(sold) == (expected, 3)


def test_calculated_usage_is_summed_whatever_the_aggregation(client: httpx.Client) -> None:
    sold = sell(client, meterType="CALCULATED_USAGE", aggregationMethod="MAX")
    sold.report(2)
    sold.report(3)
    assert value_of(sold) == (5, 2)


def test_a_report_can_be_queued_and_its_decision_looked_up(client: httpx.Client) -> None:
    sold = sell(client, limit=10)
    body = {"value": {"type": "number", "value": 4}}
    queued = client.post(sold.usage_path, json=body, headers={"Prefer": "respond-async"})
    assert queued.status_code == 202
    assert queued.json()["decisionId"] in queued.headers["Location"]
    decision = wait_until(lambda: _found(client, queued.headers["Location"]), 10, "the decision can be looked up")
    assert decision["id"] == queued.json()["decisionId"]
    assert decision["status"] == "ACCEPTED"
    assert value_of(sold) == (4, 1)


def _found(client: httpx.Client, path: str) -> dict[str, Any] | None:
    response = client.get(path)
    return response.json() if response.status_code == 200 else None


def test_large_metadata_is_counted_but_not_stored(client: httpx.Client) -> None:
    response = sell(client).report(1, metadata={"note": "x" * 5_000})
    assert response.status_code == 200
    assert response.headers["Tidemark-Metadata-Dropped"] == "too_large"
    assert response.json()["metadata"] in (None, {})


def test_every_numbers_usage_is_listed_and_leaves_no_trace(client: httpx.Client) -> None:
    sold = sell(client, limit=10)
    sold.report(4)
    (listed,) = client.get(f"/instances/{sold.instance}/entitlements/usage").json()
    assert listed["entitlementSlug"] == sold.entitlement
    assert listed["value"] == {"type": "number", "value": 4, "event_count": 1}
    assert listed["remaining"] == 6
    wait_until(sold.trail, 5, "the report is in the trail")
    assert {event["status"] for event in sold.trail()} == {"ACCEPTED"}


def test_both_spellings_of_a_path_are_the_same_resource(client: httpx.Client) -> None:
    sold = sell(client, limit=10)
    bare = client.post("/api" + sold.usage_path, json={"value": {"type": "number", "value": 4}})
    assert bare.status_code == 200
    assert client.get("/api" + sold.usage_path).json()["value"]["value"] == 4


def test_an_inactive_license_refuses_reports_and_reads_alike(client: httpx.Client) -> None:
    sold = sell(client, licensed={"isActive": False})
    assert sold.report(1).json()["code"] == "ReportEntitlementUsageMetric.LicenseInactive"
    read = client.get(sold.usage_path)
    assert (read.status_code, read.json()["code"]) == (403, "GetEntitlementUsageMetric.LicenseInactive")


def test_a_license_outside_its_dates_refuses_by_the_reports_own_time(client: httpx.Client) -> None:
    sold = sell(client, instance={"startLicenseDate": "2026-01-01T00:00:00Z", "endLicenseDate": "2026-02-01T00:00:00Z"})
    late = sold.report(1)
    assert (late.status_code, late.json()["code"]) == (403, "ReportEntitlementUsageMetric.LicenseOutsideDates")
    assert sold.report(1, timestamp="2026-01-15T00:00:00Z").status_code == 200
    assert client.get(sold.usage_path).status_code == 403


def test_what_cannot_be_found_is_named_by_its_code(client: httpx.Client) -> None:
    sold, other = sell(client), sell(client)
    report = {"value": {"type": "number", "value": 1}}
    codes = [
        client.post(path, json=report).json()["code"].partition(".")[2]
        for path in (
            f"/instances/nobody/entitlements/{sold.entitlement}/usage",
            f"/instances/{sold.instance}/entitlements/nothing/usage",
            f"/instances/{sold.instance}/entitlements/{other.entitlement}/usage",
        )
    ]
    assert codes == ["InstanceNotFound", "EntitlementNotFound", "EntitlementNotLicensed"]


def test_usage_is_reported_on_numbers_only(client: httpx.Client) -> None:
    sold = _boolean(sell(client))
    refused = sold.report(1)
    assert (refused.status_code, refused.json()["code"]) == (422, "ReportEntitlementUsageMetric.NotMetered")
    assert client.get(sold.usage_path).json()["value"]["value"] is True


def _boolean(sold: Sold) -> Sold:
    """The same instance's right to a BOOLEAN entitlement."""
    slug = f"sso-{uuid.uuid4().hex[:8]}"
    post(sold.client, "/entitlements", name=slug, slug=slug, type="BOOLEAN")
    granted = {"type": "boolean", "value": True}
    post(sold.client, f"/licenses/{sold.license}/entitlements", entitlementSlug=slug, value=granted)
    return Sold(sold.client, sold.instance, slug, sold.license, sold.customer_id)


@pytest.mark.parametrize(
    "instance", [{}, {"startLicenseDate": "2026-01-01T00:00:00Z", "endLicenseDate": "2026-02-01T00:00:00Z"}]
)
def test_a_license_that_does_not_cover_now_grants_no_boolean_either(
    client: httpx.Client, instance: dict[str, str]
) -> None:
    sold = _boolean(sell(client, licensed={"isActive": bool(instance)}, instance=instance))
    read = client.get(sold.usage_path)
    expected = "LicenseOutsideDates" if instance else "LicenseInactive"
    assert (read.status_code, read.json()["code"]) == (403, f"GetEntitlementUsageMetric.{expected}")


@pytest.mark.parametrize(
    ("prefer", "status"), [("Respond-Async", 202), ("wait=1, respond-async", 202), ("not-respond-async", 200)]
)
def test_the_preference_is_read_as_its_standard_says(client: httpx.Client, prefer: str, status: int) -> None:
    body = {"value": {"type": "number", "value": 1}}
    assert client.post(sell(client).usage_path, json=body, headers={"Prefer": prefer}).status_code == status


def test_an_edited_limit_is_in_force_within_a_second(client: httpx.Client) -> None:
    sold = sell(client, limit=10)
    assert sold.report(11).status_code == 409
    link = {"value": {"type": "number", "value": 20}, "limitCapExceededOveragePercent": 0}
    client.put(f"/licenses/{sold.license}/entitlements/{sold.entitlement}", json=link).raise_for_status()
    wait_until(lambda: sold.report(11).status_code == 200, 1, "the new limit is in force")


def test_a_hundred_writers_pass_a_hard_limit_by_nothing(pipeline: Pipeline, client: httpx.Client) -> None:
    sold = sell(client, limit=150)

    def write(_: int) -> list[int]:
        with pipeline.client() as own:
            mine = Sold(own, sold.instance, sold.entitlement, sold.license, sold.customer_id)
            return [mine.report(1).status_code for _ in range(3)]

    with ThreadPoolExecutor(100) as writers:
        statuses = [status for result in writers.map(write, range(100)) for status in result]
    assert statuses.count(200) == 150
    assert statuses.count(409) == 150
    assert value_of(sold) == (150, 150)
