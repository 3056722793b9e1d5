"""What an edit of the catalog does to decisions: on every replica, for usage that was counted before, in the trail."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from bench.answer import kafka_of
from tests.pipeline import ROOT, Pipeline, wait_until
from tests.shop import Sold, post, sell
from tidemark.ports import free_port

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def other(pipeline: Pipeline) -> Iterator[httpx.Client]:
    """A client of another HTTP process over the same catalog and log."""
    port = free_port("127.0.0.1")
    kafka = {} if "TIDEMARK_KAFKA" in pipeline.settings else {"TIDEMARK_KAFKA": kafka_of(pipeline)}
    own = {"TIDEMARK_PORT": str(port), "TIDEMARK_LOG_FILE": str(pipeline.data / "logs" / "other.log")}
    command = [sys.executable, "-m", "tidemark", "ingest"]
    with subprocess.Popen(command, cwd=ROOT, env={**pipeline.environment, **kafka, **own}) as process:
        try:
            with pipeline.client() as client:
                client.base_url = httpx.URL(f"http://127.0.0.1:{port}")
                wait_until(lambda: _is_well(client), 60, "the other HTTP process answers")
                yield client
        finally:
            process.terminate()


def _is_well(client: httpx.Client) -> bool:
    try:
        return client.get("/health").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _elsewhere(sold: Sold, other: httpx.Client) -> Sold:
    return Sold(other, sold.instance, sold.entitlement, sold.license, sold.customer_id)


def _sell_another(sold: Sold, limit: int, **fields: Any) -> str:
    """A second license for the same entitlement: the next version of the first one's family."""
    made = post(sold.client, "/licenses", name="Next", type="PAID", familySlug=sold.license, **fields)
    granted = {"entitlementSlug": sold.entitlement, "value": {"type": "number", "value": limit}}
    post(sold.client, f"/licenses/{made['slug']}/entitlements", **granted)
    return str(made["slug"])


def _move(sold: Sold) -> None:
    slug = _sell_another(sold, 100)
    sold.client.patch(f"/instances/{sold.instance}", json={"licenseSlug": slug}).raise_for_status()


def _raise_limit(sold: Sold) -> None:
    link = {"value": {"type": "number", "value": 100}}
    sold.client.put(f"/licenses/{sold.license}/entitlements/{sold.entitlement}", json=link).raise_for_status()


def _allow_overage(sold: Sold) -> None:
    link = {"value": {"type": "number", "value": 10}, "limitCapExceededOveragePercent": 900}
    sold.client.put(f"/licenses/{sold.license}/entitlements/{sold.entitlement}", json=link).raise_for_status()


@pytest.mark.parametrize("edit", [_move, _raise_limit, _allow_overage])
def test_an_edit_that_allows_more_is_in_force_on_every_replica_and_usage_carries_over(
    client: httpx.Client, other: httpx.Client, edit: Callable[[Sold], None]
) -> None:
    sold = sell(client, limit=10)
    elsewhere = _elsewhere(sold, other)
    assert [elsewhere.report(8).status_code, sold.report(8).status_code, elsewhere.report(8).status_code] == [
        200,
        409,
        409,
    ]
    edit(sold)
    for number, replica in enumerate((elsewhere, sold), 2):
        accepted = wait_until(lambda replica=replica: _accepted(replica, 8), 5, "the edit is in force")
        assert accepted["value"]["value"] == 8 * number


def _accepted(sold: Sold, value: int) -> dict[str, Any] | None:
    answer = sold.report(value)
    return answer.json() if answer.is_success else None


def _end_license(sold: Sold) -> None:
    sold.client.patch(f"/instances/{sold.instance}", json={"endLicenseDate": "2026-01-01T00:00:00Z"}).raise_for_status()


def _archive(sold: Sold) -> None:
    sold.client.post(f"/licenses/{sold.license}/archive").raise_for_status()


