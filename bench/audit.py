"""How long the audit trail takes to answer over 10^6 and 10^7 decisions, and what they take on disk.

The rows go in through the sink's writer, the questions are asked through the routes. `BENCH_EVENTS=1000000,100000000`
takes other sizes; with `BENCH_DATA=folder` the rows stay there, and a load that was cut short goes on.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench.report import Figure
from tests.pipeline import ROOT

SIZES: Final = [int(size) for size in os.environ.get("BENCH_EVENTS", "1000000,10000000").split(",")]


def run() -> Sequence[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(os.environ.get("BENCH_DATA", folder)).absolute()
        found = [_asked(data / str(size), size) for size in SIZES]
    answers = [figure for size, one in zip(SIZES, found, strict=True) for figure in _answers(size, one)]
    return [_machine(found[-1]), *answers, *_growth(found[0], found[-1]), *_disk(found[-1])]


def _machine(found: dict[str, Any]) -> Figure:
    """What machines, and their hours, can be told apart by: an answer takes as many times longer as this does."""
    additions = statistics.median(times["additions"] for times in found["answers"].values())
    return Figure("a million additions in Python, between the questions", additions, "ms", "additions_ms")


def _asked(directory: Path, size: int) -> dict[str, Any]:
    """What a process of its own found: the embedded engine opens one directory in its life."""
    command = [sys.executable, "-m", "bench.trail", str(directory), str(size)]
    output = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True).stdout
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found


def _answers(size: int, found: dict[str, Any]) -> list[Figure]:
    largest = size == max(SIZES)
    figures = []
    for name, times in found["answers"].items():
        figures.append(Figure(f"{name}, {size:,} events, median", times["median"], "ms"))
        figures.append(Figure(f"{name}, {size:,} events, 99 %", times["p99"], "ms", at_most=50 if largest else None))
        if largest:
            figures.append(Figure(f"{name}, over the bare rows", times["bare"] / times["engine"], "×"))
    slowest = max(times["p99"] for times in found["answers"].values())
    return [*figures, Figure(f"slowest, {size:,} events, 99 %", slowest, "ms", f"p99_ms_{size}")]


def _growth(small: dict[str, Any], large: dict[str, Any]) -> list[Figure]:
    ratios = {name: large["answers"][name]["median"] / times["median"] for name, times in small["answers"].items()}
    each = [Figure(f"{name}, growth", ratio, "×", at_most=2) for name, ratio in ratios.items()]
    return [*each, Figure("largest growth", max(ratios.values()), "×", "growth", at_most=2)]


def _disk(found: dict[str, Any]) -> list[Figure]:
    columns = [Figure(name, size, "bytes") for name, size in found["disk"].items()]
    return [
        *columns,
        Figure("an event on disk, all in all", found["event"], "bytes", "bytes_per_event", at_most=40),
        Figure("rows loaded", found["load_rate"], "rows/s"),
    ]
