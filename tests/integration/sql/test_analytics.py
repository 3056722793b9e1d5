"""The analysts' door: what the documentation and the dashboard ask is answered, and rightly."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4
from xml.etree import ElementTree

import duckdb
import httpx
import pytest
import yaml

from api.export_format import SCHEMA
from metering.command import Read
from sql.clickhouse import ClickHouse
from stream.rows import COLUMNS, TABLE
from tests.decisions_log import report
from tests.integration.sql.exporting import PATH, export_app
from tests.integration.sql.test_clickhouse import log_of, rows_in
from tests.pipeline import ROOT

DOCUMENT = (ROOT / "docs" / "analytics.md").read_text()
GRAFANA = ROOT / "analytics" / "grafana"
DASHBOARD = json.loads((GRAFANA / "dashboards" / "usage.json").read_text())
NOW = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)


@pytest.fixture(scope="module")
async def organization(clickhouse: ClickHouse) -> str:
    """Three accepted (6), two refused, one read, yesterday."""
    organization = str(uuid4())
    log = log_of(organization, limit=Decimal(8))
    for number, value in enumerate(("1", "2", "3", "4", "5")):
        metadata = b'{"team":"red"}' if number % 2 else b'{"team":"blue"}'
        log.decide(report(value, NOW + timedelta(seconds=number), metadata=metadata))
    log.decide(Read(NOW + timedelta(minutes=1), "reader"))
    await clickhouse.insert(TABLE, COLUMNS, rows_in(log))
    return organization


def examples(language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found
    return found


async def ask(clickhouse: ClickHouse, text: str, **parameters: object) -> list[dict[str, Any]]:
    found = await clickhouse._readers.run(lambda client: client.query(text, parameters=parameters))
    return [dict(zip(found.column_names, row, strict=True)) for row in found.result_rows]


async def test_who_was_refused_most_is_answered(clickhouse: ClickHouse, organization: str) -> None:
    (row,) = await ask(clickhouse, examples("sql")[0], organization=organization)
    assert (row["instance_slug"], row["entitlement_slug"], row["token"], row["refused"]) == (
        "prod",
        "calls",
        "collector",
        2,
    )


async def test_usage_by_a_tag_of_the_metadata_is_answered(clickhouse: ClickHouse, organization: str) -> None:
    rows = await ask(clickhouse, examples("sql")[1], organization=organization)
    assert {row["team"]: row["used"] for row in rows} == {"blue": 4, "red": 2}


async def test_how_close_a_meter_came_to_its_limit_is_answered(clickhouse: ClickHouse, organization: str) -> None:
    (row,) = await ask(clickhouse, examples("sql")[2], organization=organization)
    assert (row["day"], row["value_at_end"], row["limit_at_end"], row["percent"]) == (NOW.date(), 6, 8, 75.0)


async def test_a_meters_day_is_counted_as_its_events_are(clickhouse: ClickHouse, organization: str) -> None:
    (day,) = await ask(clickhouse, "SELECT * FROM usage_daily_v1 WHERE organization_id = {o:String}", o=organization)
    events = await ask(
        clickhouse, "SELECT status, value FROM audit_events_v1 WHERE organization_id = {o:String}", o=organization
    )
    counted = Counter(event["status"] for event in events)
    assert (day["accepted"], day["rejected"], day["read"]) == tuple(
        counted[status] for status in ("ACCEPTED", "REJECTED", "READ")
    )
    assert day["reported"] == sum(event["value"] for event in events if event["status"] == "ACCEPTED")


@pytest.mark.parametrize("view", ["audit_events_v1", "usage_daily_v1"])
async def test_every_column_is_documented_with_its_type(clickhouse: ClickHouse, view: str) -> None:
    section = DOCUMENT.partition(f"### `{view}`")[2].partition("\n#")[0]
    told = {}
    for line in re.findall(r"^\| (`.*?) \|$", section, re.MULTILINE):
        names, types = (cell.strip() for cell in line.split("|")[:2])
        columns = re.findall(r"`(\w+)`", names)
        kinds = re.split(r", (?=UInt)", types)
        told.update(zip(columns, kinds * len(columns) if len(kinds) == 1 else kinds, strict=False))
    described = await ask(clickhouse, f"DESCRIBE TABLE {view}")
    assert told == {column["name"]: _plain(column["type"]) for column in described}


def _plain(kind: str) -> str:
    nullable = re.fullmatch(r"Nullable\((.*)\)", kind)
    return f"{nullable[1]}, null" if nullable else re.sub(r"LowCardinality\((.*)\)", r"\1", kind)


async def test_an_export_has_the_columns_of_the_view(clickhouse: ClickHouse) -> None:
    described = {column["name"] for column in await ask(clickhouse, "DESCRIBE TABLE audit_events_v1")}
    assert set(SCHEMA.names) == described


async def test_duckdb_answers_from_an_export(
    clickhouse: ClickHouse, organization: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = httpx.ASGITransport(export_app(clickhouse, organization))
    async with httpx.AsyncClient(transport=transport, base_url="http://tidemark") as client:
        exported = await client.get(PATH, params={"format": "parquet"})
    (tmp_path / "trail.parquet").write_bytes(exported.content)
    monkeypatch.chdir(tmp_path)
    assert duckdb.sql(examples("duckdb")[0]).fetchall() == [("prod", "calls", 3, Decimal(6), Decimal(6))]


def panels() -> list[tuple[str, str]]:
    return [(panel["title"], panel["targets"][0]["rawSql"]) for panel in DASHBOARD["panels"]]


def substituted(text: str, organization: str) -> str:
    """As Grafana's data source does it, for the last two days."""
    since, until = (
        f"toDateTime({int(moment.timestamp())})" for moment in (NOW - timedelta(days=1), NOW + timedelta(days=1))
    )
    text = re.sub(r"\$__timeFilter\((\w+)\)", rf"(\1 >= {since} AND \1 <= {until})", text)
    text = re.sub(r"\$__timeInterval\((\w+)\)", r"toStartOfInterval(toDateTime(\1), INTERVAL 60 second)", text)
    text = text.replace("$__fromTime", since).replace("$__toTime", until)
    text = text.replace("${organization:sqlstring}", f"'{organization}'").replace("${entitlement:sqlstring}", "'calls'")
    assert "$" not in text
    return text


