"""The audit trail of the running pipeline: every decision once, findable, in order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.pipeline import wait_until
from tests.shop import Sold, sell

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def sold(client: httpx.Client) -> Sold:
    """Three accepted, two refused, one read: six events."""
    sold = sell(client, limit=10, warningThresholdPercent=80)
    for value in (1, 2, 5, 7, 9):
        sold.report(value, metadata={"batch": f"batch-{value}"}, transactionId=f"t-{value}")
    sold.usage()
    wait_until(lambda: len(sold.trail()) == 6, 5, "all six events are in the trail")
    return sold


def test_a_decision_is_visible_within_a_second(client: httpx.Client) -> None:
    sold = sell(client)
    sold.report(1)
    assert wait_until(sold.trail, 1, "the report is in the trail")


def test_a_client_reads_its_own_write(client: httpx.Client) -> None:
    sold = sell(client)
    for value in range(5):
        decision = sold.report(value).json()["decisionId"]
        path = f"/instances/{sold.instance}/audit-trails"
        found = client.get(path, params={"after_decision": decision, "limit": 1})
        assert [event["id"] for event in found.json()["items"]] == [decision]
        partition, offset, _ = decision.split("-")
        complete_to = dict(
            place.split("-", 1) for place in found.headers["Tidemark-Complete-To"].split(";")[0].split(",")
        )
        assert int(complete_to[partition].split("-")[0]) >= int(offset)


def test_a_decision_that_will_never_be_is_not_waited_for_long(client: httpx.Client) -> None:
    refused = client.get("/audit-trails", params={"after_decision": "0-999999999-0"})
    assert (refused.status_code, refused.json()["code"]) == (503, "ListAuditTrails.NotYetVisible")
    assert refused.headers["Retry-After"] == "1"


def test_events_come_newest_first_with_everything_that_the_decision_knew(sold: Sold) -> None:
    events = sold.trail()
    assert [event["payload"]["sequence"] for event in events] == [6, 5, 4, 3, 2, 1]
    crossing = events[3]
    assert crossing["eventName"] == "kaiten.v1.entitlement.usage.report.accepted"
    assert crossing["eventType"] == "ENTITLEMENT_USAGE_REPORT_ACCEPTED"
    assert crossing["status"] == "ACCEPTED"
    assert crossing["instanceSlug"] == sold.instance
    assert crossing["entitlementSlug"] == sold.entitlement
    payload = crossing["payload"]
    assert {key: payload[key] for key in ("value", "before", "after", "limit", "event_count", "crossing")} == {
        "value": 5,
        "before": 3,
        "after": 8,
        "limit": 10,
        "event_count": 3,
        "crossing": "warning",
    }
    assert payload["metadata"] == {"batch": "batch-5"}
    assert payload["transaction_id"] == "t-5"
    assert payload["license_slug"] == sold.license
    assert {
        "behavior",
        "overage_percent",
        "period_start",
        "period_end",
        "license_id",
        "license_version",
        "reason",
        "rolled_over",
        "token",
        "partition",
        "offset",
        "position",
    } <= payload.keys()


def test_a_refused_report_is_audited_with_its_reason(sold: Sold) -> None:
    refused = sold.trail(status="REJECTED")
    assert [event["payload"]["value"] for event in refused] == [9, 7]
    assert {event["payload"]["reason"] for event in refused} == {"THRESHOLD_EXCEEDED"}
    assert {event["eventName"] for event in refused} == {"kaiten.v1.entitlement.usage.report.rejected"}


@pytest.mark.parametrize(
    ("query", "sequences"),
    [
        ({"status": "READ"}, [6]),
        ({"event_name": "kaiten.v1.entitlement.value.get"}, [6]),
        ({"event_name": "ENTITLEMENT_USAGE_REPORT_ACCEPTED"}, [3, 2, 1]),
        ({"event_name": "kaiten.v1.entitlement.usage.report.rejected"}, [5, 4]),
        ({"q": "batch-7"}, [4]),
        ({"q": "t-2"}, [2]),
        ({"entitlement": "nothing-such"}, []),
        ({"after": "2099-01-01T00:00:00Z"}, []),
        ({"before": "2099-01-01T00:00:00Z", "status": "READ"}, [6]),
    ],
)
def test_the_trail_can_be_filtered(sold: Sold, query: dict[str, str], sequences: list[int]) -> None:
    assert [event["payload"]["sequence"] for event in sold.trail(**query)] == sequences


def test_pages_by_cursor_and_by_offset_are_the_same_whole(sold: Sold) -> None:
    path = f"/instances/{sold.instance}/audit-trails"
    whole = [event["id"] for event in sold.trail()]
    by_cursor, cursor = [], {}
    for _ in range(3):
        page = sold.client.get(path, params={"limit": 2, **cursor}).json()
        by_cursor += [event["id"] for event in page["items"]]
        cursor = {"cursor": page["nextCursor"]}
    by_offset = [
        event["id"]
        for offset in (0, 2, 4)
        for event in sold.client.get(path, params={"limit": 2, "offset": offset}).json()["items"]
    ]
    assert by_cursor == whole
    assert by_offset == whole
    assert page["hasMore"] is False


@pytest.mark.parametrize(
    ("query", "location"),
    [
        ({"cursor": "nonsense"}, "query.cursor"),
        ({"limit": "0"}, "query.limit"),
        ({"limit": "201"}, "query.limit"),
        ({"status": "MAYBE"}, "query.status"),
        ({"after": "yesterday"}, "query.after"),
        ({"offset": "-1"}, "query.offset"),
    ],
)
def test_a_wrong_query_is_refused_at_its_place(sold: Sold, query: dict[str, str], location: str) -> None:
    refused = sold.client.get(f"/instances/{sold.instance}/audit-trails", params=query)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["location"] == location


def test_the_organizations_trail_holds_its_instances_events(sold: Sold) -> None:
    found = sold.client.get("/audit-trails", params={"entitlement": sold.entitlement}).json()
    assert [event["payload"]["sequence"] for event in found["items"]] == [6, 5, 4, 3, 2, 1]


def test_the_trail_is_counted_as_it_is_listed(sold: Sold) -> None:
    path = f"/instances/{sold.instance}/audit-trails"
    counts = {"read": 1, "accepted": 3, "rejected": 2}
    stats = sold.client.get(f"{path}/stats", params={"timezone": "Europe/Berlin"}).raise_for_status().json()
    timeline = sold.client.get(f"{path}/timeline", params={"entitlement": sold.entitlement}).raise_for_status().json()
    assert {status: stats[status] for status in counts} == counts
    assert stats["total"] == 6
    assert {status: sum(bar[status] for bar in timeline["items"]) for status in counts} == counts


def test_the_history_ends_with_the_value_that_a_lookup_shows(sold: Sold) -> None:
    now = datetime.now(UTC)
    span = {"from": (now - timedelta(hours=1)).isoformat(), "to": now.isoformat()}
    for window in ("MINUTE", "HOUR", "DAY", "MONTH"):
        found = sold.client.get(f"{sold.usage_path}/history", params={**span, "window": window}).raise_for_status()
        points = found.json()["items"]
        assert points[-1]["value"] == 8
        assert sum(point["reported"] for point in points) == 8
        assert sum(point["events"] for point in points) == 6


def test_the_tops_of_the_organization_name_what_was_sold(sold: Sold) -> None:
    tops = {
        "top/instances": ("instanceSlug", sold.instance),
        "top/entitlements": ("entitlementSlug", sold.entitlement),
        "top/nearest-limits": ("instanceSlug", sold.instance),
    }
    for path, (key, slug) in tops.items():
        items = sold.client.get(f"/audit-trails/{path}", params={"limit": 100}).raise_for_status().json()["items"]
        assert len(items) == 100 or slug in {item[key] for item in items}


def test_the_trail_of_a_deleted_instance_stays_with_the_organization(client: httpx.Client) -> None:
    sold = sell(client)
    sold.report(1)
    wait_until(sold.trail, 5, "the report is in the trail")
    client.delete(f"/instances/{sold.instance}").raise_for_status()
    assert client.get(f"/instances/{sold.instance}/audit-trails/stats").status_code == 404
    assert len(client.get("/audit-trails", params={"instance": sold.instance}).json()["items"]) == 1
