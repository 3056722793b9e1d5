"""How the engine answers each question: by the key, an index or a projection, never by reading the table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest

from api.audit_event import COLUMNS as EVENT_COLUMNS
from api.audit_filter import Filter
from api.audit_page import Cursor, Wanted
from api.audit_search import Search
from api.hours import quarters_of
from api.windows import Windows
from sql.clickhouse import IN_ANY_ORDER, ClickHouse
from sql.instants import micros
from sql.statements import names, statement
from stream.rows import COLUMNS, TABLE
from tests.decisions_log import report
from tests.integration.sql.test_clickhouse import log_of, rows_in
from tests.integration.sql.test_expiry import parts_left_out

ORGANIZATION = "much"
ROWS, SECONDS = 60_000, 40  # an instance, apart from one another
SINCE = datetime(2026, 5, 1, tzinfo=UTC)
_FILTERED = Filter(["ACCEPTED", "READ", "REJECTED"])
_MIDDLE = Cursor(micros(SINCE) + ROWS * SECONDS * 500_000, 0, 0, 0)
_METER = {"instance": "i-3-id", "entitlement": "calls-id"}
_WINDOWS = {
    "since": micros(SINCE) // 1_000_000,
    "until": micros(SINCE) // 1_000_000 + 28 * 86_400,
    "edges": [*range(micros(SINCE) // 1_000_000, micros(SINCE) // 1_000_000 + 29 * 86_400, 86_400)],
}
_HOURS = {
    "from_hour": _WINDOWS["since"] // 3_600,
    "before_hour": _WINDOWS["until"] // 3_600,
    "edges": _WINDOWS["edges"],
}
#: Three days amid them.
_DAYS = {"since": _WINDOWS["since"] + 9 * 86_400, "until": _WINDOWS["since"] + 12 * 86_400}
_DAYS_OF_HOURS = {"from_hour": _DAYS["since"] // 3_600, "before_hour": _DAYS["until"] // 3_600}
_QUARTERS = {"first_quarter": 20262, "last_quarter": 20262}
#: An hour of every day.
_CUT = [edge // 3_600 + 5 for edge in _WINDOWS["edges"]]
#: As it is asked first, by the time alone.
_PAGE = {**_FILTERED.parameters, **Wanted(50, _MIDDLE).by_time, "until": _MIDDLE.time}
_NEWER = {**_FILTERED.parameters, **Wanted(50, _MIDDLE, is_newer=True).by_time, "since": _MIDDLE.time}

#: By which projection each question is answered, and no other.
BY_PROJECTION = {
    "complete_to": (["places"], {}),
    "places": (["places"], {}),
    "entitlement_reporters": (["meters"], {"entitlement": "calls-id", "limit": 10}),
    "quarters_held": (["organization_quarters"], {"until": micros(SINCE) + 5 * 86_400_000_000}),
}
#: Which projections each question asks itself, and how many granules it may look at where an instance or a stretch of
#: time leads it: of an instance's four, or the organization's three; those of other tests' rows begin amid one. A
#: history reads the whole quarter of the meter.
OF_PROJECTION = {
    "instance_stats": ({"meters", "instance_quarters"}, None, {"instance": "i-3-id", "today": _WINDOWS["since"]}),
    "instance_timeline": ({"instance_quarters"}, 3, {"instance": "i-3-id", **_WINDOWS, **_DAYS}),
    "organization_stats": ({"meters", "organization_quarters"}, None, {"today": _WINDOWS["since"]}),
    "organization_timeline": ({"organization_quarters"}, 2, {**_WINDOWS, **_DAYS}),
    "meter_timeline": (
        {"usage_hours"},
        4,
        {"instance": "i-3-id", "entitlement": "calls", **_HOURS, **_DAYS_OF_HOURS, **_QUARTERS, "cut": _CUT},
    ),
    "entitlement_timeline": ({"entitlement_quarters"}, 2, {"entitlement": "calls", **_WINDOWS, **_DAYS}),
    "top_instances": ({"meters"}, None, {"order": "total", "limit": 10}),
    "top_entitlements": ({"meters"}, None, {"order": "total", "limit": 10}),
    "nearest_limits": ({"meters"}, None, {"now": 0, "limit": 10, "skip": 0}),
    "usage_history": ({"usage_hours"}, 4, {**_METER, **_HOURS, **_DAYS_OF_HOURS, "cut": _CUT}),
}
_EXPORTED = {
    "instance": "i-3-id",
    "since": 0,
    "until": micros(SINCE) + 5 * 86_400_000_000,
    "statuses": ["ACCEPTED", "READ", "REJECTED"],
    "entitlement": "",
    "token": "",
    "after_instance": "i-3-id",
    **{f"after_{name}": value for name, value in Cursor(micros(SINCE), 0, 0, 0)._asdict().items()},
}
_EXPORTED_TO = {
    "to_instance": "i-3-id",
    **{f"to_{name}": value for name, value in Cursor(micros(SINCE) + 86_400_000_000, 0, 0, 0)._asdict().items()},
}
_POSITIONS = {
    "lowest": 5_000,
    "highest": 5_100,
    "since_offsets": [5_000],
    "since_positions": [0],
    "until_offsets": [5_100],
    "until_positions": [0],
    "limit": 100,
}
#: Which share of the table's granules each question may look at, at most.
BY_KEY = {
    "instance_trail": (0.2, {"instance": "i-3-id", **_PAGE}),
    "instance_trail_newer": (0.2, {"instance": "i-3-id", **_NEWER}),
    "instance_since": (0.2, {"instance": "i-3-id", **_POSITIONS}),
    "organization_since": (0.2, _POSITIONS),
    "organization_trail": (0.2, {**_PAGE, "since": _MIDDLE.time - 3_600_000_000}),
    "organization_trail_newer": (0.2, {**_NEWER, "until": _MIDDLE.time + 3_600_000_000}),
    "export_bound": (0.3, {**_EXPORTED, "skip": 1_000}),
    **{f"export_{told}": (0.2, {**_EXPORTED, **_EXPORTED_TO}) for told in ("csv", "ndjson", "parquet")},
    "partition_rows": (0.2, {"partition": 0, "since": 5_000, "until": 5_100}),
    "quarter_holds": (0.2, {"quarter": 20262, "last": [(0, 5_000, 0)]}),
    "has_before": (0.2, {"until": micros(SINCE) + 3_600_000_000}),
    "instance_decision": (0.2, {"instance": "i-3-id", "partition": 0, "offset": 5_000, "position": 0}),
    "usage_history_cut": (0.2, {**_METER, "until": _WINDOWS["until"], "edges": _WINDOWS["edges"], "cut": _CUT}),
    "meter_timeline_cut": (
        0.2,
        {"instance": "i-3-id", "entitlement": "calls", **{n: _WINDOWS[n] for n in ("until", "edges")}, "cut": _CUT},
    ),
}
#: Of tables that hold a row for an organization, or for a partition of the log.
OF_SMALL_TABLES = {"expiries", "kept_since", "passed"}
#: Told by the parts, without a look into them.
OF_NO_ROWS = {"last_insert"}
_ITSELF = "mergeTreeProjection(currentDatabase(), decisions, {})"
#: What a filter of a page has to find by an index, and the share of granules that are left.
SEARCHES = {
    "words": {"words": "needle"},
    "numbers": Search.of("31337.5").parameters,
    "transaction": {"transaction": "t-needle"},
    "generated": {"generated": "tdm:6562a4e0." + "0" * 32},
}


@pytest.fixture(scope="module")
async def much(clickhouse: ClickHouse) -> ClickHouse:
    """One organization's rows: enough that the table is far more than any of its projections."""
    for number in range(4):
        log = log_of(ORGANIZATION, instance_id=f"i-{number}-id", instance_slug=f"i-{number}")
        log.decide(report(received_at=SINCE, transaction_id="t-1"))
        await clickhouse.insert(TABLE, COLUMNS, rows_in(log))
    await _run(clickhouse, _MULTIPLY)
    await _run(clickhouse, "OPTIMIZE TABLE decisions FINAL")
    return clickhouse


