"""Migrations of ClickHouse that move rows: what an earlier release wrote is there, to the last column."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.pipeline import ROOT


def test_rows_of_an_earlier_release_are_carried_over_whole_and_counted(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.integration.sql.migrating", str(tmp_path / "clickhouse")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "written": 300,
        "copied": True,
        "moved": True,
        "counted": [[300]],
        "partitions": [["20264"], ["20271"]],
        "healed": [[0]],
        "wrong": [[0]],
        "unusual": [[266]],  # but for those that were refused in time
        "without": 1,
        "left_out": [],
        "gone": [[0]],
        "passed": [[3, [3, 0], [8, 0], 4]],
    }
