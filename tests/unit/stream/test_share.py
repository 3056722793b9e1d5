"""How sinks divide the lanes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from stream.share import LANES, LaneAssignor, lanes_of
from stream.topics import DECISIONS


def shares(members: int, partitions: int) -> dict[str, list[int]]:
    cluster: Any = SimpleNamespace(partitions_for_topic=lambda _: set(range(partitions)))
    names = {f"sink-{number}": LaneAssignor.metadata([DECISIONS]) for number in range(members)}
    assigned = LaneAssignor.assign(cluster, names)
    return {name: [p for _, share in assignment.assignment for p in share] for name, assignment in assigned.items()}


def test_a_partition_lies_in_one_lane_whatever_else_there_is() -> None:
    assert lanes_of(range(8)) == [frozenset({lane, lane + LANES}) for lane in range(LANES)]
    assert lanes_of([7, 3, 1]) == [frozenset({1}), frozenset({3, 7})]
    assert lanes_of([]) == []


@pytest.mark.parametrize("members", range(1, 7))
@pytest.mark.parametrize("partitions", [1, 3, 8, 33])
def test_every_partition_is_of_one_sink_and_no_lane_is_divided(members: int, partitions: int) -> None:
    divided = shares(members, partitions)
    assert sorted(p for share in divided.values() for p in share) == [*range(partitions)]
    for share in divided.values():
        assert all(lane in lanes_of(range(partitions)) for lane in lanes_of(share))


def test_who_comes_after_all_lanes_are_given_stands_by() -> None:
    assert sorted(map(len, shares(6, 8).values())) == [0, 0, 2, 2, 2, 2]
