"""Every question about the audit trail, held equal to a naive recount over random histories of many meters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import reduce
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metering.quantity import EXACT
from sql.clickhouse import ClickHouse
from tests.integration.sql.histories import History, Row, grouped, histories, period, received, totals
from tests.integration.sql.trail import trail_client

FEW = settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
PROD: Final = "/instances/prod/audit-trails"
LONG_AGO: Final = datetime(1971, 1, 1, tzinfo=UTC)
SPANS: Final = {
    "MINUTE": timedelta(hours=5),
    "HOUR": timedelta(days=4),
    "DAY": timedelta(days=40),
    "MONTH": timedelta(days=900),
}
COUNTS: Final = ("total", "accepted", "rejected", "read")


def exact(response: httpx.Response) -> Any:
    return response.raise_for_status().json(parse_float=Decimal, parse_int=Decimal)


async def items(client: httpx.AsyncClient, path: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = exact(await client.get(path, params=query))["items"]
    return found


@FEW
@given(history=histories(), interval=st.sampled_from(["hour", "day"]))
async def test_stats_and_timelines_of_every_scope_are_recounts(
    clickhouse: ClickHouse, history: History, interval: str
) -> None:
    await history.write(clickhouse)
    query = {"timezone": history.zone, "interval": interval, "from": history.since.isoformat()}
    query["to"] = (history.since + timedelta(days=20)).isoformat()
    async with trail_client(clickhouse, history.organization) as client:
        for path, rows in (("/audit-trails", history.rows), (PROD, history.of("prod"))):
            stats = exact(await client.get(f"{path}/stats", params={"timezone": history.zone}))
            assert {**stats, "today": 0} == {**totals(rows), "today": 0, "since": None}
            for slug in {"", "nothing", *(row["entitlement_slug"] for row in rows)}:
                bars = await items(client, f"{path}/timeline", entitlement=slug, **query)
                wanted = [row for row in rows if slug in ("", row["entitlement_slug"])]
                assert bars == _recounted(bars, wanted, ZoneInfo(history.zone), interval)


def _recounted(bars: Sequence[Row], rows: Sequence[Row], zone: ZoneInfo, interval: str) -> list[Row]:
    """The bars as counts by what the zone's clocks and calendar called each row's time."""
    form = "%Y-%m-%d" if interval == "day" else "%Y-%m-%d %H %z"
    called = defaultdict(list)
    for row in rows:
        called[received(row).astimezone(zone).strftime(form)].append(row)
    names = [(bar["start"], datetime.fromisoformat(bar["start"]).astimezone(zone).strftime(form)) for bar in bars]
    counts = [(start, totals(called[name])) for start, name in names]
    return [{"start": start, **{kind: found[kind] for kind in COUNTS[1:]}} for start, found in counts]


@FEW
@given(history=histories(), order=st.sampled_from(COUNTS))
async def test_the_tops_are_recounts_under_the_last_names(clickhouse: ClickHouse, history: History, order: str) -> None:
    await history.write(clickhouse)
    async with trail_client(clickhouse, history.organization) as client:
        for kind in ("instance", "entitlement"):
            found = await items(client, f"/audit-trails/top/{kind}s", order=order)
            expected = {
                identity: {**totals(rows), f"{kind}Slug": rows[-1][f"{kind}_slug"], "lastAt": received(rows[-1])}
                for (identity,), rows in grouped(history.rows, f"{kind}_id").items()
            }
            assert {item.pop(f"{kind}Id"): {**item, "lastAt": _moment(item["lastAt"])} for item in found} == expected
            assert [item[order] for item in found] == sorted((item[order] for item in found), reverse=True)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@FEW
@given(history=histories(lambda _: datetime.now(UTC) - timedelta(days=20)))
async def test_what_is_nearest_to_its_limit_and_what_is_of_today_are_recounts(
    clickhouse: ClickHouse, history: History
) -> None:
    await history.write(clickhouse)
    zone = ZoneInfo(history.zone)
    async with trail_client(clickhouse, history.organization) as client:
        begun = datetime.now(UTC)
        near = await items(client, "/audit-trails/top/nearest-limits")
        stats = exact(await client.get("/audit-trails/stats", params={"timezone": history.zone}))
        ended = datetime.now(UTC)
    told = {(item["instanceId"], item["entitlementId"]): (item["value"], item["limit"]) for item in near}
    assert told in [_nearest(history.rows, moment) for moment in (begun, ended)]
    shares = [item["value"] / item["limit"] for item in near]
    assert shares == sorted(shares, reverse=True)
    assert stats["today"] in [_today(history.rows, moment.astimezone(zone)) for moment in (begun, ended)]


def _nearest(rows: Sequence[Row], now: datetime) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    """Each meter's last decision in the newest period that it counted in, unless that is over or has no limit."""
    found = {}
    for meter, decided in grouped(rows, "instance_id", "entitlement_id").items():
        newest = max(decided, key=lambda row: (row["period_start"] or 0, row["sequence"]))
        end = period(newest).end
        if newest["limit"] > 0 and (end is None or now < end) and meter[0] != "gone-id":
            found[meter] = (newest["after"], newest["limit"])
    return found


