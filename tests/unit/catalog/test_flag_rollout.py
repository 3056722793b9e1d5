"""Rollouts: who gets which variant."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.flag_definition import serving_of
from catalog.flag_rollout import KeyNeeded, bucket, variant_at
from tests.unit.catalog.flags import NOW, ON, schedule, split, step

START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 11, tzinfo=UTC)
NAMES = ["on", "off"]
KEYS = [f"user-{number}" for number in range(1_000)]


def served(serving: dict[str, Any], key: str | None = "user-1", now: datetime = NOW, flag: str = "checkout") -> str:
    return variant_at(serving_of(serving), NAMES, flag, key, now)


def those_with(variant: str, serving: dict[str, Any], now: datetime = NOW) -> set[str]:
    return {key for key in KEYS if served(serving, key, now) == variant}


def ramp(start: tuple[str, int], end: tuple[str, int]) -> dict[str, Any]:
    return schedule(step(*start, START.isoformat()), step(*end, END.isoformat()))


def test_buckets_stay_what_they_are_in_every_release() -> None:
    found = {key: bucket("checkout", key) for key in ("", "acme", "ünïcode", "user-1")}
    assert found == {
        "": 65.01617572309287,
        "acme": 10.296660556800619,
        "ünïcode": 38.40003140907131,
        "user-1": 44.16820686239632,
    }


def test_one_flags_rollout_does_not_decide_anothers() -> None:
    serving = split(on=50, off=50)
    one, other = ({key for key in KEYS if served(serving, key, flag=flag) == "on"} for flag in ("one", "other"))
    assert 150 < len(one & other) < 350


def test_percentages_are_about_kept() -> None:
    counted = Counter(served(split(on=20, off=70, other=10), key) for key in KEYS)
    assert abs(counted["on"] - 200) < 50
    assert abs(counted["off"] - 700) < 60


def test_the_order_in_which_a_distribution_is_written_moves_nobody() -> None:
    assert those_with("on", split(on=30, off=70)) == those_with("on", split(off=70, on=30))


@given(st.permutations(["a", "b", "c"]), st.integers(0, 100), st.integers(0, 100), st.integers(0, 100), st.data())
def test_while_a_percentage_grows_those_who_had_the_variant_keep_it(
    names: list[str], first: int, second: int, growth: int, data: st.DataObject
) -> None:
    growing, shrinking, third = names
    shares = {growing: first, shrinking: max(0, min(second, 100 - first))}
    shares[third] = 100 - sum(shares.values())
    moved = min(growth, shares[shrinking])
    grown = {**shares, growing: shares[growing] + moved, shrinking: shares[shrinking] - moved}
    key = data.draw(st.sampled_from(KEYS))
    if served(split(**shares), key) == growing:
        assert served(split(**grown), key) == growing


def test_a_schedule_moves_linearly_and_takes_no_one_back() -> None:
    serving = ramp(("off", 100), ("on", 100))
    crowds = [those_with("on", serving, START + timedelta(days=day)) for day in range(11)]
    assert crowds[0] == set()
    assert crowds[10] == set(KEYS)
    assert all(before < after for before, after in pairwise(crowds))
    assert abs(len(crowds[5]) - 500) < 60


@pytest.mark.parametrize(
    ("start", "end", "before", "behind"),
    [
        (("off", 100), ("on", 100), 0, 100),
        (("off", 90), ("on", 50), 10, 50),
        (("on", 0), ("on", 100), 0, 100),
        (("on", 100), ("off", 100), 100, 0),
    ],
)
def test_before_and_behind_a_schedule_its_ends_hold(
    start: tuple[str, int], end: tuple[str, int], before: int, behind: int
) -> None:
    serving = ramp(start, end)
    for moment, percentage in ((START - timedelta(days=9), before), (END + timedelta(days=999), behind)):
        crowd = those_with("on", serving, moment)
        other = {0: set(), 100: set(KEYS)}.get(percentage)
        assert crowd == other if other is not None else abs(len(crowd) - 10 * percentage) < 50


def test_only_where_it_matters_a_key_is_needed() -> None:
    for serving in (ON, split(on=100), split(on=100, off=0), ramp(("off", 100), ("on", 100))):
        assert served(serving, None, START) in NAMES
    for serving in (split(on=99, off=1), ramp(("off", 100), ("on", 100))):
        with pytest.raises(KeyNeeded):
            served(serving, None, START + timedelta(days=1))
