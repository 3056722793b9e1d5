"""Transaction ids in the table: what the edge made is kept as numbers, and comes back as it came, like any other."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metering.transaction import Series, generate
from sql.clickhouse import ClickHouse
from stream.rows import COLUMNS, TABLE
from tests.decisions_log import NOON, report
from tests.integration.sql.test_audit_trail import PATH
from tests.integration.sql.test_clickhouse import log_of, rows_in, trail_of
from tests.integration.sql.trail import pages, trail_client

FEW = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
SECOND = f"tdm:{int(NOON.timestamp()):08x}."
MADE = generate(NOON, "00ff" * 8)
#: Each nearly an id that the edge made at noon.
NEARLY = [
    generate(NOON - timedelta(seconds=1), "00ff" * 8),  # retried later
    generate(NOON, "00FF" * 8),
    SECOND.upper() + "0" * 32,
    SECOND + "1_0" + "0" * 29,
    SECOND + "0" * 31,
    SECOND + "0" * 33,
    SECOND + "0" * 31 + "g",
    SECOND.replace(".", ":") + "0" * 32,
    "x" + MADE,
    MADE + "x",
    "tdm:",
]
_made = st.integers(0, 16**32 - 1).map(lambda drawn: generate(NOON, f"{drawn:032x}"))
_given = st.text("abcdefABCDEF0189._:-", min_size=1, max_size=128)


@FEW
@given(ids=st.lists(st.none() | _made | _given | st.sampled_from(NEARLY), min_size=1, max_size=12, unique=True))
async def test_an_id_comes_back_as_it_came_in_pages_and_in_the_view(
    clickhouse: ClickHouse, ids: list[str | None]
) -> None:
    log = log_of(str(uuid4()))
    log.decide(
        *(report(received_at=NOON + timedelta(microseconds=at), transaction_id=id_) for at, id_ in enumerate(ids))
    )
    await clickhouse.insert(TABLE, COLUMNS, rows_in(log))
    organization = log.held_against.organization_id
    assert [row["transaction_id"] for row in await trail_of(clickhouse, organization)][::-1] == ids
    viewed = "SELECT transaction_id FROM audit_events_v1 WHERE organization_id = {o:String} ORDER BY received_at"
    found = await clickhouse._readers.run(lambda client: client.query(viewed, {"o": organization}).result_rows)
    assert [id_ for (id_,) in found] == ids


@pytest.mark.parametrize("id_", [MADE, *NEARLY])
async def test_an_id_is_found_whole_and_no_other_for_it(clickhouse: ClickHouse, id_: str) -> None:
    log = log_of(str(uuid4()))
    ids = [MADE, *NEARLY]
    log.decide(*(report(received_at=NOON, transaction_id=one) for one in ids))
    await clickhouse.insert(TABLE, COLUMNS, rows_in(log))
    async with trail_client(clickhouse, log.held_against.organization_id) as client:
        for path in (PATH, "/audit-trails"):
            ((found,),) = await pages(client, path, transactionId=id_)
            assert found["payload"]["transaction_id"] == id_


async def test_what_the_edge_makes_is_kept_as_a_series_and_a_number(clickhouse: ClickHouse) -> None:
    log, series = log_of(str(uuid4())), Series()
    made = [generate(NOON, next(series)) for _ in range(3)]
    log.decide(*(report(received_at=NOON, transaction_id=id_) for id_ in (*made, "t-1", None)))
    await clickhouse.insert(TABLE, COLUMNS, rows_in(log))
    kept = "SELECT series, number, given_id FROM decisions WHERE organization_id = {o:String} ORDER BY position"
    organization = log.held_against.organization_id
    found = await clickhouse._readers.run(lambda client: client.query(kept, {"o": organization}).result_rows)
    drawn = made[0][13:33]
    assert [*found] == [(drawn, 0, ""), (drawn, 1, ""), (drawn, 2, ""), ("", 0, "t-1"), ("", 0, "")]
