"""Every way to find audit events, held equal to a naive look over random histories of many meters."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api import audit_pages, exporting, missed
from api.audit_event import EVENTS
from api.audit_search import Search
from api.live_event import Wanted
from metering.decision import Status
from sql.clickhouse import ClickHouse
from stream.position import LogPosition
from tests.integration.sql.exporting import PATH as EXPORT
from tests.integration.sql.exporting import export_app
from tests.integration.sql.histories import NAMES, History, Row, decision, grouped, histories, received
from tests.integration.sql.trail import pages, trail_client

FEW = settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
PROD: Final = "/instances/prod/audit-trails"
LONG_AGO: Final = datetime(1971, 1, 1, tzinfo=UTC)

Takes = Callable[[Row], bool]


def _is(name: str, value: str) -> Takes:
    return lambda row: row[name] == value


def _holds(term: str) -> Takes:
    """A number of the event, or its text with the term's words as whole words."""

    def takes(row: Row) -> bool:
        numbers = (row["value"], row["after"], row["limit"])
        if re.fullmatch(r"-?\d+(\.\d+)?", term) and Decimal(term) in numbers:
            return True
        names = ("status", "reason", "crossing", "behavior", "instance_slug", "entitlement_slug", "license_slug")
        text = " ".join(row[name] or "" for name in (*names, "token", "transaction_id", "metadata")).lower()
        words = [re.findall(r"[0-9a-z\u0080-\U0010ffff]+", one) for one in (text, term.lower())]
        return term.lower() in text and {*words[1]} <= {*words[0]}

    return takes


def _all(*takes: Takes) -> Takes:
    return lambda row: all(one(row) for one in takes)


_after = st.integers(0, 90).map(lambda hours: timedelta(hours=hours))
_terms = st.sampled_from(
    ["eu-1", "EU", "ärger", "1", "-3", "2.50", "12", "t-3", "accepted", "set", "threshold_exceeded", "a'b", "warning"]
)
_spelled = [(spelling, status.value) for status, event in EVENTS.items() for spelling in event]
#: A filter's parameter, and a strategy of its values with what a naive look takes by them.
FILTERS: Final[Mapping[str, st.SearchStrategy[tuple[str, Takes]]]] = {
    "status": st.sampled_from(list(Status)).map(lambda one: (one.value, _is("status", one.value))),
    "event_name": st.sampled_from(_spelled).map(lambda one: (one[0], _is("status", one[1]))),
    "entitlement": st.sampled_from(["calls", "seats", *(f"calls-id-{name}" for name in NAMES)]).map(
        lambda slug: (slug, _is("entitlement_slug", slug))
    ),
    "token": st.sampled_from(["collector", "importer", "reader"]).map(lambda slug: (slug, _is("token", slug))),
    "transactionId": st.integers(0, 6).map(lambda at: (f"t-{at}", _is("transaction_id", f"t-{at}"))),
    "q": st.lists(_terms, min_size=1, max_size=2).map(lambda terms: (" ".join(terms), _all(*map(_holds, terms)))),
}
_filters = st.sets(st.sampled_from(list(FILTERS)), max_size=3).flatmap(
    lambda names: st.fixed_dictionaries({name: FILTERS[name] for name in names})
)
_times = st.fixed_dictionaries({}, optional={"after": st.integers(0, 30), "before": st.integers(0, 30)})


def _asked(
    history: History, filters: Mapping[str, tuple[str, Takes]], times: Mapping[str, int]
) -> tuple[dict[str, str], list[Row]]:
    """The query, and the rows that a naive look finds; the times are those of some of the rows."""
    bounds = {name: received(history.rows[at % len(history.rows)]) for name, at in times.items() if history.rows}
    takes = _all(*(takes for _, takes in filters.values()))
    since, until = bounds.get("after", LONG_AGO), bounds.get("before", LONG_AGO.replace(year=2200))
    query = {**{name: value for name, (value, _) in filters.items()}, **{n: at.isoformat() for n, at in bounds.items()}}
    return query, [row for row in history.rows if since <= received(row) <= until and takes(row)]


@settings(FEW, max_examples=8)
@given(
    history=histories(),
    filters=_filters,
    times=_times,
    limit=st.integers(1, 9),
    name=st.sampled_from(["", *NAMES]),
    few=st.sampled_from([1, audit_pages.FEW_ROWS]),
    near=st.sampled_from([1, audit_pages.NEAR_ROWS]),
)
async def test_every_filter_alone_and_with_others_gives_a_naive_look_both_ways(
    clickhouse: ClickHouse,
    history: History,
    filters: dict[str, tuple[str, Takes]],
    times: dict[str, int],
    limit: int,
    name: str,
    few: int,
    near: int,
) -> None:
    await history.write(clickhouse)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(audit_pages, "FEW_ROWS", few)
        patched.setattr(audit_pages, "FEW_OF_INSTANCE", few)
        patched.setattr(audit_pages, "NEAR_ROWS", near)
        query, rows = _asked(history, filters, times)
        last = history.last_names("instance")
        of_name = [row for row in rows if name in ("", last[row["instance_id"]])]
        of_prod = [row for row in rows if row["instance_id"] == "prod-id"]
        async with trail_client(clickhouse, history.organization) as client:
            for path, named, expected in (("/audit-trails", {"instance": name}, of_name), (PROD, {}, of_prod)):
                wanted = {**query, **named, "limit": limit}
                onward = await pages(client, path, **wanted)
                assert [event["id"] for page in onward for event in page] == [decision(row) for row in expected[::-1]]
                assert await _backward(client, path, sum(map(len, onward[:-1])), **wanted) == onward


