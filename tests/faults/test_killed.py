"""Killed parts: the service says 503 meanwhile, comes back by itself, and every report counts once."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from decimal import Decimal
from functools import partial

import httpx
import pytest
from aiohttp import ClientSession
from psutil import Process

from tests.listening import Listener, Listening, ear_of, eventually
from tests.pipeline import TOKEN, Pipeline, wait_until
from tests.shop import Sold, sell
from tests.trace import Trace, make_trace, replaying

pytestmark = pytest.mark.faults

ROWS = 1_000
REPORTS = 10
ALL_REPORTS = 3 * 2 * REPORTS


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    return make_trace(tmp_path_factory.mktemp("trace") / "trace.csv", ROWS)


def wait_for_progress(sold: Sold, reports: int) -> None:
    """Until so many reports were counted; the list of usage leaves no audit event."""

    def progressed() -> bool:
        try:
            (listed,) = sold.client.get(f"/instances/{sold.instance}/entitlements/usage").json()
        except (httpx.TransportError, ValueError):
            return False
        return bool(listed["value"]["event_count"] >= reports)

    wait_until(progressed, 60, f"{reports} reports were counted")


def kill(process: Process) -> None:
    process.kill()
    process.wait(10)


@pytest.mark.timeout(200)
def test_a_replay_goes_on_over_each_killed_part_and_the_totals_hold(pipeline: Pipeline, trace: Trace) -> None:
    with pipeline.client() as client:
        sold = sell(client)
        with replaying(pipeline, trace, sold) as replay:
            for quarter, victim in enumerate(["worker", "serve", "kafka.Kafka"], 1):
                wait_for_progress(sold, quarter * ROWS // 4)
                kill(pipeline.child(victim))
            output, _ = replay.communicate(timeout=150)
        assert replay.returncode == 0, output
        assert_every_row_counted_once(sold, trace)


def assert_every_row_counted_once(sold: Sold, trace: Trace) -> None:
    usage = wait_until(lambda: _usage(sold), 60, "usage can be read")
    assert usage["value"]["event_count"] == ROWS
    assert Decimal(str(usage["value"]["value"])) == trace.total
    wait_until(lambda: len(sold.trail(status="ACCEPTED")) >= ROWS, 30, "every decision is in the trail")
    events = sold.trail(status="ACCEPTED")
    assert len(events) == ROWS
    assert sorted(event["payload"]["sequence"] for event in events) == [*range(1, ROWS + 1)]
    assert sum(Decimal(str(event["payload"]["value"])) for event in events) == trace.total
    assert len({event["payload"]["transaction_id"] for event in events}) == ROWS


def _usage(sold: Sold) -> dict[str, dict[str, int]] | None:
    response = sold.client.get(sold.usage_path)
    return response.json() if response.status_code == 200 else None


@pytest.mark.timeout(200)
async def test_streams_go_on_over_each_killed_part_with_nothing_missing_and_nothing_twice(pipeline: Pipeline) -> None:
    with pipeline.client() as client:
        shop = [sell(client) for _ in range(2)]
        async with ear_of(pipeline.url, TOKEN) as ear:
            hearing = [_follow(ear, shop[number % 2], whole=number % 5 == 0) for number in range(20)]
            async with Listening(*(one.listen_on() for one in hearing)):
                await eventually(lambda: all(one.last_id for one in hearing), "every stream begins")
                for victim in ("worker", "kafka.Kafka", "serve"):
                    await asyncio.to_thread(_report_over_a_kill, pipeline, victim, shop)
                told = [await asyncio.to_thread(_whole_trail, sold) for sold in shop]
                await eventually(lambda: all(len(one.seen) >= ALL_REPORTS for one in hearing), "all are complete", 60)
    for number, one in enumerate(hearing):
        assert {*one.seen} == told[number % 2], "nothing is missing, and nothing else comes"
        assert len(one.seen) == len(set(one.seen)), "nothing comes twice"
        assert one.connections > 1


def _follow(ear: ClientSession, sold: Sold, *, whole: bool) -> Listener:
    """The instance's stream, or what the whole organization's has of its entitlement."""
    if whole:
        return Listener(ear, "/audit-trails/stream", {"entitlement": sold.entitlement})
    return Listener(ear, f"/instances/{sold.instance}/audit-trails/stream")


def _report_over_a_kill(pipeline: Pipeline, victim: str, shop: list[Sold]) -> None:
    for number in range(2 * REPORTS):
        if number == REPORTS:
            kill(pipeline.child(victim))
        for sold in shop:
            wait_until(partial(_counted, sold, f"{victim}-{number}"), 90, "the report is answered")


def _counted(sold: Sold, transaction_id: str) -> bool:
    with suppress(httpx.TransportError):
        return sold.report(1, transactionId=transaction_id).status_code == 200
    return False


def _whole_trail(sold: Sold) -> set[str]:
    wait_until(lambda: len(sold.trail()) >= ALL_REPORTS, 30, "every decision is in the trail")
    found = {event["id"] for event in sold.trail()}
    assert len(found) == ALL_REPORTS
    return found


def test_while_the_worker_is_frozen_callers_get_503_and_the_retry_counts_once(pipeline: Pipeline) -> None:
    with pipeline.client() as client:
        sold = sell(client, limit=10)
        sold.report(1)
        worker = pipeline.child("worker")
        worker.suspend()
        try:
            refused = sold.report(4)
        finally:
            worker.resume()
        assert refused.status_code == 503
        assert refused.headers["Retry-After"]
        problem = refused.json()
        assert problem["code"] == "ReportEntitlementUsageMetric.NoDecision"
        retry = wait_until(lambda: _retried(sold, problem["transactionId"]), 30, "the retry is answered")
        assert retry.json()["value"]["value"] == 5
        assert sold.usage()["value"] == {"type": "number", "value": 5, "event_count": 2}


def _retried(sold: Sold, transaction_id: str) -> httpx.Response | None:
    response = sold.report(4, transactionId=transaction_id)
    return response if response.status_code == 200 else None


def test_a_worker_that_falls_silent_while_nothing_is_reported_turns_health_red_until_it_is_back(
    pipeline: Pipeline,
) -> None:
    worker = pipeline.child("worker")
    worker.suspend()
    try:
        wait_until(lambda: not pipeline.is_well(), 30, "health is red")
        checks = httpx.get(f"{pipeline.url}/health").json()["checks"]
        assert (checks["worker"], checks["log"]) == (False, True)
    finally:
        worker.resume()
    wait_until(pipeline.is_well, 60, "health is green again")
    with pipeline.client() as client:
        assert sell(client).report(1).status_code == 200


def test_ctrl_c_leaves_no_process_and_a_second_start_finds_everything(pipeline: Pipeline) -> None:
    with pipeline.client() as client:
        sold = sell(client, limit=10)
        sold.report(4)
        assert pipeline.stop() == []
        pipeline.start()
        assert sold.usage()["value"] == {"type": "number", "value": 4, "event_count": 1}
        assert sold.report(7).status_code == 409
