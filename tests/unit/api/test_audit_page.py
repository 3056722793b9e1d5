"""Pages of what was found by its time alone: as if told apart by the place in the log, or not told at all."""

from __future__ import annotations

from collections import Counter
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
    time = wanted.cursor.time
    of_time = [place for place in table if (place[0] >= time if wanted.is_newer else place[0] <= time)]
    ordered = sorted(of_time, key=lambda place: place[0], reverse=not wanted.is_newer)
    return [row(*place) for place in ordered[: wanted.by_time["limit"]]]


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
    if page is not None:
        assert page[:limit] == exact[:limit]
        assert len(page) == min(len(exact), limit + 1)
        return
    of_time = Counter(moment_at(time) for time, *_ in table)
    last = exact[limit - 1]["received_at"] if len(exact) >= limit else None
    assert of_time[last] > 1 or of_time[moment_at(wanted.cursor.time)] > 1


def test_where_every_event_has_its_own_time_none_is_asked_for_twice() -> None:
    table = [(time, 0, time, 0) for time in range(20)]
    at, beside = Cursor(*table[9]), Cursor(9, 0, 5, 0)
    for wanted in (Wanted(4), *(Wanted(4, place, is_newer=newer) for place in (at, beside) for newer in (True, False))):
        assert wanted.in_order(found_by_time(table, wanted)) == exactly(table, wanted)[:5]
