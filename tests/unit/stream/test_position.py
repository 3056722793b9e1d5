from __future__ import annotations

import pytest

from metering.balance import NOWHERE, Place
from stream.position import LogPosition


def position(**places: tuple[int, int]) -> LogPosition:
    return LogPosition({int(name[1:]): Place(*place) for name, place in places.items()})


@pytest.mark.parametrize("text", ["-", "0:0-0", "0:12-3,5:7-0"])
def test_a_position_is_read_as_it_was_written(text: str) -> None:
    assert str(LogPosition.parse(text)) == text


@pytest.mark.parametrize("text", ["", "0", "0:1", "0:1-2,", "0:1-2,0:1-3", "0:-1-2", "0:١-2", "0:1-2\n", "a" * 1_000])
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a position"):
        LogPosition.parse(text)


def test_nothing_was_read_of_a_partition_that_it_does_not_name() -> None:
    assert position(p0=(1, 2))[7] == NOWHERE


def test_one_covers_another_when_it_is_as_far_in_every_partition() -> None:
    assert position(p0=(2, 0), p1=(5, 0)).covers(position(p0=(1, 9)))
    assert not position(p0=(2, 0)).covers(position(p0=(1, 9), p1=(0, 0)))
    assert position().covers(position())


def test_two_are_joined_by_the_later_of_both() -> None:
    assert str(position(p0=(2, 0), p1=(1, 0)).joined(position(p1=(3, 4), p2=(0, 0)))) == "0:2-0,1:3-4,2:0-0"
