"""Exports: every event once, exactly, in every format and coding; whole, or noticeably not."""

from __future__ import annotations

import asyncio
import csv
import gzip
import io
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import httpx
import pytest
import uvicorn
import zstandard
from fastapi import FastAPI

from api import exporting
from api.export_format import SCHEMA
from metering.command import Read
from metering.problems import Unavailable
from metering.quantity import EXACT
from sql.clickhouse import ClickHouse
from sql.statements import statement
from stream.rows import COLUMNS, TABLE
from tests.decisions_log import NOON, report
from tests.integration.sql.exporting import PATH, export_app
from tests.integration.sql.test_clickhouse import log_of, rows_in
from tests.pipeline import ROOT
from tidemark.ports import free_port

LARGEST = EXACT.create_decimal("99999999999999999999.999999999999")
EVENTS = 12


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "PAGE_ROWS", 5)


@pytest.fixture(scope="module")
async def organization(clickhouse: ClickHouse) -> str:
    """Twelve events of two instances, alternating: eight accepted, two refused, two read."""
    organization = str(uuid4())
    for instance in ("prod", "test"):
        log = log_of(organization, instance_id=f"{instance}-id", instance_slug=instance, limit=LARGEST)
        for number in range(4):
            moment = NOON + timedelta(seconds=number)
            log.decide(
                report("0.000000000001", moment, transaction_id=f"t-{number}", metadata=b'{"a":"x,\\"y\\"\\n\xc3\xa4"}')
            )
        log.decide(
            report("99999999999999999999.999999999999", NOON + timedelta(seconds=4)),
            Read(NOON + timedelta(seconds=5), "it"),
        )
        await clickhouse.insert(TABLE, COLUMNS, rows_in(log))
    return organization


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://tidemark") as client:
        yield client


async def exported(clickhouse: ClickHouse, organization: str, path: str = PATH, **query: str) -> httpx.Response:
    async with client_of(export_app(clickhouse, organization)) as client:
        return (await client.get(path, params=query, headers={"Accept-Encoding": "identity"})).raise_for_status()


async def lines(clickhouse: ClickHouse, organization: str, path: str = PATH, **query: str) -> list[dict[str, Any]]:
    found = await exported(clickhouse, organization, path, format="ndjson", **query)
    return [json.loads(line, parse_float=Decimal) for line in found.text.splitlines()]


async def test_ndjson_has_every_event_once_with_what_was_json_as_json(
    clickhouse: ClickHouse, organization: str
) -> None:
    events = await lines(clickhouse, organization)
    assert [*events[0]] == SCHEMA.names
    assert [(event["instance_id"], event["sequence"]) for event in events] == [
        (instance, sequence) for instance in ("prod-id", "test-id") for sequence in range(1, 7)
    ]
    assert events[0]["metadata"] == {"a": 'x,"y"\nä'}
    assert events[0]["value"] == Decimal("0.000000000001")
    assert events[0]["limit"] == LARGEST
    assert events[0]["received_at"] == "2026-11-05T12:00:00.000000Z"
    assert (events[5]["status"], events[5]["value"], events[5]["event_time"]) == ("READ", None, None)


async def test_an_event_is_one_line_of_ndjson_whatever_its_metadata_is(clickhouse: ClickHouse) -> None:
    log = log_of(organization := str(uuid4()))
    log.decide(report(metadata=b'{"a":\r\n"b\\n"}'), report())
    await clickhouse.insert(TABLE, COLUMNS, rows_in(log))
    assert [event["metadata"] for event in await lines(clickhouse, organization)] == [{"a": "b\n"}, {}]


async def test_csv_says_the_same(clickhouse: ClickHouse, organization: str) -> None:
    found = await exported(clickhouse, organization, format="csv")
    rows = [*csv.DictReader(io.StringIO(found.text))]
    events = await lines(clickhouse, organization)
    assert found.headers["content-type"] == "text/csv; charset=utf-8"
    assert len(rows) == EVENTS
    for row, event in zip(rows, events, strict=True):
        assert json.loads(row.pop("metadata") or "{}") == event.pop("metadata")
        assert row.pop("rolled_over") == (event.pop("rolled_over") or "")
        assert row == {name: _as_text(value) for name, value in event.items()}


