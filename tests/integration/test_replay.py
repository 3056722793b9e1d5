"""Replaying a CSV as usage: every row reported once, and the end is what a spreadsheet says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.pipeline import Pipeline, wait_until
from tests.shop import Sold, sell
from tests.trace import Trace, make_trace, replaying

pytestmark = pytest.mark.integration

ROWS = 500


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    return make_trace(tmp_path_factory.mktemp("trace") / "trace.csv", ROWS)


def replay(pipeline: Pipeline, trace: Trace, sold: Sold, *options: str) -> str:
    with replaying(pipeline, trace, sold, *options) as running:
        output, _ = running.communicate(timeout=100)
    assert running.returncode == 0, output
    return output


def value_of(sold: Sold) -> Decimal:
    return Decimal(str(sold.usage()["value"]["value"]))


def reports_in(sold: Sold) -> list[dict[str, Any]]:
    return [event for event in sold.trail() if event["status"] != "READ"]


@pytest.mark.parametrize("aggregation", ["SUM", "COUNT", "AVERAGE", "MAX", "MIN", "LATEST"])
def test_a_replay_ends_at_what_a_spreadsheet_says(
    pipeline: Pipeline, client: httpx.Client, trace: Trace, aggregation: str
) -> None:
    sold = sell(client, aggregationMethod=aggregation)
    replay(pipeline, trace, sold)
    expected = {
        "SUM": trace.total,
        "COUNT": Decimal(ROWS),
        "AVERAGE": trace.total / ROWS,
        "MAX": max(trace.values),
        "MIN": min(trace.values),
        "LATEST": trace.values[-1],
    }
    assert value_of(sold) == expected[aggregation]
    assert sold.usage()["value"]["event_count"] == ROWS


def test_a_replay_a_second_time_counts_nothing_twice(pipeline: Pipeline, client: httpx.Client, trace: Trace) -> None:
    sold = sell(client)
    replay(pipeline, trace, sold)
    replay(pipeline, trace, sold)
    assert value_of(sold) == trace.total


def test_under_half_the_sum_no_accepted_total_passes_the_limit(
    pipeline: Pipeline, client: httpx.Client, trace: Trace
) -> None:
    limit = trace.total / 2
    sold = sell(client, limit=float(limit))
    output = replay(pipeline, trace, sold)
    wait_until(lambda: len(reports_in(sold)) >= ROWS, 10, "every decision is in the trail")
    events = reports_in(sold)
    accepted = [event for event in events if event["status"] == "ACCEPTED"]
    rejected = [event for event in events if event["status"] == "REJECTED"]
    assert len({event["payload"]["transaction_id"] for event in events}) == len(events) == ROWS
    assert accepted
    assert rejected
    assert max(Decimal(str(event["payload"]["after"])) for event in accepted) <= limit
    assert sum(Decimal(str(event["payload"]["value"])) for event in accepted) == value_of(sold)
    assert str(len(accepted)) in output
    assert str(len(rejected)) in output


def test_a_replay_of_a_missing_column_says_which_there_are(
    pipeline: Pipeline, client: httpx.Client, trace: Trace
) -> None:
    sold = sell(client)
    with replaying(pipeline, trace, sold, "--value-column", "Nothing") as running:
        output, _ = running.communicate(timeout=30)
    assert running.returncode != 0
    assert "Tokens" in output
