"""A sink in a process of its own: `python -m tests.integration.sql.copying DIRECTORY copy|recount`.

The log is the same in every run: some of its records come twice, and one spans two quarters. `copy` prints the highest
offset each time that more of it is in the table; `recount` prints what the rows are.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta

from sql.clickhouse import ClickHouse, open_clickhouse
from stream import lane
from tests.decisions_log import DecisionsLog, report, running

RECORDS = 400
PARTITIONS = 3
_NEWYEAR = datetime(2027, 1, 1, tzinfo=UTC)
_RECOUNT = """
SELECT count(), uniqExact(partition, offset, position), uniqExact(partition), min(offset), max(offset), sum(position)
FROM decisions
"""


def history() -> DecisionsLog:
    log = DecisionsLog(partitions=PARTITIONS)
    for number in range(RECORDS):
        moment = _NEWYEAR + timedelta(minutes=number - RECORDS // 2)
        for partition in range(PARTITIONS):
            log.decide(
                *(report(received_at=moment + timedelta(seconds=30 * at)) for at in range(4)), partition=partition
            )
            if number % 50 == 49:
                log.repeat(len(log.records[partition]) - 20, len(log.records[partition]) - 1, partition)
    return log


def tell(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


async def copy(clickhouse: ClickHouse) -> None:
    lane.PACE_SECONDS, lane.MOST_WAITING = 0.0, 1  # many small parts, many places to die
    seen = -1
    async with running(history(), clickhouse, most_a_poll=10) as copying:
        while min(copying.complete_to.values(), default=-1) < RECORDS - 1 or len(copying.complete_to) < PARTITIONS:
            await asyncio.sleep(0.005)
            if (highest := max(copying.complete_to.values(), default=-1)) > seen:
                seen = highest
                tell(seen)
    tell("done")


async def recount(clickhouse: ClickHouse) -> None:
    rows = await clickhouse._readers.run(lambda client: client.query(_RECOUNT).result_rows)
    tell(json.dumps(rows[0]))


async def main(directory: str, what: str) -> None:
    async with open_clickhouse(f"chdb://{directory}") as clickhouse:
        await clickhouse.migrate()
        await {"copy": copy, "recount": recount}[what](clickhouse)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
