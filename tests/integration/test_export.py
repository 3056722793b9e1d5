"""Taking the audit trail along from the running pipeline, and what an organization no longer keeps."""

from __future__ import annotations

import csv
import io

import httpx
import pytest

from tests.integration.commands import tidemark
from tests.pipeline import Pipeline, wait_until
from tests.shop import sell

pytestmark = pytest.mark.integration


def test_an_instances_events_are_exported_as_they_were_decided(client: httpx.Client) -> None:
    sold = sell(client, limit=2)
    for value in (0.1, 1.9, 0.1):
        sold.report(value)
    wait_until(lambda: len(sold.trail()) == 3, 5, "three events are in the trail")
    exported = client.get(f"/instances/{sold.instance}/audit-trails/export", params={"format": "csv"})
    rows = [*csv.DictReader(io.StringIO(exported.text))]
    assert exported.headers["content-encoding"] in {"gzip", "zstd"}
    assert exported.headers["tidemark-complete-to"]
    assert [row["decision_id"] for row in rows] == [event["id"] for event in sold.trail()[::-1]]
    assert [(row["status"], row["value"], row["after"]) for row in rows] == [
        ("ACCEPTED", "0.1", "0.1"),
        ("ACCEPTED", "1.9", "2"),
        ("REJECTED", "0.1", "2"),
    ]


def test_the_whole_organizations_events_are_exported_alike(client: httpx.Client) -> None:
    sold = sell(client)
    sold.report(1)
    wait_until(sold.trail, 5, "the event is in the trail")
    exported = client.get("/audit-trails/export", params={"format": "ndjson", "entitlement": sold.entitlement})
    assert exported.json()["decision_id"] == sold.trail()[0]["id"]


def test_an_operator_says_how_long_events_are_kept(pipeline: Pipeline) -> None:
    pipeline.new_organization("Keeps some")
    assert tidemark(pipeline, "organization", "retention", "keeps-some", "--days", "30").returncode == 0
    assert "30 days" in _line(pipeline, "keeps-some")
    assert tidemark(pipeline, "organization", "retention", "keeps-some").returncode == 0
    assert "for ever" in _line(pipeline, "keeps-some")
    refused = tidemark(pipeline, "organization", "retention", "nobody", "--days", "30")
    assert (refused.returncode, "nobody" in refused.stderr) == (1, True)


def _line(pipeline: Pipeline, slug: str) -> str:
    shown = tidemark(pipeline, "organization", "list").stdout
    return next(line for line in shown.splitlines() if slug in line)
