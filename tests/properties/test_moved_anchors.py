from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.period import ResetPeriod
from tests.properties.strategies import lateness, passes_the_edge
from tests.unit.metering.given import NOW, Meter, grant

anchors = st.none() | st.integers(0, 800 * 86_400).map(lambda seconds: NOW - timedelta(seconds=seconds))


@pytest.mark.parametrize("reset", ResetPeriod)
@given(edits=st.lists(st.tuples(anchors, lateness), min_size=1, max_size=12))
def test_however_often_an_anchor_moves_the_running_period_keeps_its_usage(
    reset: ResetPeriod, edits: list[tuple[datetime | None, timedelta]]
) -> None:
    meter, counted = Meter(grant(reset_period=reset)), 0
    for anchor, late in edits:
        meter.edit(anchor=anchor)
        if passes_the_edge(meter.grant, NOW - late, NOW):
            decision = meter.append("1", NOW - late, received_at=NOW)
            if decision.period.holds(NOW):
                assert decision.reason is None
                counted += 1
        assert meter.read(NOW).after == counted
