"""Pages over a long time: busy stretches and quiet months between them, walked to the end and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import accumulate
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api import audit_pages
from sql.clickhouse import ClickHouse
from sql.instants import END, EPOCH
from stream.rows import COLUMNS, TABLE, parts
from tests.decisions_log import NOON, DecisionsLog, grant, report
from tests.integration.sql.test_audit_trail import PATH
from tests.integration.sql.test_clickhouse import rows_in
from tests.integration.sql.trail import pages, trail_client

FEW = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
DAY = 86_400
_pauses = st.lists(st.sampled_from([0, 1, 899, 40_000, 3 * DAY, 10 * DAY, 40 * DAY]), min_size=1, max_size=25)


@FEW
@given(
    pauses=_pauses,
    limit=st.integers(1, 6),
    only=st.sampled_from([{}, {"status": "ACCEPTED"}, {"q": "collector"}]),
    few=st.sampled_from([1, audit_pages.FEW_ROWS]),
    near=st.sampled_from([1, audit_pages.NEAR_ROWS]),
)
async def test_a_walk_over_months_meets_each_event_once_both_ways(
    clickhouse: ClickHouse, pauses: list[int], limit: int, only: dict[str, str], few: int, near: int
) -> None:
    log = DecisionsLog(3, held_against=grant(organization_id=str(uuid4())))
    for number, seconds in enumerate(accumulate(pauses)):
        moment = NOON + timedelta(seconds=seconds)
        log.decide(*(report(received_at=moment) for _ in range(1 + number % 3)), partition=number * 2 % 3)
    rows = rows_in(log)
    for part in parts(rows):
        await clickhouse.insert(TABLE, COLUMNS, part)
    ids = ["-".join(map(str, place)) for _, *place in sorted(row[:4] for row in rows)]  # type: ignore[type-var]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(audit_pages, "FEW_ROWS", few)
        patched.setattr(audit_pages, "FEW_OF_INSTANCE", few)
        patched.setattr(audit_pages, "NEAR_ROWS", near)
        await _walk(clickhouse, log.held_against.organization_id, ids[::-1], limit, only)


@pytest.mark.parametrize("first", [EPOCH, datetime(2255, 6, 5, 23, tzinfo=UTC), END - timedelta(days=2)])
async def test_the_first_and_the_last_events_that_there_can_be_stand_in_pages(
    clickhouse: ClickHouse, first: datetime
) -> None:
    log = DecisionsLog(held_against=grant(organization_id=str(uuid4())))
    moments = [first + timedelta(hours=number) for number in range(4)]
    log.decide(*(report(received_at=moment) for moment in moments))
    for part in parts(rows_in(log)):
        await clickhouse.insert(TABLE, COLUMNS, part)
    ids = [f"0-0-{position}" for position in (3, 2, 1, 0)]
    await _walk(clickhouse, log.held_against.organization_id, ids, 2, {})
    for name, found in (("after", ids[:3]), ("before", ids[2:])):
        async with trail_client(clickhouse, log.held_against.organization_id) as client:
            page = (await client.get("/audit-trails", params={name: moments[1].isoformat()})).json()
        assert [item["id"] for item in page["items"]] == found


async def _walk(clickhouse: ClickHouse, organization: str, ids: list[str], limit: int, only: dict[str, str]) -> None:
    async with trail_client(clickhouse, organization) as client:
        for path in (PATH, "/audit-trails"):
            onward = await pages(client, path, limit=limit, **only)
            assert [item["id"] for page in onward for item in page] == ids
            skipped = sum(map(len, onward[:-1]))
            page = (await client.get(path, params={"limit": limit, "offset": skipped, **only})).json()
            back = [page["items"]]
            while page["previousCursor"] is not None:
                page = (
                    await client.get(path, params={"limit": limit, "cursor": page["previousCursor"], **only})
                ).json()
                back.append(page["items"])
            assert back[::-1] == onward