def _as_text(value: object) -> str:
    return "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


async def test_parquet_says_the_same_to_duckdb(clickhouse: ClickHouse, organization: str, tmp_path: Path) -> None:
    found = await exported(clickhouse, organization, format="parquet")
    (tmp_path / "trail.parquet").write_bytes(found.content)
    asked = duckdb.sql(f"SELECT * FROM '{tmp_path}/trail.parquet'")
    rows = [dict(zip(asked.columns, row, strict=True)) for row in asked.fetchall()]
    events = await lines(clickhouse, organization)
    assert asked.columns == SCHEMA.names
    assert [str(kind) for kind in asked.types][asked.columns.index("before")] == "DECIMAL(38,12)"
    assert len(rows) == EVENTS
    for row, event in zip(rows, events, strict=True):
        same = ("decision_id", "value", "before", "after", "limit", "event_count", "status", "sequence", "token")
        assert {name: row[name] for name in same} == {name: event[name] for name in same}
        assert f"{row['received_at']:%Y-%m-%dT%H:%M:%S.%fZ}" == event["received_at"]
        assert json.loads(row["metadata"] or "{}") == event["metadata"]


@pytest.mark.parametrize(
    ("path", "query", "found"),
    [
        ("/instances/prod/audit-trails/export", {}, 6),
        (PATH, {"status": "REJECTED"}, 2),
        (PATH, {"event_name": "kaiten.v1.entitlement.value.get"}, 2),
        (PATH, {"token": "it"}, 2),
        (PATH, {"entitlement": "nothing"}, 0),
        (PATH, {"from": "2026-11-05T12:00:01Z", "to": "2026-11-05T12:00:03Z"}, 4),
        (PATH, {"from": "0001-01-01T00:00:00Z", "to": "9999-12-31T00:00:00Z"}, 12),
    ],
)
async def test_an_export_is_of_what_was_asked_for(
    clickhouse: ClickHouse, organization: str, path: str, query: dict[str, str], found: int
) -> None:
    assert len(await lines(clickhouse, organization, path, **query)) == found


async def test_a_number_that_parquet_cannot_hold_is_refused_and_not_rounded(clickhouse: ClickHouse) -> None:
    log = log_of(organization := str(uuid4()))
    log.decide(report())
    after = COLUMNS.index("after")
    rows = [(*row[:after], Decimal(10) ** 27, *row[after + 1 :]) for row in rows_in(log)]
    await clickhouse.insert(TABLE, COLUMNS, rows)
    async with client_of(export_app(clickhouse, organization)) as client:
        refused = await client.get(PATH, params={"format": "parquet"})
    assert (refused.status_code, refused.json()["errors"][0]["location"]) == (422, "query.format")
    assert [event["after"] for event in await lines(clickhouse, organization)] == [10**27]


@pytest.mark.parametrize("file_format", ["csv", "ndjson", "parquet"])
async def test_nothing_is_a_file_too(clickhouse: ClickHouse, file_format: str) -> None:
    empty = await exported(clickhouse, "nobody", format=file_format)
    assert empty.content[:4] == {"csv": b"deci", "ndjson": b"", "parquet": b"PAR1"}[file_format]


@pytest.mark.parametrize("rows", [1, 4, 6, 12, 13])
async def test_pages_of_any_size_make_the_same_file(
    clickhouse: ClickHouse, organization: str, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "PAGE_ROWS", rows)
    ids = [(event["instance_id"], event["decision_id"]) for event in await lines(clickhouse, organization)]
    assert len(ids) == len(set(ids)) == EVENTS


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
async def test_it_is_compressed_as_the_client_likes(clickhouse: ClickHouse, organization: str, coding: str) -> None:
    plain = await exported(clickhouse, organization, format="csv")
    async with (
        client_of(export_app(clickhouse, organization)) as client,
        client.stream("GET", PATH, params={"format": "csv"}, headers={"Accept-Encoding": coding}) as response,
    ):
        raw = b"".join([part async for part in response.aiter_raw()])
    assert response.headers["content-encoding"] == coding
    decoded = gzip.decompress(raw) if coding == "gzip" else zstandard.ZstdDecompressor().decompressobj().decompress(raw)
    assert decoded == plain.content


