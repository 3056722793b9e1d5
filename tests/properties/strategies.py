"""What the properties range over: quantities, moments, grants and the reports that an edge lets through."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from metering.command import Report
from metering.grant import Grant
from metering.meter import Aggregation, Behavior, MeterType, effective
from metering.period import ResetPeriod
from metering.problems import TimestampOutOfRange
from metering.quantity import EXACT
from tests.unit.metering.given import NOW, grant

MOST_LATE = timedelta(hours=24)

#: Any quantity at all, the extremes among them.
quantities = st.integers(-(10**32) + 1, 10**32 - 1).map(lambda number: Decimal(number).scaleb(-12, EXACT))
#: Small ones, which often land just at a limit, and thirds of the least step, which round.
small = st.integers(-4, 12).map(Decimal) | st.sampled_from(["0.1", "0.3", "0.000000000001", "2.5"]).map(Decimal)
values = small | small | small | quantities

limits = st.sampled_from(["-1", "-1", "0", "10", "10.5", "20", "99999999999999999999"])
overages = st.sampled_from(["0", "0", "10", "33.333", "-1"])
resets = st.sampled_from([None, *ResetPeriod])
moments = st.datetimes(timezones=st.just(UTC))


#: However a meter may be configured: raw events are aggregated, calculated usage is summed.
aggregations = st.builds(effective, st.sampled_from(MeterType), st.sampled_from(Aggregation))


@st.composite
def grants(draw: st.DrawFn, aggregated: st.SearchStrategy[Aggregation] = aggregations) -> Grant:
    return grant(
        draw(limits),
        draw(aggregated),
        overage_percent=draw(overages),
        warning_percent=draw(st.sampled_from(["0", "80", "99.9"])),
        reset_period=draw(resets),
    )


#: How far an event's time lies before its receipt.
lateness = st.sampled_from([timedelta(minutes=-5), timedelta(0), timedelta(0), timedelta(hours=1), MOST_LATE]) | (
    st.integers(-300, 86_400).map(lambda seconds: timedelta(seconds=seconds))
)
#: How much time passes between two commands.
pauses = st.sampled_from([0, 0, 0, 600, 3_600, 5_400, 40_000, 86_400, 700_000, 3_000_000]).map(
    lambda s: timedelta(seconds=s)
)
behaviors = st.sampled_from([Behavior.APPEND, Behavior.APPEND, Behavior.APPEND, Behavior.SET])


def passes_the_edge(held_against: Grant, timestamp: datetime, now: datetime) -> bool:
    try:
        held_against.check_timestamp(timestamp, now, MOST_LATE)
    except TimestampOutOfRange:
        return False
    return True


@st.composite
def histories(draw: st.DrawFn, held_against: Grant) -> list[Report]:
    """Reports as they come in, one after another, on time and late."""
    now, reports = NOW, []
    for value, behavior, pause, late in draw(
        st.lists(st.tuples(values, behaviors, pauses, lateness), min_size=4, max_size=30)
    ):
        now += pause
        if passes_the_edge(held_against, now - late, now):
            reports.append(Report(value, behavior, now - late, now, "token"))
    return reports


@st.composite
def metered(draw: st.DrawFn, aggregated: st.SearchStrategy[Aggregation] = aggregations) -> tuple[Grant, list[Report]]:
    """A grant and a history under it."""
    held_against = draw(grants(aggregated))
    return held_against, draw(histories(held_against))
