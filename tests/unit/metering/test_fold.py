from __future__ import annotations

from decimal import Context, Decimal, localcontext

import pytest

from metering.balance import Counter
from metering.fold import fold
from metering.meter import Aggregation, Behavior, MeterType, effective
from metering.quantity import plain
from tests.unit.metering.given import at

NOON, ONE, TWO = at("2026-03-15T12:00"), at("2026-03-15T13:00"), at("2026-03-15T14:00")


def folded(aggregation: Aggregation, *values: str, before: Counter | None = None) -> Counter:
    counter = before or Counter()
    for value in values:
        counter = fold(counter, aggregation, Behavior.APPEND, Decimal(value), NOON)
    return counter


@pytest.mark.parametrize(
    ("aggregation", "value"),
    [
        (Aggregation.SUM, "6.5"),
        (Aggregation.COUNT, "4"),
        (Aggregation.AVERAGE, "1.625"),
        (Aggregation.MAX, "5"),
        (Aggregation.MIN, "-1"),
        (Aggregation.LATEST, "2.5"),
    ],
)
def test_each_aggregation_folds_its_own_way(aggregation: Aggregation, value: str) -> None:
    counter = folded(aggregation, "0", "5", "-1", "2.5")
    assert str(plain(counter.shown)) == value
    assert counter.events == 4


@pytest.mark.parametrize("aggregation", Aggregation)
def test_before_the_first_event_a_counter_shows_zero(aggregation: Aggregation) -> None:
    assert Counter().shown == 0
    assert Counter().events == 0
    assert folded(aggregation) == Counter()


def test_the_first_event_sets_the_highest_and_the_lowest_value() -> None:
    assert folded(Aggregation.MAX, "-3").value == -3
    assert folded(Aggregation.MIN, "3").value == 3


@pytest.mark.parametrize("aggregation", Aggregation)
def test_set_makes_any_value_the_reported_one_with_one_event(aggregation: Aggregation) -> None:
    before = folded(aggregation, "10", "20")
    counter = fold(before, aggregation, Behavior.SET, Decimal("4.5"), NOON)
    assert (counter.value, counter.events) == (Decimal("4.5"), 1)


@pytest.mark.parametrize(
    ("aggregation", "value"),
    [
        (Aggregation.SUM, "12"),
        (Aggregation.COUNT, "5"),
        (Aggregation.AVERAGE, "6"),
        (Aggregation.MAX, "8"),
        (Aggregation.MIN, "4"),
        (Aggregation.LATEST, "8"),
    ],
)
def test_append_goes_on_from_what_was_set(aggregation: Aggregation, value: str) -> None:
    was_set = fold(folded(aggregation, "100"), aggregation, Behavior.SET, Decimal(4), NOON)
    counter = folded(aggregation, "8", before=was_set)
    assert (counter.value, counter.events) == (Decimal(value), 2)


def test_latest_follows_event_time_and_arrival_breaks_ties() -> None:
    newest = fold(Counter(), Aggregation.LATEST, Behavior.APPEND, Decimal(1), ONE)
    late = fold(newest, Aggregation.LATEST, Behavior.APPEND, Decimal(2), NOON)
    tied = fold(late, Aggregation.LATEST, Behavior.APPEND, Decimal(3), ONE)
    newer = fold(tied, Aggregation.LATEST, Behavior.APPEND, Decimal(4), TWO)
    assert [c.value for c in (newest, late, tied, newer)] == [1, 1, 3, 4]
    assert [c.events for c in (newest, late, tied, newer)] == [1, 2, 3, 4]


def test_latest_is_set_by_a_report_of_any_time() -> None:
    newest = fold(Counter(), Aggregation.LATEST, Behavior.APPEND, Decimal(1), ONE)
    assert fold(newest, Aggregation.LATEST, Behavior.SET, Decimal(2), NOON).value == 2


def test_an_average_keeps_its_exact_sum() -> None:
    counter = folded(Aggregation.AVERAGE, "1", "0", "0", "0.000000000001")
    assert counter.total == Decimal("1.000000000001")
    assert folded(Aggregation.AVERAGE, "1", "1", "0").value == Decimal("0.666666666667")


def test_a_tenth_ten_times_is_one() -> None:
    assert folded(Aggregation.SUM, *["0.1"] * 10).value == 1
    assert folded(Aggregation.AVERAGE, *["0.1"] * 10).total == 1


def test_very_many_of_the_largest_reports_stay_exact() -> None:
    largest = "99999999999999999999.999999999999"
    many = Counter(value=Decimal(largest).scaleb(40, Context(prec=96)), events=10**40)
    assert str(plain(folded(Aggregation.SUM, largest, before=many).shown)).endswith("9999999999.999999999999")


def test_the_fold_does_not_change_its_argument() -> None:
    before = folded(Aggregation.SUM, "1")
    folded(Aggregation.SUM, "5", before=before)
    assert before == Counter(value=Decimal(1), events=1)


@pytest.mark.parametrize("aggregation", Aggregation)
def test_the_thread_s_own_decimal_context_does_not_matter(aggregation: Aggregation) -> None:
    values = ("12345678901234567890.123456789012", "98765432109876543210.987654321098")
    expected = folded(aggregation, *values)
    with localcontext(Context(prec=3)):
        assert folded(aggregation, *values) == expected


@pytest.mark.parametrize("aggregation", Aggregation)
def test_calculated_usage_is_summed_and_raw_events_are_aggregated(aggregation: Aggregation) -> None:
    assert effective(MeterType.CALCULATED_USAGE, aggregation) is Aggregation.SUM
    assert effective(MeterType.RAW_EVENT, aggregation) is aggregation