_NAMES = ", ".join(f"`{column}`" for column in COLUMNS)
_MULTIPLY = f"""
INSERT INTO decisions ({_NAMES})
SELECT * EXCEPT (number) REPLACE (number AS offset, received_at + toIntervalSecond({SECONDS} * number) AS received_at)
FROM
(
    SELECT {_NAMES.replace("`transaction`", "transaction_id AS `transaction`")}, arrayJoin(range(1, {ROWS})) AS number
    FROM decisions
    WHERE organization_id = '{ORGANIZATION}'
)
"""


async def test_every_part_has_the_projections_that_are_asked_themselves(much: ClickHouse) -> None:
    assert await parts_left_out(much) == []


def test_every_question_is_held_to_its_plan() -> None:
    assert {*BY_PROJECTION, *OF_PROJECTION, *BY_KEY, *OF_SMALL_TABLES, *OF_NO_ROWS} == names()


@pytest.mark.parametrize("name", BY_PROJECTION)
async def test_a_count_comes_from_a_projection(much: ClickHouse, name: str) -> None:
    projections, parameters = BY_PROJECTION[name]
    assert _sources(await _plan(much, name, **parameters)) == projections


@pytest.mark.parametrize("name", OF_PROJECTION)
async def test_a_projection_is_asked_itself_and_by_its_key(much: ClickHouse, name: str) -> None:
    projections, granules, parameters = OF_PROJECTION[name]
    text = statement(name, frozenset({"organization", *parameters}))
    assert {*re.findall(r"FROM (.+)", text)} == {*map(_ITSELF.format, projections)}
    if granules is not None:
        assert _granules(await _plan(much, name, **parameters))[-1][0] <= granules