async def _backward(client: httpx.AsyncClient, path: str, skip: int, **query: Any) -> list[list[dict[str, Any]]]:
    """The pages up to the one that begins behind so many events, each found by the cursor of the one behind it."""
    page = (await client.get(path, params={**query, "offset": skip})).raise_for_status().json()
    found = [page["items"]]
    while page["previousCursor"] is not None:
        page = (await client.get(path, params={**query, "cursor": page["previousCursor"]})).raise_for_status().json()
        found.insert(0, page["items"])
    return found


@FEW
@given(history=histories())
async def test_every_decision_is_found_by_its_id_in_its_own_instance_alone(
    clickhouse: ClickHouse, history: History
) -> None:
    await history.write(clickhouse)
    async with trail_client(clickhouse, history.organization) as client:
        for row in history.rows[:9]:
            found = await client.get(f"{PROD}/{decision(row)}")
            assert found.status_code == (200 if row["instance_id"] == "prod-id" else 404)
            assert row["instance_id"] != "prod-id" or found.json()["payload"]["sequence"] == row["sequence"]


@FEW
@given(history=histories(), filters=_filters, times=_times, rows_a_page=st.integers(1, 9))
async def test_an_export_and_the_view_are_the_rows_by_instance_and_time(
    clickhouse: ClickHouse,
    history: History,
    filters: dict[str, tuple[str, Takes]],
    times: dict[str, int],
    rows_a_page: int,
) -> None:
    await history.write(clickhouse)
    query, rows = _asked(
        history, {name: filters[name] for name in filters if name not in ("q", "transactionId")}, times
    )
    since, until = query.pop("after", LONG_AGO.isoformat()), query.pop("before", "2200-01-01T00:00:00+00:00")
    expected = sorted(
        (row for row in rows if received(row) < datetime.fromisoformat(until)), key=lambda row: row["instance_id"]
    )
    transport = httpx.ASGITransport(export_app(clickhouse, history.organization))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(exporting, "PAGE_ROWS", rows_a_page)
        async with httpx.AsyncClient(transport=transport, base_url="http://tidemark") as client:
            span = {"from": since, "to": max(since, until)}
            found = (await client.get(EXPORT, params={"format": "ndjson", **span, **query})).raise_for_status().text
    told = [json.loads(line, parse_float=Decimal, parse_int=Decimal) for line in found.split("\n")[:-1]]
    same = ("instance_slug", "entitlement_slug", "status", "value", "before", "after", "token", "transaction_id")
    assert [line["decision_id"] for line in told] == [decision(row) for row in expected]
    assert [[line[name] for name in same] for line in told] == [[row[name] for name in same] for row in expected]


@FEW
@given(history=histories(), filters=_filters, most=st.integers(1, 9), of_prod=st.booleans())
async def test_what_a_stream_missed_is_each_event_once_in_the_order_of_the_log(
    clickhouse: ClickHouse, history: History, filters: dict[str, tuple[str, Takes]], most: int, of_prod: bool
) -> None:
    await history.write(clickhouse)
    filters = {name: one for name, one in filters.items() if name in ("status", "entitlement", "token", "q")}
    query, rows = _asked(history, filters, {})
    wanted = Wanted(
        history.organization,
        "prod-id" if of_prod else None,
        frozenset([query["status"]] if "status" in query else [status.value for status in Status]),
        query.get("entitlement", ""),
        query.get("token", ""),
        Search.of(query.get("q", "")),
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(missed, "PAGE", most)
        told = await _missed(clickhouse, wanted)
    for partition, expected in grouped(rows, "partition").items():
        here = [decision(row) for row in expected if not of_prod or row["instance_id"] == "prod-id"]
        assert [one for one in told if one.startswith(f"{partition[0]}-")] == here
    assert len(told) == len(set(told)) <= len(rows)


async def _missed(clickhouse: ClickHouse, wanted: Wanted) -> list[str]:
    """The ids of all that a stream is told from the beginning to where the rows end."""
    reading, position, told = missed.Missed(clickhouse).pages(wanted), LogPosition(), b""
    while (chunk := await reading.after(position)).position != position:
        position, told = chunk.position, told + chunk.blocks
    return [json.loads(data)["id"] for data in re.findall(rb"^data: (.*)$", told, re.MULTILINE)]
