from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from api.audit_event import named
from api.audit_filter import Filter
from api.audit_page import Wanted
from metering.balance import Place
from metering.command import Read
from metering.quantity import EXACT
from sql.clickhouse import READERS, ClickHouse, TooManyRows
from sql.instants import bounds_of_quarter, quarter_of
from sql.migrate import _has_insert_of_before
from sql.statements import statement
from stream.records import decode_decided
from stream.rows import COLUMNS, TABLE, Row, rows_of
from tests.decisions_log import NOON, DecisionsLog, grant, report
from tests.written_rows import by_name

EVERYTHING = {**Filter(["ACCEPTED", "READ", "REJECTED"]).parameters, **Wanted(200).by_place}
NEWYEAR = datetime(2027, 1, 1, tzinfo=UTC)


def rows_in(log: DecisionsLog) -> list[Row]:
    written = [record for records in log.records for record in records]
    return [row for record in written for row in rows_of(decode_decided(record.value), record.offset, Place(-1, -1))]


async def trail_of(clickhouse: ClickHouse, organization: str) -> list[dict[str, Any]]:
    found = await clickhouse.query("organization_trail", organization=organization, **EVERYTHING)
    return [named(row) for row in found]


def log_of(organization: str, **others: Any) -> DecisionsLog:
    return DecisionsLog(held_against=grant(organization_id=organization, **others))


@pytest.mark.parametrize("told_as", ["Native", "TSVRaw", "CSV", "ArrowStream"])
async def test_a_question_that_fails_midway_leaves_nothing_to_the_next(clickhouse: ClickHouse, told_as: str) -> None:
    failing = "SELECT number, throwIf(number = 200000) FROM numbers(400000)"
    for _ in range(READERS):
        with pytest.raises(DatabaseError):
            await clickhouse._readers.run(lambda client: client.raw_query(failing, fmt=told_as))
    for _ in range(2 * READERS):
        assert await clickhouse._readers.run(lambda client: client.query("SELECT 7, 0").result_rows) == [(7, 0)]


async def test_a_question_that_would_look_at_too_many_rows_is_not_answered(clickhouse: ClickHouse) -> None:
    log = log_of(str(uuid4()))
    log.decide(report(), report())
    await clickhouse.insert(TABLE, COLUMNS, rows_in(log))
    asked = {"organization": log.held_against.organization_id, **EVERYTHING}
    assert len(await clickhouse.query_few(100_000, "organization_trail", **asked)) == 2
    with pytest.raises(TooManyRows):
        await clickhouse.query_few(1, "organization_trail", **asked)


async def test_migrating_again_changes_nothing(clickhouse: ClickHouse) -> None:
    await clickhouse.migrate()
    assert await trail_of(clickhouse, "nobody") == []


async def test_the_engine_in_this_process_tells_whether_anything_was_written(clickhouse: ClickHouse) -> None:
    organization = str(uuid4())
    log = log_of(organization)
    log.decide(report())
    before = clickhouse.changes
    await trail_of(clickhouse, organization)
    assert clickhouse.changes == before
    await clickhouse.insert(TABLE, COLUMNS, rows_in(log))
    assert clickhouse.changes == before + 1


async def test_what_is_mapped_is_let_go_when_it_is_taken_from_the_disk(clickhouse: ClickHouse) -> None:
    for text in (
        "CREATE TABLE mapped (a UInt64) ENGINE = MergeTree ORDER BY a SETTINGS old_parts_lifetime = 1",
        "INSERT INTO mapped SELECT number FROM numbers(100000)",
    ):
        await clickhouse._writer.run(lambda client, text=text: client.command(text))
    try:
        before = await _mapped(clickhouse)
        assert await _explained(clickhouse, "SELECT sum(a) FROM mapped") == ["4999950000"]
        assert await _mapped(clickhouse) > before
        await clickhouse._writer.run(lambda client: client.command("TRUNCATE TABLE mapped"))
        assert await _mapped(clickhouse) <= before
    finally:
        await clickhouse._writer.run(lambda client: client.command("DROP TABLE mapped"))


