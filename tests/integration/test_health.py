"""What a running pipeline tells of itself, without a token."""

from __future__ import annotations

import httpx

from tests.pipeline import Pipeline, wait_until
from tests.shop import sell


def test_it_is_ready_only_when_a_worker_answers(pipeline: Pipeline) -> None:
    checks = httpx.get(f"{pipeline.url}/readyz").json()["checks"]
    assert checks == {"catalog": True, "log": True, "worker": True, "sink": True}
    assert httpx.get(f"{pipeline.url}/livez").status_code == 200


def test_its_metrics_count_a_report_and_its_row(pipeline: Pipeline, client: httpx.Client) -> None:
    sold = sell(client, limit=1)
    sold.report(1)
    sold.report(1)
    wait_until(lambda: len(sold.trail()) == 2, 10, "both decisions are rows")
    told = httpx.get(f"{pipeline.url}/metrics")
    assert told.headers["content-type"].startswith("text/plain")
    values = dict(line.rsplit(" ", 1) for line in told.text.splitlines() if not line.startswith("#"))
    assert float(values['tidemark_reports_total{outcome="accepted"}']) >= 1
    assert float(values['tidemark_reports_total{outcome="rejected"}']) >= 1
    assert float(values["tidemark_sink_rows_total"]) >= 2
    assert {"tidemark_answer_seconds_count", "tidemark_commands_waiting", "tidemark_sink_lag_records"} <= values.keys()
    assert float(values["tidemark_catalog_feed_age_seconds"]) < 30
