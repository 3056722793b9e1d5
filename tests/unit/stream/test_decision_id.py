"""Ids of decisions: written and read in one place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.balance import Place
from stream.records import decision_id, place_of


@given(st.integers(0, 99_999), st.integers(0, 10**19 - 1), st.integers(0, 10**9 - 1))
def test_an_id_is_read_as_it_was_written(partition: int, offset: int, position: int) -> None:
    assert place_of(decision_id(partition, Place(offset, position))) == (partition, Place(offset, position))


@pytest.mark.parametrize(
    "text", ["", "1-2", "1-2-3-4", "a-2-3", " 1-2-3", "+1-2-3", "1-2-3\n", "1_0-2-3", "١-2-3", "-1-2-3"]
)
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no id of a decision"):
        place_of(text)
