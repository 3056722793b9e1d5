"""How far an answer is complete, and waiting until it is, over a table that is told what to hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Response

import api.freshness
import api.problems
from api.freshness import HEADER, Freshness, Visible, fresh_router
from catalog.principal import Principal
from metering.balance import Place
from metering.problems import NotYetVisible, ResourceNotFound, Unauthenticated, Unavailable

NOON = datetime(2026, 11, 5, 12, 0, 0, 120_000, tzinfo=UTC)


class Table:
    """Ends with these rows, and counts the looks, and how often it was read where it ends."""

    def __init__(self, *rows: tuple[int, tuple[int, int], datetime]) -> None:
        self.rows = [*rows]
        self.passed: list[tuple[int, tuple[int, int], tuple[int, int], int]] = []
        self.inserts = len(rows)
        self.asked = self.read = 0
        self.away = self.broken = False
        self.changes: int | None = None  # others can add rows

    async def query(self, name: str) -> list[tuple[Any, ...]]:
        if name == "passed":  # by every look
            self.asked += 1
            await asyncio.sleep(0)
            if self.away:
                raise Unavailable("away")
            return self.passed
        if name == "last_insert":
            return [(self.inserts,)]
        assert name == "complete_to"
        self.read += 1
        if self.broken:
            raise Unavailable("broken")
        return self.rows

    def add(self, *rows: tuple[int, tuple[int, int], datetime]) -> None:
        """One INSERT more, and what each partition ends with now."""
        self.rows, self.inserts = [*rows], self.inserts + 1


class Authenticator:
    async def admit(self, authorization: str | None) -> Principal:
        if not authorization:
            raise Unauthenticated("Who are you?")
        return Principal("acme", "a", "a", "t", "t", frozenset({"read:instances"}))


router = fresh_router("things")


@router.get("/things", operation_id="ListThings")
async def things() -> Response:
    return Response("here")


@router.get("/things/none", operation_id="GetThing")
async def nothing() -> Response:
    raise ResourceNotFound("Thing", "none")


def freshness(table: Any, wait: float = 5.0) -> Freshness:
    return Freshness(table, wait)


@asynccontextmanager
async def reading(table: Any) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(router, prefix="/api")
    api.problems.install(app)
    app.state.clickhouse, app.state.catalog = table, SimpleNamespace(authenticator=Authenticator())
    transport, headers = httpx.ASGITransport(app), {"Authorization": "Bearer t"}
    async with httpx.AsyncClient(transport=transport, base_url="http://t/api", headers=headers) as client:
        yield client


async def test_every_answer_says_up_to_which_decision_of_each_partition_it_is_complete() -> None:
    async with reading(Table((1, (99, 0), NOON), (0, (1234, 7), NOON))) as client:
        told = (await client.get("/things")).headers[HEADER]
    assert told == "0-1234-7,1-99-0;received_at=2026-11-05T12:00:00.120000Z"


async def test_so_does_a_problem() -> None:
    async with reading(Table((0, (1, 0), NOON))) as client:
        refused = await client.get("/things/none")
    assert (refused.status_code, refused.headers[HEADER].partition(";")[0]) == (404, "0-1-0")


async def test_of_an_empty_trail_there_is_none() -> None:
    async with reading(Table()) as client:
        assert (await client.get("/things")).headers[HEADER] == "none"


async def test_an_answer_waits_for_the_decision_that_it_is_to_hold() -> None:
    table = Table((0, (1, 0), NOON))
    async with reading(table) as client:
        waiting = asyncio.create_task(client.get("/things", params={"after_decision": "0-1-1"}))
        await asyncio.wait([waiting], timeout=0.05)
        assert not waiting.done()
        table.add((0, (2, 0), NOON))
        assert (await waiting).headers[HEADER].startswith("0-2-0")


async def test_a_decision_that_does_not_come_is_unavailable_and_says_when_to_ask_again() -> None:
    with pytest.raises(NotYetVisible, match="0-2-0") as refused:
        await freshness(Table((0, (1, 9), NOON)), wait=0.01).visible_with("0-2-0")
    assert refused.value.headers["Retry-After"]


@pytest.mark.parametrize("wrong", ["", "1", "1-2", "1-2-3-4", "a-b-c", "-1-2-3", "1-2-٣", "1-2-3 "])
async def test_what_is_no_decisions_id_is_refused_at_its_place(wrong: str) -> None:
    async with reading(Table()) as client:
        refused = await client.get("/things", params={"after_decision": wrong})
    assert (refused.status_code, refused.json()["errors"][0]["location"]) == (422, "query.after_decision")


async def test_nobody_waits_without_a_token() -> None:
    async with reading(table := Table()) as client:
        refused = await client.get("/things", params={"after_decision": "0-1-1"}, headers={"Authorization": ""})
    assert (refused.status_code, table.asked) == (401, 0)


async def test_all_who_ask_at_once_ask_the_table_once() -> None:
    table = Table((0, (1, 0), NOON))
    asked = freshness(table)
    found = await asyncio.gather(*(asked.visible() for _ in range(100)))
    assert set(map(str, found)) == {str(Visible({0: Place(1, 0)}, NOON))}
    assert table.asked == 1


async def test_a_look_that_takes_long_is_shared_by_all_who_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOOK_EVERY", "LOOK_FOR_EVERY", "KNOWN_FOR"):
        monkeypatch.setattr(api.freshness, name, 0.0)  # any look takes longer
    table = Table((0, (1, 0), NOON))
    asked = freshness(table)
    await asyncio.gather(*(asked.visible() for _ in range(100)))
    assert table.asked == 1
    table.away = True
    failed = await asyncio.gather(*(asked.visible() for _ in range(100)), return_exceptions=True)
    assert {type(one) for one in failed} == {Unavailable}
    assert table.asked == 2


async def test_nobody_waits_for_a_look_at_what_was_known_a_moment_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.freshness, "LOOK_EVERY", 0.0)
    table = Table((0, (1, 0), NOON))
    asked = freshness(table)
    await asked.visible()
    table.add((0, (2, 0), NOON))
    assert (await asked.visible()).places == {0: Place(1, 0)}
    await _all_done()
    assert (await asked.visible()).places == {0: Place(2, 0)}


async def test_a_look_ahead_that_fails_fails_no_answer_but_the_first_that_has_to_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(api.freshness, "LOOK_EVERY", 0.0)
    table = Table((0, (1, 0), NOON))
    asked = freshness(table)
    await asked.visible()
    table.away = True
    for _ in range(3):
        assert (await asked.visible()).places == {0: Place(1, 0)}
        await _all_done()
    monkeypatch.setattr(api.freshness, "KNOWN_FOR", 0.0)
    with pytest.raises(Unavailable):
        await asked.visible()


@pytest.mark.usefixtures("always_looked")
async def test_where_nobody_else_writes_nothing_is_asked_until_something_was_written() -> None:
    table = Table((0, (1, 0), NOON))
    table.changes = 7
    asked = freshness(table)
    for _ in range(3):
        await asked.visible()
    assert table.asked == 1
    table.add((0, (2, 0), NOON))
    table.changes = 8
    assert (await asked.visible_with("0-2-0")).places == {0: Place(2, 0)}
    assert table.asked == 2


@pytest.mark.usefixtures("always_looked")
async def test_what_is_written_during_a_look_or_before_one_that_fails_is_looked_for_again() -> None:
    table = Table((0, (1, 0), NOON))
    table.changes = 7
    asked = freshness(table)
    table.away = True
    with pytest.raises(Unavailable):
        await asked.visible()
    table.away, looks = False, table.asked
    looking = asyncio.create_task(asked.visible())
    while table.asked == looks:
        await asyncio.sleep(0)
    table.changes = 8
    await looking
    table.add((0, (2, 0), NOON))
    assert (await asked.visible_with("0-2-0")).places == {0: Place(2, 0)}


async def _all_done() -> None:
    """Let everything go on that was begun beside the test."""
    await asyncio.wait([*asyncio.all_tasks() - {asyncio.current_task()}])


async def test_what_was_passed_behind_the_last_row_can_be_read_and_no_other() -> None:
    table = Table((0, (1, 9), NOON), (1, (5, 0), NOON))
    table.passed = [(0, (1, 9), (4, 2), 7), (1, (4, 0), (9, 9), 3), (2, (-1, -1), (3, 1), 2)]
    visible = await freshness(table).visible()
    assert visible.places == {0: Place(4, 2), 1: Place(5, 0), 2: Place(3, 1)}


@pytest.fixture
def always_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOOK_EVERY", "LOOK_FOR_EVERY", "KNOWN_FOR"):
        monkeypatch.setattr(api.freshness, name, 0.0)


@pytest.mark.usefixtures("always_looked")
async def test_where_rows_end_is_read_again_when_any_were_added() -> None:
    table = Table((0, (1, 9), NOON))
    asked = freshness(table)
    await asked.visible()
    table.passed = [(0, (1, 9), (4, 2), 7)]
    assert (await asked.visible()).places == {0: Place(4, 2)}
    assert (table.asked, table.read) == (2, 1)
    table.add((0, (5, 0), NOON))
    assert (await asked.visible()).places == {0: Place(5, 0)}
    assert (table.asked, table.read) == (3, 2)


@pytest.mark.usefixtures("always_looked")
async def test_what_a_look_that_failed_midway_missed_is_seen_by_the_next() -> None:
    table = Table((0, (1, 9), NOON))
    asked = freshness(table)
    await asked.visible()
    table.add((0, (5, 0), NOON))
    table.broken = True
    with pytest.raises(Unavailable):
        await asked.visible()
    table.broken = False
    assert (await asked.visible()).places == {0: Place(5, 0)}


@pytest.mark.usefixtures("always_looked")
async def test_where_a_row_is_waited_for_nothing_else_is_trusted() -> None:
    table = Table((0, (1, 9), NOON))
    asked = freshness(table)
    await asked.visible()
    table.rows = [(0, (2, 0), NOON)]  # of another replica, say
    assert (await asked.visible_with("0-2-0")).places == {0: Place(2, 0)}
    assert (await asked.visible()).places == {0: Place(2, 0)}


async def test_a_table_that_is_away_is_asked_again_by_the_next_caller() -> None:
    table = Table((0, (1, 0), NOON))
    asked = freshness(table)
    table.away = True
    with pytest.raises(Unavailable):
        await asked.visible()
    table.away = False
    assert (await asked.visible()).holds(0, Place(1, 0))


def test_the_header_and_the_wait_are_documented_on_every_route() -> None:
    app = FastAPI()
    app.include_router(router)
    for path in ("/things", "/things/none"):
        operation = app.openapi()["paths"][path]["get"]
        assert HEADER in operation["responses"]["200"]["headers"]
        assert "after_decision" in {parameter["name"] for parameter in operation["parameters"]}
