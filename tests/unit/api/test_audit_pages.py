"""In which order a page's questions are asked, and which are not asked again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from api.audit_filter import UNFILTERED, Filter
from api.audit_page import Wanted
from api.audit_pages import of_instance, of_organization
from api.audit_search import Search
from api.trail import Recent, Trail, Turns
from sql.clickhouse import TooManyRows

NEWEST = 1_700_000_000_000_000
FREQUENT = replace(UNFILTERED, search=Search.of("rejected"))
MONTH = {"since": NEWEST - 31 * 86_400_000_000}
HOUR = {"since": NEWEST - 3_600_000_000}


class Everywhere:
    """Holds no event, but so many rows that not everything can be looked at."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def query(self, name: str, **parameters: Any) -> list[tuple[Any, ...]]:
        return self._noted("whatever it costs", parameters)

    async def query_few(self, most_rows: int, name: str, **parameters: Any) -> list[tuple[Any, ...]]:
        found = self._noted("few", parameters)
        if "since" not in parameters:
            raise TooManyRows
        return found

    def _noted(self, how: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        self.asked.append((how, {name: value for name, value in parameters.items() if name == "since"}))
        return []


@pytest.fixture
def table() -> Everywhere:
    return Everywhere()


@pytest.fixture
def trail(table: Everywhere) -> Trail:
    return Trail(table, Turns(), "acme", Recent())  # type: ignore[arg-type]


async def test_what_is_everywhere_is_looked_for_next_to_the_page_then_in_order(trail: Trail, table: Everywhere) -> None:
    await of_instance(trail, FREQUENT, Wanted(), NEWEST, "i-1")
    assert table.asked == [("few", {}), ("whatever it costs", MONTH), ("whatever it costs", {})]


async def test_what_was_asked_in_vain_is_not_asked_again(trail: Trail, table: Everywhere) -> None:
    for _ in range(2):
        table.asked.clear()
        await of_instance(trail, FREQUENT, Wanted(), NEWEST, "i-1")
    assert table.asked == [("whatever it costs", MONTH), ("whatever it costs", {})]
    for _ in range(2):
        table.asked.clear()
        await of_organization(trail, FREQUENT, Wanted(), NEWEST)
    assert table.asked[:2] == [("few", HOUR), ("whatever it costs", {"since": NEWEST - 64 * 3_600_000_000})]


@pytest.mark.parametrize(
    ("only", "instance", "organization"),
    [
        (replace(FREQUENT, search=Search.of("accepted")), "i-1", "acme"),
        (replace(FREQUENT, token="collector"), "i-1", "acme"),
        (FREQUENT, "i-2", "acme"),
        (FREQUENT, "i-1", "other"),
    ],
)
async def test_another_question_is_asked_nevertheless(
    trail: Trail, table: Everywhere, only: Filter, instance: str, organization: str
) -> None:
    await of_instance(trail, FREQUENT, Wanted(), NEWEST, "i-1")
    table.asked.clear()
    await of_instance(replace(trail, organization_id=organization), only, Wanted(), NEWEST, instance)
    assert table.asked[0] == ("few", {})


async def test_of_an_organization_what_is_next_to_the_page_is_asked_for_first_where_everything_is_wanted(
    trail: Trail, table: Everywhere
) -> None:
    await of_organization(trail, UNFILTERED, Wanted(), NEWEST)
    assert table.asked[:2] == [("few", HOUR), ("few", {})]
    table.asked.clear()
    await of_organization(trail, UNFILTERED, Wanted(), NEWEST, "prod")
    assert table.asked[:2] == [("few", {}), ("few", HOUR)]


async def test_what_no_index_tells_of_is_not_looked_for_everywhere_first(trail: Trail, table: Everywhere) -> None:
    await of_instance(trail, UNFILTERED, Wanted(), NEWEST, "i-1")
    assert table.asked == [("whatever it costs", MONTH), ("whatever it costs", {})]


def test_the_oldest_of_too_many_keys_is_forgotten() -> None:
    recent = Recent(2)
    for key in (1, 2, 3):
        recent.add(key)
    assert [key in recent for key in (1, 2, 3)] == [False, True, True]