def _unlink(sold: Sold) -> None:
    sold.client.delete(f"/licenses/{sold.license}/entitlements/{sold.entitlement}").raise_for_status()


@pytest.mark.parametrize(
    ("edit", "status", "name"),
    [
        (_end_license, 403, "LicenseOutsideDates"),
        (_archive, 403, "LicenseInactive"),
        (_unlink, 404, "EntitlementNotLicensed"),
    ],
)
def test_an_edit_that_ends_a_license_is_in_force_on_every_replica(
    client: httpx.Client, other: httpx.Client, edit: Callable[[Sold], None], status: int, name: str
) -> None:
    sold = sell(client, limit=10)
    elsewhere = _elsewhere(sold, other)
    assert [elsewhere.report(1).status_code, sold.report(1).status_code] == [200, 200]
    edit(sold)
    for replica in (elsewhere, sold):
        wait_until(lambda replica=replica: replica.report(0).status_code == status, 5, "the edit is in force")
        assert replica.report(1).json()["code"] == f"ReportEntitlementUsageMetric.{name}"


def test_what_was_counted_a_moment_ago_stays_counted_the_same_way(client: httpx.Client) -> None:
    sold = sell(client)
    assert sold.report(5).is_success
    client.delete(f"/licenses/{sold.license}/entitlements/{sold.entitlement}").raise_for_status()
    change = {"name": "Calls", "type": "NUMBER", "aggregationMethod": "MAX"}
    refused = client.put(f"/entitlements/{sold.entitlement}", json=change)
    assert (refused.status_code, refused.json()["blockers"][0]["slug"]) == (409, sold.instance)


def test_an_audit_event_says_which_license_and_version_decided(client: httpx.Client) -> None:
    sold = sell(client, limit=10)
    sold.report(4)
    second = _sell_another(sold, 5)
    client.patch(f"/instances/{sold.instance}", json={"licenseSlug": second}).raise_for_status()
    assert sold.report(4).status_code == 409
    trail = wait_until(
        lambda: found if len(found := sold.trail()) == 2 else None, 10, "both decisions are in the trail"
    )
    told = [
        {key: event["payload"][key] for key in ("status", "license_slug", "license_version", "limit", "before")}
        for event in trail
    ]
    assert told == [
        {"status": "REJECTED", "license_slug": second, "license_version": "2", "limit": 5, "before": 4},
        {"status": "ACCEPTED", "license_slug": sold.license, "license_version": "1", "limit": 10, "before": 0},
    ]


@pytest.mark.parametrize(
    ("kind", "value"),
    [("BOOLEAN", {"type": "boolean", "value": True}), ("CONFIG", {"type": "object", "value": {"maxUsers": 50}})],
)
def test_a_lookup_of_what_is_not_counted_tells_what_is_granted_and_is_audited(
    client: httpx.Client, kind: str, value: dict[str, Any]
) -> None:
    sold = sell(client)
    slug = f"feature-{uuid.uuid4().hex[:8]}"
    post(client, "/entitlements", name=slug, slug=slug, type=kind)
    post(client, f"/licenses/{sold.license}/entitlements", entitlementSlug=slug, value=value)
    feature = Sold(client, sold.instance, slug, sold.license, sold.customer_id)
    read = feature.usage()
    assert (read["value"], read["limit"], read["remaining"]) == ({"event_count": 0, **value}, value, None)
    [event] = wait_until(lambda: feature.trail(entitlement=slug), 10, "the lookup is in the trail")
    assert (event["eventType"], event["entitlementSlug"]) == ("ENTITLEMENT_VALUE_GET", slug)
    assert (event["payload"]["license_slug"], event["payload"]["value"]) == (sold.license, None)


