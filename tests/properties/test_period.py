from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from metering.period import DAWN, DUSK, ResetPeriod, period_at, previous
from tests.properties.naive import calendar_name
from tests.properties.strategies import moments
from tests.unit.metering.given import at

anchors = (
    st.none() | moments | st.sampled_from([at("2024-01-31"), at("2024-02-29"), at("2023-08-31T23:59:59"), DAWN, DUSK])
)


@given(moments, st.sampled_from(ResetPeriod), anchors)
@example(DAWN, ResetPeriod.MONTH, at("2024-01-31"))
def test_a_period_holds_its_moment(moment: datetime, reset: ResetPeriod, anchor: datetime | None) -> None:
    assume(moment != DUSK)  # the one instant that no half-open period can hold
    assert period_at(moment, reset, anchor).holds(moment)


@given(moments, st.sampled_from(ResetPeriod), anchors)
def test_periods_tile_time_without_gap_or_overlap(
    moment: datetime, reset: ResetPeriod, anchor: datetime | None
) -> None:
    period = period_at(moment, reset, anchor)
    assert period.start is not None
    assert period.end is not None
    assert period.start == DAWN or previous(period, reset, anchor).end == period.start
    assert period.end == DUSK or period_at(period.end, reset, anchor).start == period.end


@given(moments, st.floats(0, 1, exclude_max=True), st.sampled_from(ResetPeriod), anchors)
def test_every_moment_of_a_period_has_that_period(
    moment: datetime, share: float, reset: ResetPeriod, anchor: datetime | None
) -> None:
    period = period_at(moment, reset, anchor)
    assert period.start is not None
    assert period.end is not None
    other = period.start + (period.end - period.start) * share
    assume(period.holds(other))
    assert period_at(other, reset, anchor) == period


@pytest.mark.parametrize("reset", ResetPeriod)
@given(moments.filter(lambda moment: moment.year > 1000), moments.filter(lambda moment: moment.year > 1000))
def test_moments_share_a_calendar_period_where_people_name_it_the_same(
    reset: ResetPeriod, one: datetime, other: datetime
) -> None:
    same_name = calendar_name(reset, one) == calendar_name(reset, other)
    assert (period_at(one, reset, None) == period_at(other, reset, None)) is same_name
