"""The group: whole while each partition has a worker; a moment without one is a partition that changes hands."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment

from stream.group import Group
from stream.topics import BALANCES, USAGE

LEFT = b""


def working_on(*partitions: int) -> bytes:
    assigned = [(USAGE, [*partitions]), (BALANCES, [0, 1, 2])]
    encoded: bytes = ConsumerProtocolMemberAssignment(0, assigned, b"").encode()
    return encoded


def group(*assignments: bytes) -> list[Any]:
    members = [("member", "faust", "/127.0.0.1", b"", assignment) for assignment in assignments]
    return [SimpleNamespace(groups=[(0, "tidemark", "Stable", "consumer", "faust", members)])]


def test_it_is_whole_while_each_partition_has_a_worker() -> None:
    workers = Group("", 3)
    assert not workers.is_whole
    workers.look(group(working_on(0, 2), working_on(1)))
    assert workers.is_whole


def test_a_partition_that_changes_hands_is_no_alarm_but_one_that_stays_without_is() -> None:
    workers = Group("", 3)
    workers.look(group(working_on(0, 1, 2)))
    for _ in range(2):
        workers.look(group(working_on(0, 2), LEFT))
    assert workers.is_whole
    workers.look(group(working_on(0, 2)))
    assert not workers.is_whole
    workers.look(group(working_on(0, 2), working_on(1)))
    assert workers.is_whole


def test_a_group_that_nobody_is_in_is_not_whole() -> None:
    workers = Group("", 1)
    for _ in range(3):
        workers.look(group())
    assert not workers.is_whole
