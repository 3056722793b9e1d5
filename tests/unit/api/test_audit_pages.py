"""In which order a page's questions are asked, and which are not asked again."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from api.audit_event import COLUMNS
from api.audit_filter import UNFILTERED, Filter
from api.audit_page import Wanted
from api.audit_pages import of_instance, of_organization
from api.audit_search import Search
from api.trail import Recent, Trail, Turns
from sql.clickhouse import TooManyRows
from sql.instants import moment_at

NEWEST = 1_700_000_000_000_000
FREQUENT = replace(UNFILTERED, search=Search.of("rejected"))
#: All of it lies next to the page's place: one look is enough.
_ANYWHERE = replace(UNFILTERED, since=NEWEST - 1)
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
    return trail_of(table)


def trail_of(table: Any) -> Trail:
    return Trail(table, Turns(), "acme", Recent())


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


class AtOnce:
    """Holds events of one microsecond, and finds any of them when it is asked by the time alone."""

    def __init__(self, events: int) -> None:
        self.rows = [_row(offset) for offset in range(events)]
        self.asked: list[frozenset[str]] = []

    async def query(self, name: str, **parameters: Any) -> list[tuple[Any, ...]]:
        self.asked.append(frozenset(parameters) & {"skip", "below"})
        rows = self.rows[::-1] if "skip" in parameters else self.rows
        return rows[: parameters["limit"]]


def _row(offset: int) -> tuple[Any, ...]:
    outcome = "ACCEPTED\nappend\n\n\ncollector"
    terms = "i-1\nprod\ncalls\nl\ngold\n3\n-1\n0"
    cells = {"partition": 0, "offset": offset, "position": 0, "received_at": moment_at(NEWEST)}
    lines = {"outcome": outcome, "terms": terms, "period_series": "\n\n", "unusual": ""}
    counted = {"value": Decimal(1), "uncounted": 0, "after": Decimal(offset + 1), "sequence": offset + 1}
    return tuple({**cells, **lines, **counted, "number": 0, "given_id": "", "metadata": ""}[name] for name in COLUMNS)


@pytest.mark.parametrize(("events", "questions"), [(3, 1), (4, 2), (9, 2)])
async def test_events_of_one_time_at_the_end_of_a_page_are_told_apart_by_their_place(
    events: int, questions: int
) -> None:
    table = AtOnce(events)
    found = await of_instance(trail_of(table), _ANYWHERE, Wanted(3), NEWEST, "i-1")
    assert [event["offset"] for event in found[:3]] == [events - 1, events - 2, events - 3]
    assert (len(found) > 3) == (events > 3)
    assert table.asked == [frozenset(), frozenset({"skip"})][:questions]


async def test_a_page_by_offset_is_one_question() -> None:
    table = AtOnce(9)
    await of_instance(trail_of(table), _ANYWHERE, Wanted(3, skip=2), NEWEST, "i-1")
    assert table.asked == [frozenset({"skip"})]


def test_the_oldest_of_too_many_keys_is_forgotten() -> None:
    recent = Recent(2)
    for key in (1, 2, 3):
        recent.add(key)
    assert [key in recent for key in (1, 2, 3)] == [False, True, True]
