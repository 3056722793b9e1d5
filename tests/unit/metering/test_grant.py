from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Context, Decimal, localcontext

import pytest

from metering.balance import Counter
from metering.grant import Line, Reason
from metering.meter import Aggregation
from metering.period import DAWN, DUSK, ResetPeriod
from metering.problems import TimestampOutOfRange
from tests.unit.metering.given import NOW, at, grant

DAY = timedelta(days=1)
LARGEST = "99999999999999999999.999999999999"


def standing_at(value: str) -> Counter:
    return Counter(value=Decimal(value), events=1)


def averaging(total: str, events: int, shown: str) -> Counter:
    return Counter(value=Decimal(shown), events=events, total=Decimal(total))


@pytest.mark.parametrize(
    ("limit", "overage", "cap"),
    [
        ("1000", "0", "1000"),
        ("1000", "10", "1100"),
        ("1000", "33.333", "1333.33"),
        ("0", "50", "0"),
        ("0.3", "0.1", "0.3003"),
        ("7", "0.000000000001", "7.00000000000007"),
    ],
)
def test_the_cap_is_the_limit_and_the_overage_exactly(limit: str, overage: str, cap: str) -> None:
    assert grant(limit, overage_percent=overage).cap == Decimal(cap)


def test_no_limit_or_no_overage_limit_means_no_cap() -> None:
    assert grant("-1").cap is None
    assert grant("-1.0", overage_percent="10").cap is None
    assert grant("10", overage_percent="-1").cap is None


def test_the_largest_grant_is_held_exactly_in_any_decimal_context() -> None:
    with localcontext(Context(prec=3)):
        largest = grant(LARGEST, Aggregation.AVERAGE, overage_percent=LARGEST, warning_percent="99.999999999999")
        assert largest.allows(averaging("1", 10**9, "0.000000001"))
        assert largest.line_at(standing_at(LARGEST)) is Line.REACHED


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1E+20", "1E-13"])
@pytest.mark.parametrize("field", ["overage_percent", "warning_percent"])
def test_a_grant_that_could_not_be_held_exactly_is_refused_at_birth(field: str, number: str) -> None:
    with pytest.raises(ValueError, match=r"finite|digits"):
        grant("1", **{field: number})
    with pytest.raises(ValueError, match=r"finite|digits"):
        grant(number)


def test_a_value_at_the_cap_is_allowed_and_the_least_step_past_it_is_not() -> None:
    capped = grant("10", overage_percent="10")
    assert capped.allows(standing_at("11"))
    assert not capped.allows(standing_at("11.000000000001"))


def test_an_average_is_allowed_by_its_exact_total_not_by_the_mean_shown() -> None:
    capped = grant("1", Aggregation.AVERAGE)
    assert capped.allows(averaging("3", 3, "1"))
    assert not capped.allows(averaging("3.000000000001", 3, "1.000000000000"))


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("79.999999999999", Line.NONE),
        ("80", Line.WARNING),
        ("99", Line.WARNING),
        ("100", Line.REACHED),
        ("100.000000000001", Line.EXCEEDED),
        ("-5", Line.NONE),
    ],
)
def test_a_value_stands_at_the_highest_line_that_it_reaches(value: str, line: Line) -> None:
    assert grant("100", warning_percent="80").line_at(standing_at(value)) is line


def test_without_a_limit_or_an_event_there_is_no_line() -> None:
    assert grant("-1", warning_percent="0").line_at(standing_at("5")) is Line.NONE
    assert grant("0", warning_percent="0").line_at(Counter()) is Line.NONE


def test_without_a_warning_percent_there_is_no_warning() -> None:
    assert grant("100").line_at(standing_at("99.9")) is Line.NONE


def test_a_limit_of_zero_is_reached_by_zero() -> None:
    assert grant("0").line_at(standing_at("0")) is Line.REACHED


def test_an_average_stands_at_its_lines_by_its_exact_total() -> None:
    limited = grant("1", Aggregation.AVERAGE, overage_percent="-1")
    assert limited.line_at(averaging("3", 3, "1")) is Line.REACHED
    assert limited.line_at(averaging("3.000000000001", 3, "1.000000000000")) is Line.EXCEEDED
    assert limited.line_at(averaging("2.999999999999", 3, "1.000000000000")) is Line.NONE


