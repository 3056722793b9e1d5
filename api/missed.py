"""Missed events: what a stream did not tell while its client was away, read from ClickHouse page by page."""

from __future__ import annotations

import asyncio
import heapq
from collections import defaultdict
from typing import Any, Final

from api.audit_event import named
from api.broadcast import Chunk, block
from api.live_event import Wanted
from metering.balance import Place
from sql.clickhouse import ClickHouse
from stream.position import LogPosition

#: Rows that one page holds at most, over all partitions.
PAGE: Final = 1_000
#: Pages that are read at once: streams that catch up leave readers for everybody else.
_AT_ONCE: Final = 2


class Missed:
    """Reads pages for every stream of this process."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def page(self, wanted: Wanted, since: LogPosition) -> Chunk:
        """What is wanted and comes next after `since`, as far as there are rows. Raises `Unavailable`."""
        async with self._turns:
            until = await self._end()
            if since.covers(until):
                return Chunk(b"", since)
            most = max(1, PAGE // len(until))
            rows = await self._rows(wanted, since, until, most)
        position, blocks = since, []
        for row in heapq.merge(*rows.values(), key=lambda row: row["received_at"]):
            position = position.at(row["partition"], Place(row["offset"], row["position"]))
            if wanted.takes(row):
                blocks.append(block(row, position))
        read_whole = {partition: place for partition, place in until.items() if len(rows[partition]) < most}
        return Chunk(b"".join(blocks), position.joined(LogPosition(read_whole)))

    async def _end(self) -> LogPosition:
        """Where the rows end."""
        return LogPosition({row[0]: Place(*row[1]) for row in await self._clickhouse.query("places")})

    async def _rows(
        self, wanted: Wanted, since: LogPosition, until: LogPosition, most: int
    ) -> defaultdict[int, list[dict[str, Any]]]:
        name, scope = "organization_since", {"organization": wanted.organization_id}
        if wanted.instance_id is not None:
            name, scope = "instance_since", {**scope, "instance": wanted.instance_id}
        filters = {"statuses": sorted(wanted.statuses), "entitlement": wanted.entitlement}
        found: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
        for row in map(
            named, await self._clickhouse.query(name, **scope, **filters, **_range(since, until), limit=most)
        ):
            found[row["partition"]].append(row)
        return found


def _range(since: LogPosition, until: LogPosition) -> dict[str, Any]:
    """The parameters that name what lies between: an array element a partition."""
    partitions = range(max(until) + 1)
    ends = {p: until[p] for p in partitions}
    starts = {p: min(since[p], ends[p]) for p in partitions}
    open_ones = [p for p in partitions if starts[p] < ends[p]]
    return {
        "since_offsets": [starts[p].offset for p in partitions],
        "since_positions": [starts[p].position for p in partitions],
        "until_offsets": [ends[p].offset for p in partitions],
        "until_positions": [ends[p].position for p in partitions],
        "lowest": max(0, min(starts[p].offset for p in open_ones)),
        "highest": max(ends[p].offset for p in open_ones),
    }
