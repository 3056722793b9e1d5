"""Counts and values over time: where days begin, what comes first, and which questions make no sense."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import msgspec
import pytest

from metering.command import Command, Read
from metering.period import ResetPeriod
from sql.clickhouse import ClickHouse
from sql.instants import EPOCH, micros
from stream.rows import COLUMNS, TABLE, parts
from tests.decisions_log import DecisionsLog, report
from tests.integration.sql.test_clickhouse import log_of, rows_in
from tests.integration.sql.trail import trail_client

INSTANCE = "/instances/prod"
HISTORY = f"{INSTANCE}/entitlements/calls/usage/history"

AUTUMN = datetime(2026, 10, 31, 20, tzinfo=UTC)


async def write(clickhouse: ClickHouse, log: DecisionsLog) -> None:
    """Write the log's rows as the sink does."""
    for part in parts(rows_in(log)):
        await clickhouse.insert(TABLE, COLUMNS, part)


async def test_today_begins_at_midnight_in_the_zone(clickhouse: ClickHouse) -> None:
    now = datetime.now(UTC)
    log = log_of(str(uuid4()))
    zone = ZoneInfo("Asia/Kathmandu")
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    for moment in (midnight - timedelta(microseconds=1), midnight, now):
        log.decide(report(received_at=moment.astimezone(UTC)))
    await write(clickhouse, log)
    async with trail_client(clickhouse, log.held_against.organization_id) as client:
        for path in (f"{INSTANCE}/audit-trails", "/audit-trails"):
            stats = (await client.get(f"{path}/stats", params={"timezone": zone.key})).json()
            assert stats["today"] == sum(micros(midnight.astimezone(UTC)) <= row[0] for row in rows_in(log)), (
                "a test at midnight may see the next day"
            )


