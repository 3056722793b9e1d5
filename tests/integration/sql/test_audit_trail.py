from __future__ import annotations

import json
import string
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.audit_page import TOP, Cursor
from metering.command import Command, Read
from metering.problems import Invalid
from sql.clickhouse import ClickHouse
from stream.rows import COLUMNS, TABLE
from tests.decisions_log import NOON, DecisionsLog, report
from tests.integration.sql.test_clickhouse import log_of, rows_in
from tests.integration.sql.trail import pages, trail_client

PATH = "/instances/prod/audit-trails"
FEW = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)

_moments = st.integers(0, 5).map(lambda seconds: NOON + timedelta(seconds=seconds))
_words = st.sampled_from(["eu-1", "EU", "us-2", "1", "Ärger", "a'b\"\\", "--", "%"])
_reports = st.builds(
    lambda value, moment, words: report(value, moment, metadata=json.dumps({"region": words}).encode()),
    st.sampled_from(["1", "2.5", "7"]),
    _moments,
    _words,
)
_commands = _reports | _reports | st.builds(Read, _moments, st.just("reader"))
_histories = st.lists(st.lists(_commands, min_size=1, max_size=5), max_size=6)


async def written(clickhouse: ClickHouse, history: Sequence[Sequence[Command]], **others: Any) -> DecisionsLog:
    log = log_of(str(uuid4()), **others)
    for commands in history:
        log.decide(*commands)
    if rows := rows_in(log):
        await clickhouse.insert(TABLE, COLUMNS, rows)
    return log


def newest_first(log: DecisionsLog) -> list[dict[str, Any]]:
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in rows_in(log)]
    return sorted(rows, key=lambda row: (row["received_at"], row["offset"], row["position"]), reverse=True)


def ids(rows: Sequence[dict[str, Any]]) -> list[str]:
    return [f"{row['partition']}-{row['offset']}-{row['position']}" for row in rows]


@FEW
@given(history=_histories, limit=st.integers(2, 7))
async def test_the_pages_are_the_rows_newest_first(
    clickhouse: ClickHouse, history: list[list[Command]], limit: int
) -> None:
    log = await written(clickhouse, history)
    async with trail_client(clickhouse, log.held_against.organization_id) as client:
        for path in (PATH, "/audit-trails"):
            found = await pages(client, path, limit=limit)
            assert [event["id"] for page in found for event in page] == ids(newest_first(log))
            assert all(len(page) == limit for page in found[:-1])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("eu-1", {"eu-1"}),
        ("EU 1", {"eu-1"}),
        ("us", {"us-2"}),
        ("ärger", {"Ärger"}),
        ('"us-2"', {"us-2"}),
        ("u", set()),
        ("eu-2", set()),
        ("accepted region", {"eu-1", "us-2", "Ärger"}),
        ("' OR 1 = 1 --", set()),
        ("eu-1%", set()),
        ("12.50", {"us-2"}),
        ("12", set()),
        ("-1 region", {"eu-1", "us-2", "Ärger"}),
        ("13.5 ärger", {"Ärger"}),
        ("tdm:6562a4e0." + "0" * 32, {"us-2"}),
        ("TDM:6562A4E0." + "0" * 32 + " us-2", {"us-2"}),
        ("tdm:6562a4e0." + "0" * 31, set()),
    ],
)
async def test_a_text_is_found_where_all_its_terms_are(clickhouse: ClickHouse, text: str, found: set[str]) -> None:
    ids = [None, "tdm:6562a4e0." + "0" * 32, None]
    reports = [
        report(value, metadata=f'{{"region":"{words}"}}'.encode(), transaction_id=transaction)
        for value, words, transaction in zip(("0.5", "12.5", "0.5"), ("eu-1", "us-2", "Ärger"), ids, strict=True)
    ]
    log = await written(clickhouse, [reports])
    async with trail_client(clickhouse, log.held_against.organization_id) as client:
        items = (await client.get(PATH, params={"q": text})).raise_for_status().json()["items"]
    assert {event["payload"]["metadata"]["region"] for event in items} == found


@FEW
@given(text=st.text(max_size=60) | st.text(string.punctuation + "ab\0\t\n", max_size=60))
async def test_no_text_breaks_the_search(clickhouse: ClickHouse, text: str) -> None:
    async with trail_client(clickhouse, "nobody") as client:
        assert (await client.get(PATH, params={"q": text})).status_code in (200, 422)


