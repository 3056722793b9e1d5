from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from metering.decision import Answer
from metering.transaction import generate
from stream import decide
from stream.decide import decide_batch, forgotten_before
from stream.records import decode_batch
from stream.state import PartitionState
from stream.store import MemoryStore
from tests.unit.stream.fakes import NOON, batch, grant, report

MINUTES = st.integers(0, 200).map(lambda minutes: timedelta(minutes=minutes))


class Step(NamedTuple):
    """A record, some time after the one before: values under ids, made and sent so long before the log took them."""

    later: timedelta
    reports: Sequence[tuple[int, int, timedelta, timedelta]]
    checkpoint: bool


STEPS = st.lists(
    st.builds(
        Step,
        MINUTES,
        st.lists(st.tuples(st.integers(1, 2), st.integers(0, 2), MINUTES, MINUTES), min_size=1, max_size=3),
        st.booleans(),
    ),
    max_size=8,
)


def answers(steps: Sequence[Step]) -> list[list[Answer | None]]:
    state, at, found = PartitionState(MemoryStore()), NOON, []
    for offset, step in enumerate(steps):
        at += step.later
        reports = [
            report(str(value), generate(NOON + made, f"{number:032x}"), at - ago)
            for value, number, made, ago in step.reports
        ]
        value = batch(*reports, held_against=grant("9"))
        found.append(decide_batch(decode_batch(value), offset, at, state, value))
        if step.checkpoint:
            state.save(state.take(offset + 1, forgotten_before(at)), offset)
    return found


@given(STEPS)
def test_kept_records_answer_as_receipts_of_their_own_would(steps: Sequence[Step]) -> None:
    with patch.object(decide, "can_be_kept", return_value=False):
        expected = answers(steps)
    assert answers(steps) == expected
