"""Child processes end with who started them, also when that one had no chance to end them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.pipeline import wait_until
from tidemark.child import Child

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"
#: A parent whose child has a child of its own; it says who they are.
PARENT = """
import pathlib, sys, time
from tidemark.child import Child
Child(["/bin/sh", "-c", "sleep 600 & echo $$ $!; wait"], output=pathlib.Path(sys.argv[1]))
time.sleep(600)
"""


@pytest.fixture
def stubborn(tmp_path: Path) -> Iterator[Child]:
    output = tmp_path / "output"
    child = Child([sys.executable, "-c", STUBBORN], output=output)
    wait_until(output.read_bytes, 10, "the child ignores SIGTERM")
    yield child
    child.kill()


def test_a_child_that_will_not_end_is_killed(stubborn: Child) -> None:
    stubborn.stop(within=0.2)
    assert stubborn.exit_code == -signal.SIGKILL


def test_a_child_that_ends_in_time_is_not_killed() -> None:
    child = Child(["sleep", "600"])
    child.stop(within=10)
    assert child.exit_code == -signal.SIGTERM


def test_stopping_twice_touches_no_process_that_has_the_number_by_then() -> None:
    child = Child(["true"])
    wait_until(lambda: not child.is_alive(), 10, "it ended")
    child.stop(within=1)
    child.stop(within=1)
    child.kill()
    assert child.exit_code == 0


def test_a_command_that_is_not_there_leaves_no_watcher() -> None:
    before = set(psutil.Process().children())
    with pytest.raises(FileNotFoundError):
        Child(["/no/such/command"])
    assert set(psutil.Process().children()) <= before


def test_a_killed_parent_takes_its_children_and_theirs_with_it(tmp_path: Path) -> None:
    output = tmp_path / "output"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(output)])
    wait_until(lambda: output.exists() and len(output.read_text().split()) == 2, 20, "the children started")
    descendants = [psutil.Process(int(pid)) for pid in output.read_text().split()]
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(descendants, timeout=10)
    assert alive == []
