"""Pages of what was found by its time alone: as if told apart by the place in the log, or not told at all."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import assume, given
from hypothesis import strategies as st

from api.audit_page import TOP, Cursor, Wanted
from sql.instants import moment_at

Row = dict[str, object]


def row(time: int, partition: int, offset: int, position: int = 0) -> Row:
    return {"received_at": moment_at(time), "partition": partition, "offset": offset, "position": position}


_places = st.tuples(st.integers(0, 6), st.integers(0, 1), st.integers(0, 3), st.integers(0, 1))
_tables = st.lists(_places, unique=True, max_size=20)


def found_by_time(table: Sequence[tuple[int, int, int, int]], wanted: Wanted) -> list[Row]:
    """As the engine finds it: of events of one time it takes whichever it likes, here as they stand in the table."""
    asked = wanted.by_time
    oldest, newest = asked.get("newer_than", 0), asked.get("older_than", TOP.time)
    of_time = [place for place in table if oldest <= place[0] <= newest]
    ordered = sorted(of_time, key=lambda place: place[0], reverse=not wanted.is_newer)
    return [row(*place) for place in ordered[: asked["limit"]]]


def exactly(table: Sequence[tuple[int, int, int, int]], wanted: Wanted) -> list[Row]:
    behind = [place for place in table if (place > wanted.cursor if wanted.is_newer else place < wanted.cursor)]
    return [row(*place) for place in sorted(behind, reverse=not wanted.is_newer)]


@given(table=_tables, limit=st.integers(1, 5), cursor=_places | st.none(), is_newer=st.booleans())
def test_a_page_by_time_is_the_exact_one_or_none(
    table: list[tuple[int, int, int, int]], limit: int, cursor: tuple[int, int, int, int] | None, is_newer: bool
) -> None:
    assume(cursor or not is_newer)
    wanted = Wanted(limit, Cursor(*cursor) if cursor else TOP, is_newer=is_newer)
    page, exact = wanted.in_order(found_by_time(table, wanted)), exactly(table, wanted)
    if page is None:
        assert len({time for time, *_ in table}) < len(table)
    else:
        assert page[:limit] == exact[:limit]
        assert (len(page) > limit) == (len(exact) > limit)


def test_where_every_event_has_its_own_time_none_is_asked_for_twice() -> None:
    table = [(time, 0, time, 0) for time in range(20)]
    at, beside = Cursor(*table[9]), Cursor(9, 0, 5, 0)
    for wanted in (Wanted(4), *(Wanted(4, place, is_newer=newer) for place in (at, beside) for newer in (True, False))):
        page = wanted.in_order(found_by_time(table, wanted))
        assert page is not None
        assert page[:5] == exactly(table, wanted)[:5]