@FEW
@given(history=_histories, limit=st.integers(1, 5))
async def test_pages_lead_back_the_way_they_came(
    clickhouse: ClickHouse, history: list[list[Command]], limit: int
) -> None:
    log = await written(clickhouse, history)
    async with trail_client(clickhouse, log.held_against.organization_id) as client:
        for path in (PATH, "/audit-trails"):
            onward = await pages(client, path, limit=limit)
            page = (await client.get(path, params={"limit": limit, "offset": sum(map(len, onward[:-1]))})).json()
            back = [page["items"]]
            while page["previousCursor"] is not None:
                page = (await client.get(path, params={"limit": limit, "cursor": page["previousCursor"]})).json()
                assert page["hasMore"]
                back.append(page["items"])
            assert back[::-1] == onward


async def test_events_are_found_by_their_token_transaction_and_instance(clickhouse: ClickHouse) -> None:
    log = await written(
        clickhouse, [[report(transaction_id="t-1"), report(transaction_id="t-11"), Read(NOON, "reader")]]
    )
    async with trail_client(clickhouse, log.held_against.organization_id) as client:
        for path in (PATH, "/audit-trails"):
            for query, found in (
                ({"transactionId": "t-1"}, ["0-0-0"]),
                ({"transactionId": "T-1"}, []),
                ({"token": "reader"}, ["0-0-2"]),
                ({"token": "collector"}, ["0-0-1", "0-0-0"]),
                ({"token": "collector", "transactionId": "t-11", "q": "accepted 1"}, ["0-0-1"]),
            ):
                items = (await client.get(path, params=query)).raise_for_status().json()["items"]
                assert [event["id"] for event in items] == found
        for slug, count in (("prod", 3), ("gone", 0)):
            assert len((await client.get("/audit-trails", params={"instance": slug})).json()["items"]) == count


async def test_an_instances_old_name_leads_to_whoever_has_it_now(clickhouse: ClickHouse) -> None:
    organization = str(uuid4())

    async def write(log: DecisionsLog, *names: str, since: int) -> None:
        for at, name in enumerate(names):
            log.held_against = msgspec.structs.replace(log.held_against, instance_slug=name)
            log.decide(report(received_at=NOON + timedelta(minutes=since + at)))
        await clickhouse.insert(TABLE, COLUMNS, rows_in(log))

    await write(log_of(organization, instance_id="renamed"), "a", since=0)
    await write(log_of(organization, instance_id="renamed", entitlement_slug="seats"), "a", "b", since=1)
    await write(log_of(organization, instance_id="another"), "a", since=3)
    async with trail_client(clickhouse, organization) as client:
        for slug, minutes in (("a", [3]), ("b", [2, 1, 0])):
            items = (await client.get("/audit-trails", params={"instance": slug})).json()["items"]
            assert [item["timestamp"] for item in items] == [f"2026-11-05T12:0{minute}:00Z" for minute in minutes]


_HOSTILE = [
    *("'", '"', "\\", "\\'", "' OR 1=1 --", "; DROP TABLE"),
    *("{x:String}", "%(x)s", "\0", "\n\t\r", "\ud800", "\U0001f600"),
    bytes(range(90)).decode("latin-1"),
    bytes(range(90, 180)).decode("latin-1"),
    bytes(range(170, 256)).decode("latin-1"),
]


@pytest.mark.parametrize(
    "parameter", ["q", "entitlement", "token", "transactionId", "instance", "cursor", "event_name"]
)
@pytest.mark.parametrize("text", [*_HOSTILE, "".join(map(chr, range(256)))[-90:]])
async def test_hostile_text_is_text(clickhouse: ClickHouse, parameter: str, text: str) -> None:
    encoded = quote(text.encode("utf-8", "surrogatepass"))
    async with trail_client(clickhouse, "nobody") as client:
        response = await client.get(f"/audit-trails?{parameter}={encoded}")
    assert response.status_code in (200, 422)
    assert response.status_code == 422 or response.json()["items"] == []


async def test_pages_hold_still_while_events_arrive(clickhouse: ClickHouse) -> None:
    log = await written(clickhouse, [[report(received_at=NOON + timedelta(seconds=at)) for at in range(4)]])
    organization = log.held_against.organization_id
    async with trail_client(clickhouse, organization) as client:
        first = (await client.get(PATH, params={"limit": 2})).json()
        later = DecisionsLog(partitions=2, held_against=log.held_against)
        later.decide(report(received_at=NOON + timedelta(minutes=1)), partition=1)
        await clickhouse.insert(TABLE, COLUMNS, rows_in(later))
        second = (await client.get(PATH, params={"limit": 2, "cursor": first["nextCursor"]})).json()
    assert [event["id"] for event in first["items"] + second["items"]] == ["0-0-3", "0-0-2", "0-0-1", "0-0-0"]


