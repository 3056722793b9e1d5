"""Retention: what an organization no longer keeps goes, and nothing else; the sink's place stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from sql.clickhouse import ClickHouse
from sql.expiry import expire
from sql.instants import moment_at
from stream.rows import COLUMNS, TABLE, parts
from tests.decisions_log import DecisionsLog, Fixed, eventually, grant, report, running
from tests.integration.sql.test_clickhouse import log_of, rows_in

WITHIN = 20.0
FIRST = datetime(2031, 6, 29, 12, tzinfo=UTC)  # nobody else writes into these two quarters
LAST = FIRST + timedelta(days=4)


@pytest.fixture
async def organization(clickhouse: ClickHouse) -> AsyncIterator[str]:
    """Five days with an event each, over two quarters."""
    organization = str(uuid4())
    await write(clickhouse, organization)
    yield organization
    await expire(clickhouse, {organization: LAST + timedelta(days=1)})


async def write(clickhouse: ClickHouse, organization: str, first: datetime = FIRST) -> None:
    log = log_of(organization)
    for day in range(5):
        log.decide(report(received_at=first + timedelta(days=day)))
    for part in parts(rows_in(log)):
        await clickhouse.insert(TABLE, COLUMNS, part)


async def counted(clickhouse: ClickHouse, organization: str) -> tuple[int, int, int]:
    """By the projections, by the rows, and of June."""
    text = """
    SELECT
        (SELECT count() FROM decisions WHERE organization_id = {o:String}),
        (SELECT count() FROM decisions WHERE organization_id = {o:String} AND NOT ignore(offset)
            SETTINGS optimize_use_projections = 0),
        (SELECT count() FROM decisions WHERE organization_id = {o:String} AND toYYYYMM(received_at) = 203106)
    """
    found: Any = await clickhouse._readers.run(lambda client: client.query(text, {"o": organization}).result_rows)
    return tuple(found[0])  # type: ignore[return-value]


async def kept_since(clickhouse: ClickHouse, organization: str) -> datetime | None:
    """Since when the organization's events are there; None: all that ever were."""
    found = await clickhouse.query("kept_since", organization=organization)
    return moment_at(found[0][0]) if found else None


async def settles(clickhouse: ClickHouse, organization: str, counts: tuple[int, int, int]) -> None:
    async with asyncio.timeout(WITHIN):
        while await counted(clickhouse, organization) != counts:
            await asyncio.sleep(0.05)


async def parts_left_out(clickhouse: ClickHouse) -> list[tuple[str]]:
    """Parts with rows that a question which asks a projection itself would not see."""
    text = """
    SELECT name FROM system.parts
    WHERE table = 'decisions' AND active AND rows > 0 AND NOT hasAll(
        projections,
        ['meters', 'usage_hours', 'instance_quarters', 'entitlement_quarters', 'organization_quarters', 'places']
    )
    """
    return [*await clickhouse._readers.run(lambda client: client.query(text).result_rows)]


async def test_what_is_over_goes_and_totals_are_those_of_what_is_left(
    clickhouse: ClickHouse, organization: str
) -> None:
    other = str(uuid4())
    await write(clickhouse, other)
    assert await kept_since(clickhouse, organization) is None
    until = FIRST + timedelta(days=3)
    assert await expire(clickhouse, {organization: until}) == {organization: until}
    await settles(clickhouse, organization, (2, 2, 0))
    assert await counted(clickhouse, other) == (5, 5, 2)
    assert await kept_since(clickhouse, organization) == until


