"""What a stream missed, read from the engine: all of it, once, in log order, and each page from a part of the log."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api import missed
from api.audit_search import Search, Searched
from api.live_event import Wanted, row_of
from api.missed import Missed
from metering.balance import Place
from metering.command import Read
from sql.clickhouse import ClickHouse
from stream.position import LogPosition
from stream.records import audit_events, decode_decided
from stream.rows import COLUMNS, TABLE
from tests.decisions_log import NOON, DecisionsLog, grant, report
from tests.integration.sql.test_clickhouse import rows_in

PARTITIONS, RECORDS = 3, 12
EVERY = frozenset({"ACCEPTED", "REJECTED", "READ"})
FEW = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)

_places = st.builds(Place, st.integers(-1, RECORDS + 1), st.integers(0, 4))


@pytest.fixture(scope="module")
async def log(clickhouse: ClickHouse) -> DecisionsLog:
    """One instance's records in three partitions, received in no strict order, as by several clocks."""
    chance, held_against = random.Random(5), grant(organization_id=str(uuid4()), limit=Decimal(9))
    log = DecisionsLog(PARTITIONS, held_against=held_against)
    for number in range(RECORDS * PARTITIONS):
        moment = NOON + timedelta(milliseconds=number * 10 + chance.randrange(300))
        commands = [report("1", moment, metadata=b'{"no":"%d"}' % number) for _ in range(chance.randrange(1, 5))]
        log.decide(*commands, Read(moment, "reader"), partition=number % PARTITIONS)
    await clickhouse.insert(TABLE, COLUMNS, rows_in(log))
    return log


def naive(log: DecisionsLog, wanted: Wanted, since: LogPosition) -> list[tuple[int, Place]]:
    """The wanted events' places behind `since`, partition by partition."""
    records = (record for partition in log.records for record in partition)
    events = (event for record in records for event in audit_events(decode_decided(record.value)))
    return [
        (event.partition, event.place)
        for event in events
        if event.place > since[event.partition] and wanted.is_about(event) and wanted.takes(Searched(row_of(event)))
    ]


async def told(clickhouse: ClickHouse, wanted: Wanted, since: LogPosition) -> tuple[list[tuple[int, Place]], int]:
    """The places of the events that all pages tell, partition by partition, and the most that one page told."""
    pages, found, most = Missed(clickhouse).pages(wanted), [], 0
    while (chunk := await pages.after(since)).position != since:
        assert chunk.position.covers(since)
        places = [_place(line) for line in chunk.blocks.splitlines() if line.startswith(b"data: ")]
        assert all(chunk.position[partition] >= place for partition, place in places)
        found += places
        since, most = chunk.position, max(most, len(places))
    return sorted(found, key=lambda at: at[0]), most


def _place(line: bytes) -> tuple[int, Place]:
    partition, offset, position = json.loads(line.removeprefix(b"data: "))["id"].split("-")
    return int(partition), Place(int(offset), int(position))


@FEW
@given(
    since=st.dictionaries(st.integers(0, PARTITIONS - 1), _places).map(LogPosition),
    page=st.integers(5, 60),
    span=st.integers(1, 60),
    filters=st.sampled_from([{}, {"token": "reader"}, {"search": Search.of("accepted 9")}, {"entitlement": "none"}]),
)
async def test_everything_behind_a_position_is_told_once_and_in_log_order(
    clickhouse: ClickHouse, log: DecisionsLog, since: LogPosition, page: int, span: int, filters: dict[str, Any]
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(missed, "PAGE", page)
        patched.setattr(missed, "_FIRST_SPAN", span)
        for instance in (None, "prod-id"):
            wanted = Wanted(log.held_against.organization_id, instance, EVERY, **filters)
            found, most = await told(clickhouse, wanted, since)
            assert found == naive(log, wanted, since)
            assert most <= page


async def test_who_comes_back_amid_a_page_gets_the_rest(clickhouse: ClickHouse, log: DecisionsLog) -> None:
    wanted = Wanted(log.held_against.organization_id, None, EVERY)
    chunk = await Missed(clickhouse).pages(wanted).after(LogPosition())
    ids = [line.removeprefix(b"id: ").decode() for line in chunk.blocks.splitlines() if line.startswith(b"id: ")]
    everything = naive(log, wanted, LogPosition())
    for heard in (1, 17, len(ids) - 1):
        rest = naive(log, wanted, LogPosition.parse(ids[heard - 1]))
        assert len(rest) == len(everything) - heard


async def test_an_organization_that_catches_up_a_lot_leaves_turns_to_another() -> None:
    table = _Slow()
    pages = Missed(table)  # type: ignore[arg-type]
    wanted = [Wanted(organization, None, EVERY) for organization in ["greedy"] * 20 + ["modest"]]
    reading = [asyncio.create_task(pages.pages(one).after(LogPosition())) for one in wanted]
    await reading[-1]
    assert sum(task.done() for task in reading) < 5
    for task in reading[:-1]:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)


class _Slow:
    """A table that answers in its own time."""

    async def query(self, name: str, **_: object) -> Sequence[tuple[Any, ...]]:
        await asyncio.sleep(0.001)
        return [(0, (10**9, 0), 10**9)] if name == "places" else []
