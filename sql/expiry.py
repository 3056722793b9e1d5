"""Expiry: taking events from the audit trail that an organization no longer keeps.

The rows are also the sinks' offsets: the last of each partition of the log stays until there is a later one. What is
taken is noted before it is, for whoever misses a row; killed in between, the next expiry takes what is left.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from sql.clickhouse import ClickHouse
from sql.instants import bounds_of_quarter, micros, moment_at

#: Partition, offset and position.
_Row: TypeAlias = tuple[int, int, int]

log: Final = logging.getLogger(__name__)


async def expire(clickhouse: ClickHouse, wanted: Mapping[str, datetime]) -> dict[str, datetime]:
    """Take every event that was received before an organization's moment. Returns those for whom there was something
    new to take; the rows themselves may go a little later. Raises `ClickHouseError`, `Unavailable`.
    """
    taken = {organization: moment_at(until) for organization, until in await clickhouse.query("expiries")}
    new = {one: until for one, until in wanted.items() if one not in taken or taken[one] < until}
    due = {one: until for one, until in new.items() if await _has_before(clickhouse, one, until)}
    if not due:
        return {}
    for organization, until in due.items():
        await clickhouse.command("note_expiry", organization=organization, until=micros(until))
    last = [(partition, *place) for partition, place, _ in await clickhouse.query("places")]
    await _drop_quarters(clickhouse, taken | due, last)
    for organization, until in due.items():
        log.info("retention takes the audit events of organization %s of before %s", organization, until)
        await clickhouse.command("expire_rows", organization=organization, until=micros(until), last=last)
    return due


async def _has_before(clickhouse: ClickHouse, organization: str, until: datetime) -> bool:
    return bool(await clickhouse.query("has_before", organization=organization, until=micros(until)))


async def _drop_quarters(clickhouse: ClickHouse, expired: Mapping[str, datetime], last: Sequence[_Row]) -> None:
    """Calendar quarters of which nobody keeps anything go without reading a row."""
    held: defaultdict[int, set[str]] = defaultdict(set)
    for quarter, organization in await clickhouse.query("quarters_held", until=micros(max(expired.values()))):
        held[quarter].add(organization)
    for quarter, organizations in sorted(held.items()):
        start, end = bounds_of_quarter(quarter)
        is_over = all(one in expired and expired[one] >= end for one in organizations)
        if is_over and not await clickhouse.query("quarter_holds", quarter=quarter, last=last):
            log.info("retention drops the audit events from %s to before %s", start.date(), end.date())
            await clickhouse.command("drop_quarter", quarter=quarter)