@pytest.mark.parametrize(("name", "granules"), [("instance_stats", 3), ("organization_stats", 2)])
async def test_what_happened_today_is_found_by_the_projections_key(much: ClickHouse, name: str, granules: int) -> None:
    (_, _, parameters), given = OF_PROJECTION[name], frozenset({"organization", "instance", "today"})
    found = re.search(r"\((?P<today>\s+SELECT countMerge.+?)\) AS today", statement(name, given), re.DOTALL)
    assert found is not None
    today = {**parameters, "today": _WINDOWS["until"] - 2 * 86_400}
    assert _granules(await _plan_of(much, found["today"], **today))[-1][0] <= granules


@pytest.mark.parametrize(
    ("days", "quarters", "before"),
    [((-39, -30), 0, 0), ((-39, -29), 1, 0), ((57, 61), 1, 0), ((60, 61), 1, 0), ((61, 65), 0, 1), ((70, 80), 0, 1)],
)
async def test_a_history_looks_into_no_quarter_behind_its_span_and_before_it_only_where_it_looks_back(
    much: ClickHouse, days: tuple[int, int], quarters: int, before: int
) -> None:
    from_hour, before_hour = (_HOURS["from_hour"] + 24 * day for day in days)
    first, last = quarters_of(Windows((from_hour * 3_600, before_hour * 3_600)))
    for name, looked_into in (("meter_timeline", quarters), ("usage_history", quarters + before)):
        _, _, parameters = OF_PROJECTION[name]
        span = {"from_hour": from_hour, "before_hour": before_hour, "first_quarter": first, "last_quarter": last}
        found = await _plan(much, name, **{**parameters, **span})
        assert len(re.findall(r"Granules: [1-9]", found)) >= looked_into
        assert len(re.findall("Ranges: [1-9]", found)) == looked_into


@pytest.mark.parametrize("name", BY_KEY)
async def test_rows_are_found_by_the_key(much: ClickHouse, name: str) -> None:
    share, parameters = BY_KEY[name]
    assert _share(await _plan(much, name, **parameters)) <= share


async def test_an_instance_is_found_in_the_organization_by_the_key(much: ClickHouse) -> None:
    plan = await _plan(much, "organization_trail", **{**_PAGE, "slug": "i-3"})
    assert _share(plan) <= 0.4