def test_a_license_covers_its_start_but_not_its_end() -> None:
    dated = grant(starts_at=at("2026-01-01"), ends_at=at("2026-02-01"))
    assert dated.refusal_at(at("2025-12-31T23:59:59")) is Reason.LICENSE_OUTSIDE_DATES
    assert dated.refusal_at(at("2026-01-01")) is None
    assert dated.refusal_at(at("2026-01-31T23:59:59")) is None
    assert dated.refusal_at(at("2026-02-01")) is Reason.LICENSE_OUTSIDE_DATES


def test_an_inactive_license_covers_nothing_whatever_its_dates() -> None:
    assert grant(license_active=False, starts_at=NOW + DAY).refusal_at(NOW) is Reason.LICENSE_INACTIVE


def test_a_meter_is_known_by_ids_so_that_a_renamed_slug_keeps_its_balance() -> None:
    assert grant(instance_slug="a").key == grant(instance_slug="b").key == b"acme/prod-id/calls-id"


def test_an_anchor_of_another_offset_is_taken_in_utc() -> None:
    east = datetime(2026, 3, 1, 2, tzinfo=timezone(timedelta(hours=5)))
    assert grant(reset_period=ResetPeriod.MONTH, anchor=east).period_at(NOW).start == at("2026-02-28T21:00")


def test_a_meter_that_never_resets_takes_any_past_timestamp() -> None:
    grant().check_timestamp(DAWN, NOW, DAY)
    assert grant().period_at(DAWN) == grant().period_at(NOW)


@pytest.mark.parametrize("reset", [None, *ResetPeriod])
def test_a_timestamp_may_run_five_minutes_ahead(reset: ResetPeriod | None) -> None:
    meter = grant(reset_period=reset)
    meter.check_timestamp(NOW + timedelta(minutes=5), NOW, DAY)
    for future in (NOW + timedelta(minutes=5, microseconds=1), DUSK):
        with pytest.raises(TimestampOutOfRange, match="future"):
            meter.check_timestamp(future, NOW, DAY)


@pytest.mark.parametrize(("edge", "hours"), [(DAWN, 5), (DUSK, -5)])
def test_a_timestamp_that_utc_can_not_say_is_out_of_range(edge: datetime, hours: int) -> None:
    beyond = edge.replace(tzinfo=timezone(timedelta(hours=hours)))
    with pytest.raises(TimestampOutOfRange, match="years 1 to 9999"):
        grant().check_timestamp(beyond, NOW, DAY)


def test_the_running_period_takes_its_own_timestamps_however_late() -> None:
    meter = grant(reset_period=ResetPeriod.MONTH)
    meter.check_timestamp(at("2026-03-01"), at("2026-03-31T23:59"), DAY)
    assert meter.period_at(at("2026-03-01")) == meter.period_at(at("2026-03-31T23:59"))


def test_the_previous_period_takes_timestamps_of_at_most_a_day_ago() -> None:
    meter, received = grant(reset_period=ResetPeriod.MONTH), at("2026-03-01T10:00")
    meter.check_timestamp(received - DAY, received, DAY)
    with pytest.raises(TimestampOutOfRange, match="more than 24 h ago"):
        meter.check_timestamp(received - DAY - timedelta(microseconds=1), received, DAY)


def test_a_timestamp_before_the_previous_period_is_out_of_range_however_recent() -> None:
    meter, received = grant(reset_period=ResetPeriod.HOUR), at("2026-03-01T10:30")
    meter.check_timestamp(at("2026-03-01T09:00"), received, DAY)
    with pytest.raises(TimestampOutOfRange, match="before the previous period"):
        meter.check_timestamp(at("2026-03-01T08:59:59"), received, DAY)


@pytest.mark.parametrize("reset", ResetPeriod)
def test_a_hostile_timestamp_is_out_of_range_on_a_meter_that_resets(reset: ResetPeriod) -> None:
    for timestamp in (DAWN, DUSK):
        with pytest.raises(TimestampOutOfRange):
            grant(reset_period=reset, anchor=at("2024-01-31T07:30")).check_timestamp(timestamp, NOW, DAY)
