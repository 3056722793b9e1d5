"""What becomes of the errors that ClickHouse's client raises."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, InterfaceError, OperationalError

import sql.migrate
from metering.problems import Unavailable
from sql.clickhouse import ClickHouse, Moved
from sql.migrate import _ADD, _WRITE_ANEW
from sql.native import Blocks


class Failing:
    """A client whose every question ends in `error`."""

    uri = "http://clickhouse:8123"

    def __init__(self, error: Exception) -> None:
        self._error = error

    def query(self, *_: Any, **__: Any) -> Any:
        raise self._error

    def close(self) -> None: ...


async def asked(error: Exception) -> None:
    client: Any = Failing(error)
    async with ClickHouse(client, [client]) as clickhouse:
        await clickhouse.query("places")


@pytest.mark.parametrize("away", [OperationalError("Network Error"), InterfaceError("gone")])
async def test_a_server_that_is_away_is_unavailable_and_says_when_to_come_back(away: Exception) -> None:
    with pytest.raises(Unavailable) as refused:
        await asked(away)
    assert refused.value.headers["Retry-After"]


async def test_a_question_that_costs_too_much_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="more time or memory"):
        await asked(DatabaseError("too long", code=159))


async def test_a_question_that_is_wrong_stays_an_error_of_ours() -> None:
    with pytest.raises(DatabaseError, match="no such column"):
        await asked(DatabaseError("no such column", code=47))


class Copying:
    """A server on which another process's migration copies rows."""

    uri = "http://clickhouse:8123"

    def command(self, _: str, __: object) -> int:
        return 1

    def close(self) -> None: ...


async def test_no_migration_begins_beside_another_that_copies() -> None:
    copying: Any = Copying()
    async with ClickHouse(copying, [copying]) as clickhouse:
        with pytest.raises(OperationalError, match="another process copies"):
            await clickhouse.migrate()


class Taking:
    """A client that takes an INSERT as a server or the embedded engine would, and keeps it."""

    def __init__(self, uri: str, error: Exception | None = None) -> None:
        self.uri = uri
        self.text, self.parameters, self.block, self.settings = "", {}, b"", {}
        self._error = error

    def create_insert_context(self, _: str, names: list[str]) -> Any:
        return SimpleNamespace(column_types=[SimpleNamespace(name="DateTime64(6, 'UTC')") for _ in names])

    def command(self, text: str, parameters: dict[str, Any], *, settings: dict[str, Any], data: bytes = b"") -> None:
        if self._error is not None:
            raise self._error
        self.text, self.parameters, self.settings = text, parameters, settings
        self.block = data or Path(parameters["path"]).read_bytes()

    def close(self) -> None: ...


async def appended(taking: Any) -> Any:
    async with ClickHouse(taking, [taking]) as clickhouse:
        await clickhouse.append("decisions", ["t"], [[1]], token="here", lane=[0], ends=[])
    return taking


@pytest.mark.parametrize("uri", ["http://127.0.0.1:8123", "chdb:///data"])
async def test_rows_are_appended_behind_an_end_by_server_and_engine_alike(uri: str) -> None:
    taken = await appended(Taking(uri))
    assert taken.settings == {"insert_deduplication_token": "here"}
    assert (taken.parameters["lane"], taken.parameters["ends"]) == ([0], [])
    assert "throwIf" in taken.text
    assert taken.block == Blocks(["t"], ["DateTime64(6, 'UTC')"]).block([[1]])


async def test_a_server_is_told_the_columns_in_the_statement_and_the_rows_behind_it() -> None:
    taken = await appended(Taking("https://there"))
    assert r"FROM input('`t` DateTime64(6, \'UTC\')')" in taken.text
    assert taken.text.endswith("FORMAT Native")


async def test_an_insert_that_does_not_begin_where_the_rows_end_says_so() -> None:
    with pytest.raises(Moved):
        await appended(Taking("http://there", DatabaseError("moved", code=395)))
    with pytest.raises(DatabaseError, match="full"):
        await appended(Taking("http://there", DatabaseError("full", code=243)))


class WritingAnew:
    """A server that answers with these rows, a look each: of `system.mutations` first."""

    uri = "http://clickhouse:8123"

    def __init__(self, *looks: list[tuple[Any, ...]]) -> None:
        self._looks = [*looks]
        self.commands: list[str] = []

    def query(self, _: str, parameters: object = None) -> Any:
        return SimpleNamespace(result_rows=self._looks.pop(0))

    def command(self, text: str) -> None:
        self.commands.append(text)

    def close(self) -> None: ...


async def test_of_a_server_others_may_change_anything_at_any_time() -> None:
    server: Any = WritingAnew()
    async with ClickHouse(server, [server]) as clickhouse:
        assert clickhouse.changes is None


@pytest.fixture
def migrated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql.migrate, "_migrate", lambda _: False)


@pytest.mark.usefixtures("migrated")
async def test_nothing_is_asked_before_all_rows_have_the_columns_that_are_asked_for() -> None:
    server: Any = WritingAnew(
        [("MATERIALIZE COLUMN terms", 2, "")], [("MATERIALIZE COLUMN terms", 1, "")], [], [(0,)], []
    )
    async with ClickHouse(server, [server]) as clickhouse:
        await clickhouse.migrate()
    assert server._looks == []


@pytest.mark.usefixtures("migrated")
@pytest.mark.parametrize(
    ("rows", "parts", "commands"),
    [(0, 0, []), (3, 0, [_WRITE_ANEW]), (0, 1, [_ADD]), (3, 1, [_WRITE_ANEW, _ADD])],
)
async def test_rows_of_an_insert_that_began_before_are_written_anew_when_it_is_over(
    monkeypatch: pytest.MonkeyPatch, rows: int, parts: int, commands: list[str]
) -> None:
    monkeypatch.setattr(sql.migrate, "_migrate", lambda _: True)
    server: Any = WritingAnew([("MATERIALIZE COLUMN terms", 1, "")], [], [(1,)], [(0,)], [(rows,)], [(parts,)], [])
    async with ClickHouse(server, [server]) as clickhouse:
        await clickhouse.migrate()
    assert (server._looks, server.commands) == ([], commands)


@pytest.mark.usefixtures("migrated")
async def test_parts_that_one_who_was_killed_left_without_the_projection_get_it_at_the_next_start() -> None:
    server: Any = WritingAnew([], [(2,)], [("MATERIALIZE PROJECTION usage_hours", 2, "")], [])
    async with ClickHouse(server, [server]) as clickhouse:
        await clickhouse.migrate()
    assert (server._looks, server.commands) == ([], [_ADD])


@pytest.mark.usefixtures("migrated")
async def test_columns_that_cannot_be_written_anew_are_an_error() -> None:
    server: Any = WritingAnew([("MATERIALIZE COLUMN terms", 2, "no space left")])
    async with ClickHouse(server, [server]) as clickhouse:
        with pytest.raises(OperationalError, match="no space left"):
            await clickhouse.migrate()