@pytest.mark.parametrize("page", ["by_time", "by_place"])
@pytest.mark.parametrize("is_newer", [False, True])
async def test_a_page_is_read_in_the_order_of_the_key(much: ClickHouse, is_newer: bool, page: str) -> None:
    wanted = Wanted(50, _MIDDLE, is_newer=is_newer)
    sought = {**(_NEWER if is_newer else _PAGE), **getattr(wanted, page)}
    plan = await _plan(much, f"instance_trail{wanted.suffix}", instance="i-3-id", **sought)
    assert "Read type: InReverseOrder" in plan or "Read type: InOrder" in plan
    assert _share(plan) <= 0.2


@pytest.mark.parametrize("is_newer", [False, True])
async def test_by_time_no_place_is_read_of_what_is_not_shown(much: ClickHouse, is_newer: bool) -> None:
    wanted = Wanted(50, _MIDDLE, is_newer=is_newer)
    plan = await _plan(much, f"organization_trail{wanted.suffix}", **(_NEWER if is_newer else _PAGE))
    (late,) = re.findall("Lazily read columns: (.+)", plan)
    assert {*late.split(", ")} == {*EVENT_COLUMNS} - {"received_at"}


@pytest.mark.parametrize("name", ["instance_trail", "instance_trail_newer"])
async def test_what_is_in_few_places_is_looked_for_in_any_order(much: ClickHouse, name: str) -> None:
    sought = {"instance": "i-3-id", **(_NEWER if name.endswith("_newer") else _PAGE), **SEARCHES["words"]}
    assert "Read type: Default" in await _plan(much, name, settings=IN_ANY_ORDER, **sought)


@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("organization_trail", {"since": _MIDDLE.time - 200_000_000_000}),
        ("organization_trail_newer", {"until": _MIDDLE.time + 200_000_000_000}),
    ],
)
async def test_what_is_next_to_a_place_in_an_organization_is_found_by_two_threads(
    much: ClickHouse, name: str, time: dict[str, int]
) -> None:
    sought = _NEWER if name.endswith("_newer") else _PAGE
    plan = await _plan(much, name, explain="PIPELINE", **{**sought, **time})
    assert "MergeTreeSelect(pool: ReadPool, algorithm: Thread) × 2" in plan


@pytest.mark.parametrize("sought", SEARCHES)
@pytest.mark.parametrize("name", ["instance_trail", "organization_trail"])
async def test_what_is_sought_is_found_by_an_index(much: ClickHouse, name: str, sought: str) -> None:
    whole = {**_FILTERED.parameters, **Wanted().by_time, "instance": "i-3-id"}
    assert _share(await _plan(much, name, **{**whole, **SEARCHES[sought]})) <= 0.1


def _sources(plan: str) -> list[str]:
    """What is read from: projections, or the table by its own name."""
    return re.findall(r"ReadFromMergeTree \((\S+)\)", plan)


def _share(plan: str) -> float:
    """The granules that are left of the table's when every index was asked."""
    looked_at = _granules(plan)
    return looked_at[-1][0] / max(all_ for _, all_ in looked_at)


def _granules(plan: str) -> list[tuple[int, int]]:
    """How many each index left, and of how many."""
    return [(int(left), int(all_)) for left, all_ in re.findall(r"Granules: (\d+)/(\d+)", plan)]


async def _plan(clickhouse: ClickHouse, name: str, **parameters: Any) -> str:
    """Its `settings` and what to `explain` may be among the parameters."""
    explained = {option: parameters.pop(option) for option in ("settings", "explain") if option in parameters}
    return await _plan_of(clickhouse, statement(name, frozenset(parameters)), **explained, **parameters)


async def _plan_of(
    clickhouse: ClickHouse,
    text: str,
    settings: Mapping[str, int] = MappingProxyType({}),
    explain: str = "indexes = 1, projections = 1",
    **parameters: Any,
) -> str:
    at_once = {"use_skip_indexes_on_data_read": 0, "use_top_k_dynamic_filtering": 0}  # not only while reading
    given = {"organization": ORGANIZATION, **parameters}
    rows = await clickhouse._readers.run(
        lambda client: client.query(f"EXPLAIN {explain} {text}", given, {**at_once, **settings}).result_rows
    )
    return "\n".join(str(row[0]) for row in rows)


async def _run(clickhouse: ClickHouse, text: str) -> None:
    await clickhouse._writer.run(lambda client: client.command(text))