async def test_an_event_shows_all_that_the_decision_knew(clickhouse: ClickHouse) -> None:
    log = await written(clickhouse, [[report("0.1", transaction_id="t-1", metadata=b'{"deep":{"n":1.10}}')]])
    async with trail_client(clickhouse, log.held_against.organization_id) as client:
        response = await client.get(PATH)
    assert b'"value":0.1,' in response.content
    assert b'"metadata":{"deep":{"n":1.10}}' in response.content
    (event,) = response.json()["items"]
    payload = event.pop("payload")
    assert event == {
        "id": "0-0-0",
        "eventName": "kaiten.v1.entitlement.usage.report.accepted",
        "eventType": "ENTITLEMENT_USAGE_REPORT_ACCEPTED",
        "status": "ACCEPTED",
        "instanceId": "prod-id",
        "instanceSlug": "prod",
        "entitlementSlug": "calls",
        "timestamp": "2026-11-05T12:00:00Z",
    }
    assert payload == {
        "entitlement_slug": "calls",
        "value": 0.1,
        "behavior": "append",
        "event_time": "2026-11-05T12:00:00Z",
        "event_count": 1,
        "status": "ACCEPTED",
        "before": 0,
        "after": 0.1,
        "limit": -1,
        "overage_percent": 0,
        "period_start": None,
        "period_end": None,
        "license_id": "gold-id",
        "license_slug": "gold",
        "license_version": "3",
        "reason": None,
        "crossing": None,
        "rolled_over": None,
        "transaction_id": "t-1",
        "metadata": {"deep": {"n": 1.1}},
        "token": "collector",
        "sequence": 1,
        "partition": 0,
        "offset": 0,
        "position": 0,
    }


async def test_another_organizations_events_do_not_show(clickhouse: ClickHouse) -> None:
    await written(clickhouse, [[report()]])
    async with trail_client(clickhouse, str(uuid4())) as client:
        assert (await client.get(PATH)).json() == {
            "items": [],
            "hasMore": False,
            "nextCursor": None,
            "previousCursor": None,
        }


async def test_an_instance_that_is_not_there_has_no_trail(clickhouse: ClickHouse) -> None:
    async with trail_client(clickhouse, "nobody") as client:
        refused = await client.get("/instances/other/audit-trails")
    assert (refused.status_code, refused.json()["code"]) == (404, "ListInstanceAuditTrails.InstanceNotFound")


@pytest.mark.parametrize(
    ("query", "location"),
    [
        ({"cursor": ""}, "query.cursor"),
        ({"cursor": "x" * 90}, "query.cursor"),
        ({"cursor": "MS4yLjM"}, "query.cursor"),
        ({"cursor": str(Cursor(1, 70_000, 1, 1))}, "query.cursor"),
        ({"cursor": str(Cursor(1, 1, 1, 1)) + "="}, "query.cursor"),
        ({"cursor": " " + str(Cursor(1, 1, 1, 1))}, "query.cursor"),
        ({"cursor": "~~" + str(Cursor(1, 1, 1, 1))}, "query.cursor"),
        ({"cursor": str(Cursor(1, 1, 1, 1)), "offset": 0}, "query.offset"),
        ({"event_name": "kaiten.v1.nothing"}, "query.event_name"),
        ({"status": "accepted"}, "query.status"),
        ({"after": "2026-11-05"}, "query.after"),
        ({"before": "1730000000"}, "query.before"),
        ({"q": "!?"}, "query.q"),
        ({"q": "a " * 40}, "query.q"),
        ({"q": "a" * 10_000}, "query.q"),
        ({"limit": 201}, "query.limit"),
        ({"offset": 10**12}, "query.offset"),
        ({"after_decision": "AAA"}, "query.after_decision"),
    ],
)
async def test_a_wrong_query_is_refused_at_its_place(
    clickhouse: ClickHouse, query: dict[str, Any], location: str
) -> None:
    async with trail_client(clickhouse, "nobody") as client:
        refused = await client.get(PATH, params=query)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["location"] == location


@FEW
@given(parts=st.tuples(*(st.integers(0, bound) for bound in (TOP.time, 65_535, 10**19 - 1, 10**9 - 1))))
async def test_any_cursor_of_that_form_is_read_back_and_answered(
    clickhouse: ClickHouse, parts: tuple[int, int, int, int]
) -> None:
    cursor = Cursor(*parts)
    assert Cursor.parse(str(cursor)) == cursor < TOP
    with pytest.raises(Invalid):
        Cursor.parse(str(cursor._replace(time=TOP.time + 1)))
    async with trail_client(clickhouse, "nobody") as client:
        assert (await client.get(PATH, params={"cursor": str(cursor)})).status_code == 200
    for length in range(len(str(cursor))):
        with pytest.raises(Invalid):
            Cursor.parse(str(cursor)[:length])