@pytest.mark.parametrize(("title", "text"), panels(), ids=[title for title, _ in panels()])
async def test_every_panel_of_the_dashboard_shows_something(
    clickhouse: ClickHouse, organization: str, title: str, text: str
) -> None:
    assert await ask(clickhouse, substituted(text, organization)), title


async def test_the_dashboard_counts_right(clickhouse: ClickHouse, organization: str) -> None:
    texts = dict(panels())
    (total,) = await ask(clickhouse, substituted(texts["Events"], organization))
    assert total == {"total": 6, "accepted": 3, "rejected": 2, "read": 1}
    (near,) = await ask(clickhouse, substituted(texts["Nearest to their limit"], organization))
    assert near["percent"] == 75.0


async def test_the_dashboards_choices_are_found(clickhouse: ClickHouse, organization: str) -> None:
    for choice in DASHBOARD["templating"]["list"]:
        assert await ask(clickhouse, substituted(choice["query"], organization))


def test_grafana_and_clickhouse_are_given_what_they_need() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    (source,) = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "tidemark.yaml").read_text())["datasources"]
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {source["uid"]}
    assert source["jsonData"]["host"] in services
    mounted = [volume.split(":")[0] for name in ("grafana", "clickhouse") for volume in services[name]["volumes"]]
    assert all((ROOT / path).exists() for path in mounted if path.startswith("./"))


def test_the_analyst_may_read_the_views_and_nothing_else() -> None:
    described = ElementTree.parse(ROOT / "analytics" / "clickhouse" / "analyst.xml")
    grants = [grant.text for grant in described.iterfind("users/analyst/grants/query")]
    assert grants == ["GRANT SELECT ON tidemark.audit_events_v1", "GRANT SELECT ON tidemark.usage_daily_v1"]
