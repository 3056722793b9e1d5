from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.sql.copying import PARTITIONS, RECORDS

pytestmark = pytest.mark.faults

ROOT = Path(__file__).parents[3]


def copying(directory: Path, what: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.integration.sql.copying", str(directory), what]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def copy_until(directory: Path, lines: int) -> bool:
    """Copy, and kill without warning after so many lines of progress; whether it was done before."""
    with copying(directory, "copy") as process:
        assert process.stdout is not None
        for number, line in enumerate(process.stdout):
            if line == "done\n":
                return True
            if number == lines:
                process.kill()
    return False


def test_a_sink_killed_again_and_again_writes_every_decision_once(tmp_path: Path) -> None:
    chance = random.Random(3)
    kills = 0
    while not copy_until(tmp_path, chance.randrange(10) if kills < 5 else 1_000_000):
        kills += 1
    with copying(tmp_path, "recount") as process:
        counted = json.loads(process.communicate()[0])
    rows = RECORDS * PARTITIONS * 4
    assert kills == 5
    assert counted == [rows, rows, PARTITIONS, 0, RECORDS - 1, RECORDS * PARTITIONS * 6]