async def test_what_is_left_has_its_history_still(clickhouse: ClickHouse, organization: str) -> None:
    await expire(clickhouse, {organization: FIRST + timedelta(days=3)})
    await settles(clickhouse, organization, (2, 2, 0))
    meter, hours = grant(organization_id=organization), [int(moment.timestamp()) // 3_600 for moment in (FIRST, LAST)]
    asked = {"organization": organization, "instance": meter.instance_id, "entitlement": meter.entitlement_id}
    edges = [(hours[0] - 1) * 3_600, hours[0] * 3_600, (hours[1] + 1) * 3_600]
    ((*_, latest, events, accepted, rejected),) = await clickhouse.query(
        "usage_history", **asked, from_hour=hours[0], before_hour=hours[1] + 1, edges=edges
    )
    assert (events, accepted, rejected, latest[0]) == (2, 2, 0, 5)
    assert await parts_left_out(clickhouse) == []


async def test_nothing_is_taken_twice_or_back(clickhouse: ClickHouse, organization: str) -> None:
    until = FIRST + timedelta(days=1)
    await expire(clickhouse, {organization: until})
    assert await expire(clickhouse, {organization: until}) == {}
    assert await expire(clickhouse, {organization: until - timedelta(days=9)}) == {}
    assert await kept_since(clickhouse, organization) == until


async def test_of_nothing_it_is_not_said_that_it_was_taken(clickhouse: ClickHouse, organization: str) -> None:
    assert await expire(clickhouse, {organization: FIRST, "nobody": LAST}) == {}
    assert await kept_since(clickhouse, organization) is None


async def test_a_quarter_that_nobody_keeps_is_dropped(clickhouse: ClickHouse) -> None:
    first, july = FIRST.replace(year=2033), datetime(2033, 7, 1, tzinfo=UTC)
    one, other = str(uuid4()), str(uuid4())
    dropped: list[int] = []
    for organization in (one, other):
        await write(clickhouse, organization, first)
    await expire(Watched(clickhouse, dropped), {one: july})  # type: ignore[arg-type]
    assert dropped == []
    await expire(Watched(clickhouse, dropped, takes_rows=False), {one: july, other: july})  # type: ignore[arg-type]
    assert dropped == [20332]
    assert await counted(clickhouse, other) == (3, 3, 0)
    await settles(clickhouse, one, (3, 3, 0))


class Watched:
    """Notes which quarters are dropped; takes nothing else if it is told so."""

    def __init__(self, clickhouse: ClickHouse, dropped: list[int], *, takes_rows: bool = True) -> None:
        self.query = clickhouse.query
        self._clickhouse = clickhouse
        self._dropped = dropped
        self._takes_rows = takes_rows

    async def command(self, name: str, **parameters: Any) -> None:
        if name == "drop_quarter":
            self._dropped.append(parameters["quarter"])
        if name == "expire_rows" and not self._takes_rows:
            return
        await self._clickhouse.command(name, **parameters)


async def test_what_a_killed_expiry_left_goes_with_the_next(clickhouse: ClickHouse, organization: str) -> None:
    until = int((FIRST + timedelta(days=2)).timestamp()) * 1_000_000
    await clickhouse.command("note_expiry", organization=organization, until=until)
    assert await counted(clickhouse, organization) == (5, 5, 2)
    await expire(clickhouse, {organization: FIRST + timedelta(days=3)})
    await settles(clickhouse, organization, (2, 2, 0))


async def test_the_sink_keeps_its_place_though_everything_is_over(clickhouse: ClickHouse) -> None:
    partition, organization = 811, str(uuid4())
    log = DecisionsLog(partitions=partition + 1, held_against=grant(organization_id=organization))
    for day in range(3):
        log.decide(report(received_at=FIRST + timedelta(days=day)), partition=partition)
    async with running(log, clickhouse, share=Fixed([partition])) as sink:
        await eventually(lambda: sink.complete_to.get(partition) == 2)
    await expire(clickhouse, {organization: LAST})
    await settles(clickhouse, organization, (1, 1, 0))
    async with running(log, clickhouse, share=Fixed([partition])) as sink:
        log.decide(report(received_at=LAST), partition=partition)
        await eventually(lambda: sink.complete_to.get(partition) == 3)
    assert await counted(clickhouse, organization) == (2, 2, 0)
    await expire(clickhouse, {organization: LAST + timedelta(days=1)})
    await settles(clickhouse, organization, (1, 1, 0))


async def test_a_quarter_with_a_partitions_last_row_is_not_dropped_whole(clickhouse: ClickHouse) -> None:
    partition, organization = 812, str(uuid4())
    log = DecisionsLog(partitions=partition + 1, held_against=grant(organization_id=organization))
    log.decide(
        report(received_at=FIRST.replace(year=2034)), report(received_at=FIRST.replace(year=2034)), partition=partition
    )
    await clickhouse.insert(TABLE, COLUMNS, rows_in(log))
    dropped: list[int] = []
    await expire(Watched(clickhouse, dropped), {organization: LAST.replace(year=2035)})  # type: ignore[arg-type]
    assert dropped == []
    await settles(clickhouse, organization, (1, 1, 0))