async def _mapped(clickhouse: ClickHouse) -> int:
    (files,) = await _explained(clickhouse, "SELECT value FROM system.metrics WHERE metric = 'MMappedFiles'")
    return int(files)


async def test_an_insert_that_began_before_is_known_until_it_is_over(clickhouse: ClickHouse) -> None:
    slow = "\nINSERT INTO decisions (organization_id) SELECT '' FROM numbers(4) WHERE sleepEachRow(0.5) = 1"
    inserting = asyncio.create_task(clickhouse._writer.run(lambda client: client.command(slow)))
    before = time.monotonic() - 60
    async with asyncio.timeout(30):
        while not await clickhouse._readers.run(lambda client: _has_insert_of_before(client, time.monotonic())):
            assert not inserting.done()
        assert not await clickhouse._readers.run(lambda client: _has_insert_of_before(client, before))
        await inserting
    assert not await clickhouse._readers.run(lambda client: _has_insert_of_before(client, time.monotonic()))


async def test_what_was_decided_comes_back_exactly(clickhouse: ClickHouse) -> None:
    organization = str(uuid4())
    log = log_of(organization, limit=EXACT.create_decimal("99999999999999999999.999999999999"))
    moment = NOON + timedelta(microseconds=1)
    log.decide(report("0.000000000001", moment, transaction_id="t-1", metadata='{"a":"ä"}'.encode()))
    log.decide(report("99999999999999999999.9", moment), Read(moment, "reader"))
    await clickhouse.insert(TABLE, COLUMNS, rows_in(log))
    read, largest, smallest = await trail_of(clickhouse, organization)
    assert (smallest["value"], smallest["metadata"]) == (Decimal("0.000000000001"), '{"a":"ä"}')
    assert largest["after"] == Decimal("99999999999999999999.900000000001")
    assert (read["value"], read["transaction_id"], read["after"]) == (None, None, largest["after"])
    assert read["received_at"] == moment


@pytest.mark.parametrize("moment", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)])
async def test_an_event_time_may_lie_anywhere(clickhouse: ClickHouse, moment: datetime) -> None:
    organization = str(uuid4())
    log = log_of(organization)
    log.decide(report("1", NOON, timestamp=moment))
    await clickhouse.insert(TABLE, COLUMNS, rows_in(log))
    assert [row["event_time"] for row in await trail_of(clickhouse, organization)] == [moment]


async def test_rows_of_two_quarters_are_refused_whole(clickhouse: ClickHouse) -> None:
    organization = str(uuid4())
    log = log_of(organization)
    log.decide(report(received_at=NEWYEAR - timedelta(microseconds=1)), report(received_at=NEWYEAR))
    with pytest.raises(DatabaseError, match="Too many partitions"):
        await clickhouse.insert(TABLE, COLUMNS, rows_in(log))
    assert await trail_of(clickhouse, organization) == []


@pytest.mark.parametrize("year", [1970, 2026, 2298])
async def test_rows_of_one_quarter_are_one_part_of_the_partition_that_is_called_so(
    clickhouse: ClickHouse, year: int
) -> None:
    for month in (1, 4, 7, 10):
        organization, first = str(uuid4()), datetime(year, month, 1, tzinfo=UTC)
        start, end = bounds_of_quarter(quarter_of(first))
        log = log_of(organization)
        for moment in (start, start + timedelta(days=45), end - timedelta(microseconds=1)):
            log.decide(report(received_at=moment))
        await clickhouse.insert(TABLE, COLUMNS, rows_in(log))
        text = "SELECT DISTINCT _partition_id FROM decisions WHERE organization_id = {o:String}"
        assert await _explained(clickhouse, text, o=organization) == [str(quarter_of(first))]


