"""What becomes of the errors that ClickHouse's client raises."""

from __future__ import annotations

from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, InterfaceError, OperationalError

from metering.problems import Unavailable
from sql.clickhouse import ClickHouse


class Failing:
    """A client whose every question ends in `error`."""

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
