"""Rows of an earlier release, moved by a migration: `python -m tests.integration.sql.migrating DIRECTORY`.

A process of its own, for the embedded engine opens one directory in its life. Says what it found.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_migrations.connection import ClickhouseConnectConnection
from clickhouse_migrations.migration import MigrationStorage
from clickhouse_migrations.migrator import Migrator

from sql.clickhouse import ClickHouse, open_clickhouse
from sql.statements import MIGRATIONS
from tests.integration.sql.test_expiry import parts_left_out

BEFORE, COPIED, ANEW = 20, 31, 33
ROWS = 300
_REPEATED = (
    "032_passed_by_partition",
    "033_pages_of_fewer_columns",
    "034_packed_by_bits",
    "035_history_of_fewer_columns",
    "036_decisions_by_quarter",
)
_FILL = f"""
INSERT INTO decisions (
    organization_id, instance_id, instance_slug, entitlement_id, entitlement_slug, license_id, license_slug,
    license_version, received_at, partition, offset, position, decided_at, sequence, status, reason, crossing, behavior,
    event_time, value, before, after, events, limit, overage_percent, period_start, rolled_over, transaction_id, token,
    metadata)
WITH
    toDateTime64('2026-11-01 00:00:00.000001', 6, 'UTC') + toIntervalHour(6 * number) AS received_at,
    intDiv(number, 3) % 3 AS kind,
    arrayMap(
        late -> concat('tdm:', lower(hex(toUInt32(toUnixTimestamp64Second(received_at) - late))), '.',
            leftPad('c0ffee', 20, '7'), leftPad(toString(number), 12, '0')),
        [0, 1]
    ) AS made,
    [made[1], made[2], toString(cityHash64(number))] AS ids
SELECT
    'acme', concat('instance-', toString(number % 7)), 'prod', 'e', 'calls', 'l', 'gold',
    '1', received_at, number % 4, number, 0, number * 3 + 1, number + 2,
    ['ACCEPTED', 'REJECTED', 'READ'][number % 3 + 1], '', '', ['append', 'set', ''][kind + 1],
    received_at - toIntervalMicrosecond(number * 7 * kind), if(number % 2, 0.1, NULL),
    if(number % 3 = 1, 1000 - number, number / 10), 1000 - number,
    number, -1, 0, if(number % 2, received_at, NULL), '', ids[number % 3 + 1], 'collector', '{{"q": "ü"}}'
FROM numbers({ROWS})
SETTINGS max_partitions_per_insert_block = 0
"""
_PASS = "INSERT INTO passed SELECT 3, number, 0, number + 5, 0, number + 1 FROM numbers(4)"
_UNUSUAL = "SELECT count() FROM decisions WHERE unusual != ''"
_ROWS = "SELECT * FROM audit_events_v1 ORDER BY partition, offset, position"
_PLACES = "SELECT partition, offset, decided_at FROM decisions ORDER BY partition, offset, position"
_LINES = """
SELECT count() FROM decisions
WHERE outcome != concatWithSeparator('\\n', toString(status), toString(behavior), reason, toString(crossing), token)
   OR terms != concatWithSeparator('\\n', instance_id, instance_slug, entitlement_slug, license_id, license_slug,
        license_version, toString(limit), toString(overage_percent))
   OR period_series != concatWithSeparator('\\n', period, series)
   OR unusual != if((event_lag, adjustment, rolled_over) = (0, 0, ''), '',
        concatWithSeparator('\\n', toString(event_lag), toString(adjustment), rolled_over))