def _today(rows: Sequence[Row], now: datetime) -> int:
    return sum(received(row).astimezone(now.tzinfo).date() >= now.date() for row in rows)


@FEW
@given(history=histories(), width=st.sampled_from(list(SPANS)))
async def test_the_history_of_every_meter_is_a_recount_whatever_it_was_called(
    clickhouse: ClickHouse, history: History, width: str
) -> None:
    await history.write(clickhouse)
    since = history.since - timedelta(hours=1)
    query = {"from": since.isoformat(), "to": (since + SPANS[width]).isoformat(), "window": width}
    async with trail_client(clickhouse, history.organization) as client:
        for slug in ("calls", "seats"):
            rows = [row for row in history.of("prod") if row["entitlement_id"] == f"{slug}-id"]
            path = f"/instances/prod/entitlements/{slug}/usage/history"
            points = await items(client, path, timezone=history.zone, **query)
            assert points == [_point(rows, point["start"], point["end"]) for point in points]


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe"])
@settings(FEW, max_examples=4)
@given(history=histories(), width=st.sampled_from(["HOUR", "DAY", "MONTH"]))
async def test_windows_that_cut_hours_are_recounts_too(
    clickhouse: ClickHouse, history: History, width: str, zone: str
) -> None:
    await history.write(clickhouse)
    query = {"timezone": zone, "from": history.since.isoformat(), "to": (history.since + SPANS[width]).isoformat()}
    interval = {"HOUR": "hour"}.get(width, "day")
    until = (history.since + min(SPANS[width], timedelta(days=40))).isoformat()
    rows = [row for row in history.of("prod") if row["entitlement_id"] == "calls-id"]
    async with trail_client(clickhouse, history.organization) as client:
        points = await items(client, "/instances/prod/entitlements/calls/usage/history", window=width, **query)
        assert points == [_point(rows, point["start"], point["end"]) for point in points]
        for slug in {row["entitlement_slug"] for row in rows}:
            called = {**query, "to": until, "interval": interval, "entitlement": slug}
            bars = await items(client, f"{PROD}/timeline", **called)
            named = [row for row in history.of("prod") if row["entitlement_slug"] == slug]
            assert bars == _recounted(bars, named, ZoneInfo(zone), interval)


def _point(rows: Sequence[Row], start: str, end: str) -> dict[str, Any]:
    until = _moment(end)
    here = [row for row in rows if _moment(start) <= received(row) < until]
    last = until - timedelta(microseconds=1)
    value = next((row["after"] for row in rows[::-1] if received(row) < until and period(row).holds(last)), Decimal(0))
    on_time = [row["after"] for row in here if period(row).holds(received(row))] or [value]
    counts = totals(here)
    return {
        "start": start,
        "end": end,
        "value": value,
        "min": min(on_time),
        "max": max(on_time),
        "reported": reduce(EXACT.add, (row["value"] for row in here if row["status"] == "ACCEPTED"), Decimal(0)),
        "events": counts["total"],
        "accepted": counts["accepted"],
        "rejected": counts["rejected"],
    }


@FEW
@given(history=histories())
async def test_a_meters_days_in_the_view_are_recounts(clickhouse: ClickHouse, history: History) -> None:
    await history.write(clickhouse)
    found = await clickhouse._readers.run(
        lambda client: client.query(
            "SELECT * FROM usage_daily_v1 WHERE organization_id = {o:String}", {"o": history.organization}
        )
    )
    told = [dict(zip(found.column_names, row, strict=True)) for row in found.result_rows]
    days = defaultdict(list)
    for row in history.rows:
        days[received(row).date(), row["instance_id"], row["entitlement_id"]].append(row)
    assert {(day["day"], day["instance_id"], day["entitlement_id"]) for day in told} == days.keys()
    for day in told:
        rows = days[day["day"], day["instance_id"], day["entitlement_id"]]
        counts = totals(rows)
        assert {kind: day[kind] for kind in COUNTS[1:]} == {kind: counts[kind] for kind in COUNTS[1:]}
        assert (day["value_at_end"], day["limit_at_end"]) == (rows[-1]["after"], rows[-1]["limit"])
        assert day["reported"] == sum((row["value"] for row in rows if row["status"] == "ACCEPTED"), Decimal(0))
        assert (day["instance_slug"], day["entitlement_slug"]) == (
            rows[-1]["instance_slug"],
            rows[-1]["entitlement_slug"],
        )