@pytest.mark.parametrize(
    ("query", "location"),
    [
        ({"timezone": "Mars/Olympus"}, "query.timezone"),
        ({"timezone": "../../etc/passwd"}, "query.timezone"),
        ({"timezone": "Europe/Berlin\0"}, "query.timezone"),
        ({"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "query.from"),
        ({"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "query.from"),
        ({"from": "0001-01-01T00:00:00Z"}, "query.from"),
        ({"to": "9999-12-31T23:59:59Z"}, "query.to"),
        ({"to": "0001-01-01T00:00:00Z"}, "query.to"),
        ({"to": "1969-12-31T23:59:59Z"}, "query.to"),
        ({"from": "2026-01-01"}, "query.from"),
        ({"from": "1970-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "query.from"),
    ],
)
@pytest.mark.parametrize("path", [HISTORY, f"{INSTANCE}/audit-trails/timeline", "/audit-trails/timeline"])
async def test_a_span_that_makes_no_sense_is_refused_at_its_place(
    clickhouse: ClickHouse, path: str, query: dict[str, str], location: str
) -> None:
    async with trail_client(clickhouse, "nobody") as client:
        refused = await client.get(path, params=query)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["location"] == location


async def test_ten_thousand_windows_are_not_too_many_and_one_more_is(clickhouse: ClickHouse) -> None:
    since = datetime(2026, 1, 1, tzinfo=UTC)
    async with trail_client(clickhouse, "nobody") as client:
        for minutes, status in ((10_000, 200), (10_001, 422)):
            until = since + timedelta(minutes=minutes)
            query = {"from": since.isoformat(), "to": until.isoformat(), "window": "MINUTE"}
            response = await client.get(HISTORY, params=query)
            assert response.status_code == status
        assert "10,000" in response.json()["errors"][0]["message"]


async def test_a_day_that_begins_before_1970_counts_what_there_is_of_it(clickhouse: ClickHouse) -> None:
    log = log_of(str(uuid4()))
    log.decide(report(received_at=EPOCH + timedelta(hours=1)), report(received_at=EPOCH + timedelta(hours=23)))
    await write(clickhouse, log)
    span = {"from": "1970-01-01T00:00:00Z", "to": "1970-01-02T00:00:00Z", "timezone": "Europe/Berlin"}
    async with trail_client(clickhouse, log.held_against.organization_id) as client:
        for path in ("/audit-trails/timeline", f"{INSTANCE}/audit-trails/timeline", HISTORY):
            days = (await client.get(path, params=span)).json()["items"]
            assert [day["start"] for day in days] == ["1969-12-31T23:00:00Z", "1970-01-01T23:00:00Z"]
            assert [day["accepted"] + day["rejected"] for day in days] == [1, 1]


async def test_clocks_that_were_set_to_no_quarter_of_an_hour_are_refused(clickhouse: ClickHouse) -> None:
    span = {"from": "1971-01-01T00:00:00Z", "to": "1971-01-02T00:00:00Z"}
    async with trail_client(clickhouse, "nobody") as client:
        refused = await client.get("/audit-trails/timeline", params={**span, "timezone": "Africa/Monrovia"})
    assert refused.json()["errors"][0]["location"] == "query.timezone"


async def test_the_most_used_and_the_most_refused_come_first(clickhouse: ClickHouse) -> None:
    organization = str(uuid4())
    used = {"a": (4, 0), "b": (1, 5), "c": (2, 1)}
    for name, (accepted, rejected) in used.items():
        log = log_of(
            organization,
            instance_id=f"{name}-id",
            instance_slug=name,
            entitlement_id=f"{name}-ent-id",
            entitlement_slug=f"{name}-ent",
            limit=Decimal(accepted),
        )
        log.decide(*(report() for _ in range(accepted + rejected)), Read(AUTUMN, "reader"))
        await write(clickhouse, log)
    async with trail_client(clickhouse, organization) as client:
        for order, names in (("total", "bac"), ("accepted", "acb"), ("rejected", "bca"), ("read", "abc")):
            for path, suffix in (("instances", ""), ("entitlements", "-ent")):
                found = (await client.get(f"/audit-trails/top/{path}", params={"order": order})).raise_for_status()
                items = found.json()["items"]
                assert [item[f"{path[:-1]}Slug"] for item in items] == [f"{name}{suffix}" for name in names]
                assert [(item["accepted"], item["rejected"], item["read"], item["total"]) for item in items] == [
                    (*used[name], 1, sum(used[name]) + 1) for name in names
                ]
        assert len((await client.get("/audit-trails/top/instances", params={"limit": 2})).json()["items"]) == 2


async def test_the_nearest_to_their_limit_are_those_of_periods_that_run(clickhouse: ClickHouse) -> None:
    organization, now = str(uuid4()), datetime.now(UTC)
    month_ago = now - timedelta(days=40)

    async def meter(name: str, limit: int, *commands: Command, **others: Any) -> None:
        log = log_of(organization, instance_id=f"{name}-id", instance_slug=name, limit=Decimal(limit), **others)
        log.decide(*commands)
        await write(clickhouse, log)

    await meter("half", 8, report("4", now))
    await meter("past", 3, report("3", now), report("1", now), overage_percent=Decimal(-1))
    await meter("unlimited", -1, report("4", now))
    await meter("nothing", 0, report("4", now))
    await meter("gone", 8, report("8", now))
    await meter("over", 8, report("8", month_ago), reset_period=ResetPeriod.MONTH)
    late = report("1", now, timestamp=now - timedelta(days=31))
    await meter("late", 10, report("3", month_ago), report("7", now), late, reset_period=ResetPeriod.MONTH)
    async with trail_client(clickhouse, organization) as client:
        found = (await client.get("/audit-trails/top/nearest-limits")).raise_for_status().json()["items"]
    assert [(item["instanceSlug"], item["value"], item["limit"], item["usedPercent"]) for item in found] == [
        ("past", 4, 3, 133.33),
        ("late", 7, 10, 70),
        ("half", 4, 8, 50),
    ]
    assert [item["currentPeriodEnd"] is None for item in found] == [True, False, True]


async def test_what_was_renamed_keeps_its_history(clickhouse: ClickHouse) -> None:
    organization, now = str(uuid4()), AUTUMN
    log = log_of(organization, limit=Decimal(9))
    log.decide(report("2", now))
    log.held_against = msgspec.structs.replace(log.held_against, entitlement_slug="renamed", instance_slug="other")
    log.decide(report("3", now + timedelta(days=1)))
    await write(clickhouse, log)
    span = {"from": now.isoformat(), "to": (now + timedelta(days=2)).isoformat()}
    async with trail_client(clickhouse, organization) as client:
        history = (await client.get(HISTORY, params=span)).json()["items"]
        instances = (await client.get("/audit-trails/top/instances")).json()["items"]
        entitlements = (await client.get("/audit-trails/top/entitlements")).json()["items"]
    assert [point["value"] for point in history] == [2, 5, 5]
    assert [(item["instanceSlug"], item["total"]) for item in instances] == [("other", 2)]
    assert [(item["entitlementSlug"], item["total"]) for item in entitlements] == [("renamed", 2)]