def test_a_group_s_usage_stands_next_to_what_is_granted(client: httpx.Client) -> None:
    sold = sell(client, limit=10, resetPeriod="MONTH")
    mark = uuid.uuid4().hex[:8]
    post(client, "/entitlement-groups", name=f"Group {mark}")
    for name, kind in ((f"sso-{mark}", "BOOLEAN"), (f"unsold-{mark}", "NUMBER"), (f"unused-{mark}", "NUMBER")):
        post(client, "/entitlements", name=name, type=kind, groupSlugs=[f"group-{mark}"], displayOrder=1)
    granted = {f"sso-{mark}": {"type": "boolean", "value": True}, f"unused-{mark}": {"type": "number", "value": 5}}
    for slug, value in granted.items():
        post(client, f"/licenses/{sold.license}/entitlements", entitlementSlug=slug, value=value)
    post(client, f"/entitlement-groups/group-{mark}/entitlements", entitlementSlug=sold.entitlement)
    sold.report(4)
    found = client.get(f"/entitlement-groups/group-{mark}/usage", params={"instance": sold.instance}).json()
    shown = [(one["entitlementSlug"], one["licenseValue"], one["usageValue"]) for one in found]
    assert shown == [
        (sold.entitlement, {"type": "number", "value": 10}, {"type": "number", "value": 4}),
        (f"sso-{mark}", {"type": "boolean", "value": True}, None),
        (f"unsold-{mark}", None, None),
        (f"unused-{mark}", {"type": "number", "value": 5}, None),
    ]
    assert found[0]["currentPeriodStart"] < found[0]["currentPeriodEnd"]


def test_a_group_or_instance_that_there_is_not_has_no_usage(client: httpx.Client) -> None:
    sold = sell(client)
    mark = uuid.uuid4().hex[:8]
    post(client, "/entitlement-groups", name=f"Group {mark}")
    for group, instance, noun in (
        (f"group-{mark}", "nothing", "Instance"),
        ("nothing", sold.instance, "EntitlementGroup"),
    ):
        answer = client.get(f"/entitlement-groups/{group}/usage", params={"instance": instance})
        assert (answer.status_code, answer.json()["code"]) == (404, f"ListEntitlementGroupUsage.{noun}NotFound")


def test_a_new_instance_inherits_nothing_with_the_slug_of_a_deleted_one(client: httpx.Client) -> None:
    sold = sell(client, limit=10)
    sold.report(9)
    wait_until(sold.trail, 10, "the report is in the trail")
    client.delete(f"/instances/{sold.instance}").raise_for_status()
    names = {"name": "Again", "slug": sold.instance, "customerId": sold.customer_id, "licenseSlug": sold.license}
    again = post(client, "/instances", **names)
    assert sold.trail() == []
    answer = sold.report(9)
    assert (answer.status_code, answer.json()["value"]["value"], answer.json()["sequence"]) == (200, 9, 1)
    kept = wait_until(lambda: _of_organization(client, sold, 2), 10, "both instances' events are in the trail")
    assert [event["instanceId"] == again["id"] for event in kept] == [True, False]


def _of_organization(client: httpx.Client, sold: Sold, count: int) -> list[dict[str, Any]]:
    """The organization's events on this entitlement, once there are `count`: they outlive their instances."""
    answer = client.get("/audit-trails", params={"entitlement": sold.entitlement}).raise_for_status()
    items: list[dict[str, Any]] = answer.json()["items"]
    return items if len(items) == count else []


def test_how_an_entitlement_counts_is_kept_once_a_report_on_it_was_accepted(client: httpx.Client) -> None:
    sold = sell(client, limit=10)
    sold.report(1)
    wait_until(sold.trail, 10, "the report is in the trail")
    client.delete(f"/licenses/{sold.license}/entitlements/{sold.entitlement}").raise_for_status()
    change = {"name": "Other", "type": "NUMBER", "aggregationMethod": "MAX"}
    answer = client.put(f"/entitlements/{sold.entitlement}", json=change)
    assert (answer.status_code, answer.json()["blockers"][0]["slug"]) == (409, sold.instance)
    client.delete(f"/instances/{sold.instance}").raise_for_status()
    assert client.put(f"/entitlements/{sold.entitlement}", json=change).status_code == 204