"""
_AS_BEFORE = (
    "ALTER TABLE decisions MODIFY COLUMN terms LowCardinality(String) MATERIALIZED 'before'",
    "ALTER TABLE decisions MATERIALIZE COLUMN terms",
)
#: As an INSERT that was under way when the projection was added leaves its part.
_WITHOUT = "ALTER TABLE decisions CLEAR PROJECTION usage_hours IN PARTITION 20264"
_PARTITIONS = "SELECT DISTINCT _partition_id FROM decisions ORDER BY 1"
_GOING = """
INSERT INTO decisions (organization_id, instance_id, received_at, partition, offset)
SELECT 'gone', instance_id, received_at, partition, offset FROM decisions
SETTINGS max_partitions_per_insert_block = 0
"""
#: Takes a second, as retention does where there is much.
_TAKE = "ALTER TABLE decisions DELETE WHERE organization_id = 'gone' AND sleepEachRow(0.003) = 0"
_GONE = "SELECT count() FROM decisions WHERE organization_id = 'gone'"
_COUNTS = "SELECT count() FROM decisions WHERE organization_id = 'acme'"


async def main(directory: str) -> None:
    async with open_clickhouse(f"chdb://{directory}") as clickhouse:
        await _run(clickhouse, _migrate_to(BEFORE))
        for fill in (_FILL, _PASS):
            await _run(clickhouse, lambda client, fill=fill: client.command(fill))
        written = await _told(clickhouse)
        await _run(clickhouse, _migrate_to(COPIED))
        await _run(clickhouse, _repeat("031_decisions_by_hour"))  # killed when the tables had changed places
        copied = await _told(clickhouse)
        await _run(clickhouse, _begin("033_pages_of_fewer_columns"))  # killed before anything was written anew
        await _run(clickhouse, _migrate_to(ANEW))
        for statement in _AS_BEFORE:  # of INSERTs that were under way
            await _run(clickhouse, lambda client, text=statement: client.command(text, settings={"mutations_sync": 1}))
        await _run(clickhouse, _begin("033_pages_of_fewer_columns"))
        await clickhouse.migrate()
        healed = await _rows(clickhouse, _LINES)
        for name in _REPEATED:
            await _run(clickhouse, _repeat(name))  # killed before it was noted that it is done
        await clickhouse.migrate()
        moved, counted = await _told(clickhouse), await _rows(clickhouse, _COUNTS)
        partitions = await _rows(clickhouse, _PARTITIONS)
        wrong, unusual = await _rows(clickhouse, _LINES), await _rows(clickhouse, _UNUSUAL)
        await _run(clickhouse, lambda client: client.command(_WITHOUT, settings={"mutations_sync": 1}))
        without = await parts_left_out(clickhouse)
        await clickhouse.migrate()
        gone = await _copied_amid_a_deletion(clickhouse)
        passed, left_out = await clickhouse.query("passed"), await parts_left_out(clickhouse)
    found = {
        "written": len(written[0]),
        "copied": copied == written,
        "moved": moved == written,
        "counted": counted,
        "partitions": partitions,
        "healed": healed,
        "wrong": wrong,
        "unusual": unusual,
        "passed": passed,
        "without": len(without),
        "left_out": left_out,
        "gone": gone,
    }
    sys.stdout.write(json.dumps(found))


async def _copied_amid_a_deletion(clickhouse: ClickHouse) -> list[tuple[Any, ...]]:
    """How many rows came back that retention was about to take when the table was copied."""
    await _run(clickhouse, lambda client: client.command(_GOING))
    await _run(clickhouse, lambda client: client.command(_TAKE, settings={"mutations_sync": 0}))  # as on a server
    await _run(clickhouse, _repeat("036_decisions_by_quarter"))
    return await _rows(clickhouse, _GONE)


def _migrate_to(version: int) -> Callable[[Client], None]:
    def migrate(client: Client) -> None:
        migrator = Migrator(ClickhouseConnectConnection(client))
        migrator.init_schema()
        migrator.apply_migration(MigrationStorage(MIGRATIONS).migrations(), multi_statement=True, to_version=version)

    return migrate


def _begin(name: str) -> Callable[[Client], None]:
    first, *_ = Migrator.script_to_statements((MIGRATIONS / f"{name}.sql").read_text(), True)
    return lambda client: client.command(first)


def _repeat(name: str) -> Callable[[Client], None]:
    def repeat(client: Client) -> None:
        for statement in Migrator.script_to_statements((MIGRATIONS / f"{name}.sql").read_text(), True):
            client.command(statement)

    return repeat


async def _run(clickhouse: ClickHouse, call: Any) -> None:
    await clickhouse._writer.run(call)  # no release does this


async def _told(clickhouse: ClickHouse) -> tuple[list[tuple[Any, ...]], ...]:
    """All that the rows say, and where the records stand that brought them."""
    return await _rows(clickhouse, _ROWS), await _rows(clickhouse, _PLACES)


async def _rows(clickhouse: ClickHouse, text: str) -> list[tuple[Any, ...]]:
    found = await clickhouse._readers.run(lambda client: client.query(text))
    return [*found.result_rows]


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
