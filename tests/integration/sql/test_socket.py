"""Questions from another process: the same answers, for the same user alone."""

from __future__ import annotations

import stat
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from metering.balance import NOWHERE
from metering.problems import Unavailable
from sql.clickhouse import ClickHouse
from sql.socket import ClickHouseSocket, answering
from stream.records import decode_decided
from stream.rows import COLUMNS, TABLE, rows_of
from tests.decisions_log import NOON, DecisionsLog, report

pytestmark = pytest.mark.integration

PARTITION = 901  # the engine is shared; nobody else is here


@pytest.fixture(scope="module")
async def rows(clickhouse: ClickHouse) -> list[tuple[object, ...]]:
    log = DecisionsLog(partitions=PARTITION + 1)
    for number in range(3):
        log.decide(report("0.25", NOON + timedelta(seconds=number)), report("7"), partition=PARTITION)
    written = [
        row
        for record in log.records[PARTITION]
        for row in rows_of(decode_decided(record.value), record.offset, NOWHERE)
    ]
    await clickhouse.insert(TABLE, COLUMNS, written)
    return written


async def ask(path: Path, since: int, until: int) -> list[list[object]]:
    asking = await ClickHouseSocket.open(path)
    try:
        return await asking.query("partition_rows", partition=PARTITION, since=since, until=until)
    finally:
        await asking.close()


def exact(found: list[object], like: tuple[object, ...]) -> list[object]:
    return [Decimal(str(f)) if isinstance(e, Decimal) else f for f, e in zip(found, like, strict=True)]


async def test_rows_come_as_the_sink_wrote_them(clickhouse: ClickHouse, rows: list[tuple[object, ...]]) -> None:
    found = await clickhouse.query("partition_rows", partition=PARTITION, since=0, until=9)
    assert found == rows


async def test_the_socket_gives_the_same_rows_with_decimals_as_text(
    clickhouse: ClickHouse, rows: list[tuple[object, ...]], tmp_path: Path
) -> None:
    async with answering(clickhouse, tmp_path / "trail.sock"):
        found = await ask(tmp_path / "trail.sock", 1, 1)
    assert [exact(*pair) for pair in zip(found, rows[2:4], strict=True)] == [list(row) for row in rows[2:4]]


async def test_only_its_own_user_may_open_the_socket(clickhouse: ClickHouse, tmp_path: Path) -> None:
    async with answering(clickhouse, tmp_path / "trail.sock"):
        mode = (tmp_path / "trail.sock").stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == stat.S_IRUSR | stat.S_IWUSR


async def test_only_questions_that_there_are_get_an_answer(clickhouse: ClickHouse, tmp_path: Path) -> None:
    async with answering(clickhouse, tmp_path / "trail.sock"):
        asking = await ClickHouseSocket.open(tmp_path / "trail.sock")
        with pytest.raises(Unavailable, match="no question"):
            await asking.query("../migrations/001_decisions")
        assert await asking.query("partition_rows", partition=PARTITION + 1, since=0, until=9) == []
        await asking.close()


async def test_a_socket_left_by_a_killed_process_is_replaced(clickhouse: ClickHouse, tmp_path: Path) -> None:
    path = tmp_path / "trail.sock"
    path.touch()
    async with answering(clickhouse, path):
        assert await ask(path, 100, 101) == []


async def test_where_no_socket_can_be_made_the_rest_works(clickhouse: ClickHouse, tmp_path: Path) -> None:
    too_long = tmp_path / ("x" * 200)
    async with answering(clickhouse, too_long):
        assert not too_long.exists()


async def test_where_nobody_answers_opening_fails(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await ClickHouseSocket.open(tmp_path / "trail.sock")