async def test_the_file_has_a_name(clickhouse: ClickHouse, organization: str) -> None:
    found = await exported(
        clickhouse, organization, "/instances/prod/audit-trails/export", format="parquet", to="2026-11-06T00:00:00Z"
    )
    assert found.headers["content-disposition"] == 'attachment; filename="audit-trail-prod-20261106T000000Z.parquet"'


class Failing:
    """The table, until its third page."""

    changes = None

    def __init__(self, clickhouse: ClickHouse, pages: int) -> None:
        self._clickhouse = clickhouse
        self._pages = pages

    async def query(self, name: str, **parameters: object) -> Any:
        return await self._clickhouse.query(name, **parameters)

    async def formatted(self, name: str, told_as: str, **parameters: object) -> bytes:
        self._pages -= 1
        if self._pages < 0:
            raise Unavailable("The audit trail does not answer.")
        return await self._clickhouse.formatted(name, told_as, **parameters)


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """The app on a real port."""
    port = free_port("127.0.0.1")
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, lifespan="off"))
    running = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await running


async def test_an_export_that_fails_midway_breaks_off_without_an_end(clickhouse: ClickHouse, organization: str) -> None:
    app = export_app(Failing(clickhouse, pages=2), organization)  # type: ignore[arg-type]
    async with (
        serving(app) as url,
        httpx.AsyncClient(base_url=url, headers={"Accept-Encoding": "identity"}) as client,
        client.stream("GET", PATH, params={"format": "csv"}) as response,
    ):
        assert response.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
            await response.aread()


async def test_an_export_that_fails_at_once_says_why(clickhouse: ClickHouse, organization: str) -> None:
    async with client_of(export_app(Failing(clickhouse, pages=0), organization)) as client:  # type: ignore[arg-type]
        refused = await client.get(PATH, params={"format": "csv"})
    assert (refused.status_code, refused.json()["code"]) == (503, "ExportAuditTrails.Unavailable")


@pytest.mark.parametrize(
    ("query", "location"),
    [
        ({"format": "xls"}, "query.format"),
        ({"format": "csv", "from": "2026-11-06T00:00:00Z", "to": "2026-11-05T00:00:00Z"}, "query.to"),
        ({"format": "csv", "from": "today"}, "query.from"),
        ({"format": "csv", "from": "2299-01-01T00:00:00Z"}, "query.from"),
    ],
)
async def test_a_wrong_question_is_refused_at_its_place(
    clickhouse: ClickHouse, query: dict[str, str], location: str
) -> None:
    async with client_of(export_app(clickhouse, "nobody")) as client:
        refused = await client.get(PATH, params=query)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["location"] == location


@pytest.mark.parametrize("name", ["export_bound", "export_csv", "export_ndjson", "export_parquet"])
async def test_a_page_is_read_along_the_key(clickhouse: ClickHouse, organization: str, name: str) -> None:
    marks = {
        f"{prefix}_{name}": value
        for prefix, mark in (("after", exporting._BEGINNING), ("to", exporting._END))
        for name, value in mark._asdict().items()
    }
    wanted = {"organization": organization, **exporting.Exported(None, None, NOON, ["ACCEPTED"]).parameters}
    text = f"EXPLAIN indexes = 1, projections = 1 {statement(name)}"
    found = await clickhouse._readers.run(
        lambda client: client.query(text, parameters={**wanted, **marks, "skip": 5}).result_rows
    )
    plan = "\n".join(str(row[0]) for row in found)
    assert "PrimaryKey" in plan
    assert "organization_id in" in plan
    assert "InOrder" in plan


def test_an_export_of_any_size_takes_the_same_memory(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.integration.sql.exporting", str(tmp_path), "60000"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=100)
    for size, grown in json.loads(run.stdout).values():
        assert size > 128 << 20
        assert grown < 120 << 20
