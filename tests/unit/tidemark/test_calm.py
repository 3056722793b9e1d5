"""A log that stays readable while the broker is away."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clock import Clock
from tidemark import telemetry
from tidemark.calm import Calm


@pytest.fixture
def calm(clock: Clock) -> Calm:
    return Calm(clock)


def record(message: str, *arguments: object, name: str = "aiokafka") -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, __file__, 1, message, arguments, None)


def test_a_message_that_repeats_passes_once_in_ten_seconds_and_says_how_many_were_left_out(
    calm: Calm, clock: Clock
) -> None:
    passed = []
    for _ in range(200):
        told = record("Unable connect to node with id %s: %s", 1, "refused")
        if calm.filter(told):
            passed.append(told)
        clock.now += 0.125
    assert [told.__dict__["left_out"] for told in passed] == [0, 79, 79]


def test_another_message_passes_at_once(calm: Calm) -> None:
    assert calm.filter(record("Unable connect to node with id %s: %s", 1, "refused"))
    assert not calm.filter(record("Unable connect to node with id %s: %s", 2, "reset"))
    assert calm.filter(record("Unable to update metadata from %s", [1]))


def test_who_tries_nothing_again_and_again_always_passes(calm: Calm) -> None:
    assert all(calm.filter(record("partition %d: deciding", 1, name="stream.worker")) for _ in range(3))


def test_what_a_library_tells_under_no_name_passes_when_it_is_a_warning(calm: Calm) -> None:
    told = logging.LogRecord("root", logging.INFO, __file__, 1, "Execute migration %s", ("CREATE TABLE …",), None)
    assert not calm.filter(told)
    assert calm.filter(record("a migration was edited", name="root"))


def test_a_rebalance_in_good_order_is_no_warning(calm: Calm) -> None:
    coordinator = "aiokafka.consumer.group_coordinator"
    assert not calm.filter(
        record("Heartbeat failed for group %s because it is rebalancing", "tidemark", name=coordinator)
    )
    assert not calm.filter(
        record("Group Coordinator Request failed: %s", "[Error 15] GroupCoordinatorNotAvailableError", name=coordinator)
    )
    assert not calm.filter(
        record("Marking the coordinator dead (node %s)for group %s.", 1, "tidemark", name=coordinator)
    )
    assert calm.filter(record("Group Coordinator Request failed: %s", "NodeNotReadyError", name=coordinator))


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, given back as it was."""
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    yield root
    for handler in {*root.handlers} - {*handlers}:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def test_the_file_tells_what_was_left_out(root: logging.Logger, tmp_path: Path) -> None:
    telemetry.configure("INFO", tmp_path / "worker.log")
    file = root.handlers[-1]
    (calm,) = (it for it in file.filters if isinstance(it, Calm))
    clock = calm._now = Clock()
    for _ in range(3):
        logging.getLogger("aiokafka").error("Unable connect to node with id %s", 1)
    clock.now = 11
    logging.getLogger("aiokafka").error("Unable connect to node with id %s", 1)
    told: list[dict[str, Any]] = [json.loads(line) for line in (tmp_path / "worker.log").read_text().splitlines()]
    assert [line.get("left_out") for line in told] == [None, 2]
