"""Points of a meter's history, of what the table tells of each window and period."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from api.history import Part, _points
from api.windows import Windows

HOUR = 3_600
MICROS = 1_000_000


def part(starts_at: int, sequence: int, after: str, **others: Any) -> Part:
    value = Decimal(after)
    told = {"begins": None, "ends": None, "reported": value, "lowest": value, "highest": value}
    counted = {"latest": (sequence, value), "events": 1, "accepted": 1, "rejected": 0}
    return Part(starts_at, **{**told, **counted, **others})


def points(edges: tuple[int, ...], *parts: Part) -> list[dict[str, Any]]:
    return [{**point} for point in _points(Windows(edges), parts)]


def test_a_window_of_two_parts_is_their_sum_and_has_the_extremes_of_both() -> None:
    (point,) = points((0, HOUR), part(0, 2, "5"), part(0, 3, "2", accepted=0, rejected=1, reported=Decimal(0)))
    assert (point["value"], point["min"], point["max"]) == (2, 2, 5)
    assert (point["events"], point["accepted"], point["rejected"], point["reported"]) == (2, 1, 1, 5)


def test_what_is_reported_is_exact_beyond_the_digits_that_decimals_are_rounded_to() -> None:
    large, small = Decimal("9" * 28), Decimal("0.000000000001")
    (point,) = points((0, HOUR), part(0, 1, "1", reported=large), part(0, 2, "1", reported=small))
    assert f"{point['reported']:f}" == "9" * 28 + ".000000000001"


def test_the_last_decision_is_told_by_its_sequence_where_clocks_differ() -> None:
    first, second = points((0, HOUR, 2 * HOUR), part(0, 5, "50"), part(HOUR, 4, "40"))
    assert (first["value"], second["value"]) == (50, 50)


def test_what_came_before_the_first_window_is_known_by_the_hour_and_by_its_own_row() -> None:
    edges = (HOUR + 900, 2 * HOUR)
    (point,) = points(edges, part(0, 1, "7"))
    assert (point["value"], point["events"]) == (7, 0)
    (point,) = points(edges, part(HOUR, 2, "9"), part(0, 1, "7"))
    assert (point["value"], point["events"]) == (9, 0)


def test_a_period_that_is_over_counts_no_more() -> None:
    period = {"begins": 0, "ends": HOUR * MICROS}
    first, second = points((0, HOUR, 2 * HOUR), part(0, 1, "3", **period))
    assert (first["value"], second["value"]) == (3, 0)