async def test_a_block_that_is_sent_twice_is_there_once(clickhouse: ClickHouse) -> None:
    organization = str(uuid4())
    log = log_of(organization)
    log.decide(report(), report())
    for _ in range(2):
        await clickhouse.insert(TABLE, COLUMNS, rows_in(log))
    assert len(await trail_of(clickhouse, organization)) == 2


async def test_the_largest_insert_is_one_part(clickhouse: ClickHouse) -> None:
    organization = str(uuid4())
    log = log_of(organization)
    log.decide(*(report(metadata=b'"' + b"m" * 1_000 + b'"') for _ in range(1_000)))
    template = rows_in(log)
    partition, offset = COLUMNS.index("partition"), COLUMNS.index("offset")
    rows = [(*row[:partition], 9, at, *row[offset + 1 :]) for at in range(60) for row in template]
    await clickhouse.insert(TABLE, COLUMNS, rows)
    assert await _explained(
        clickhouse, "SELECT uniqExact(_part) FROM decisions WHERE organization_id = {o:String}", o=organization
    ) == ["1"]


async def test_the_places_are_the_highest_of_each_partition_from_the_projection(clickhouse: ClickHouse) -> None:
    log = DecisionsLog(partitions=8)
    for _ in range(3):
        log.decide(report(), report(), partition=7)
    log.repeat(2, 2, partition=7)
    await clickhouse.insert(TABLE, COLUMNS, [row for row in rows_in(log) if by_name(row)["decided_at"] < 3])
    places = {partition: (last, decided_at) for partition, last, decided_at in await clickhouse.query("places")}
    assert places[7] == ((2, 1), 2)
    assert "ReadFromMergeTree (places)" in await _plan(clickhouse, "places")


async def test_each_insert_has_a_number_that_none_had_before(clickhouse: ClickHouse) -> None:
    log, numbers = log_of(str(uuid4())), []
    log.decide(*(report(received_at=datetime(2041, month, 1, tzinfo=UTC)) for month in (1, 4, 7, 7)))
    for row in rows_in(log):
        if len(numbers) == 3:
            await clickhouse.command("drop_quarter", quarter=20413)
        await clickhouse.insert(TABLE, COLUMNS, [row])
        numbers += await clickhouse.query("last_insert")
    assert numbers == sorted({*numbers})
    assert len(numbers) == 4


async def test_up_to_where_the_table_is_complete_is_read_from_the_projection_too(clickhouse: ClickHouse) -> None:
    log = DecisionsLog(partitions=7)
    log.decide(report(), report(received_at=NEWYEAR - timedelta(microseconds=1)), partition=6)
    await clickhouse.insert(TABLE, COLUMNS, rows_in(log)[:1])
    await clickhouse.insert(TABLE, COLUMNS, rows_in(log)[1:])
    complete_to = {partition: (last, newest) for partition, last, newest in await clickhouse.query("complete_to")}
    assert complete_to[6][0] == (0, 1)
    assert complete_to[6][1] >= NEWYEAR - timedelta(microseconds=1)
    assert "ReadFromMergeTree (places)" in await _plan(clickhouse, "complete_to")


async def test_an_instances_page_is_read_backwards_along_the_key(clickhouse: ClickHouse) -> None:
    log = log_of(organization := str(uuid4()))
    log.decide(report())
    await clickhouse.insert(TABLE, COLUMNS, rows_in(log))
    parameters = {"organization": organization, "instance": "prod-id", **EVERYTHING}
    assert "InReverseOrder" in await _plan(clickhouse, "instance_trail", **parameters)


async def _plan(clickhouse: ClickHouse, name: str, **parameters: object) -> str:
    return "\n".join(
        await _explained(
            clickhouse, f"EXPLAIN indexes = 1, projections = 1 {statement(name, frozenset(parameters))}", **parameters
        )
    )


async def _explained(clickhouse: ClickHouse, text: str, **parameters: object) -> list[str]:
    found = await clickhouse._readers.run(lambda client: client.query(text, parameters=parameters).result_rows)
    return [str(row[0]) for row in found]
