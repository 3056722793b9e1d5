"""How a worker ends when it can't go on, or can't stop."""

from __future__ import annotations

import os
import threading

import pytest

from stream import crash


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The statuses that the process would have ended with."""
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    return ended


def test_a_stop_that_hangs_is_ended_by_force(ended: list[int]) -> None:
    crash.end_after(0)
    for timer in [it for it in threading.enumerate() if isinstance(it, threading.Timer)]:
        timer.join(10)
    assert ended == [70]


def test_an_error_that_leaves_the_block_ends_the_process(ended: list[int]) -> None:
    with crash.crash_on_error():
        raise RuntimeError("whatever it is")
    assert ended == [70]
