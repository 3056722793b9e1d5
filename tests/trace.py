"""A trace of usage as users have it: a CSV with seven-digit fractions of seconds, and numbers of every size."""

from __future__ import annotations

import csv
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from tests.pipeline import ROOT, TOKEN, Pipeline
from tests.shop import Sold

COLUMN = "Tokens"


@dataclass(frozen=True)
class Trace:
    path: Path
    values: list[Decimal]

    @property
    def total(self) -> Decimal:
        return sum(self.values, Decimal(0))


def make_trace(path: Path, rows: int) -> Trace:
    """The same trace each time: whole numbers and quarters between 0.25 and 1,250, a second apart."""
    chance = random.Random(7)
    values = [Decimal(chance.randint(1, 5_000)) / 4 for _ in range(rows)]
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["TIMESTAMP", COLUMN])
        for row, value in enumerate(values):
            lines.writerow([f"2025-11-16 {row // 3600:02}:{row // 60 % 60:02}:{row % 60:02}.9799600", value])
    return Trace(path, values)


@contextmanager
def replaying(pipeline: Pipeline, trace: Trace, sold: Sold, *options: str) -> Iterator[subprocess.Popen[str]]:
    """`tidemark replay` of the trace, running; its output, all of it, can be read from it."""
    command = [sys.executable, "-m", "tidemark", "replay", str(trace.path), "--value-column", COLUMN]
    command += ["--timestamp-column", "TIMESTAMP", "--instance", sold.instance, "--entitlement", sold.entitlement]
    command += ["--url", pipeline.url, "--token", TOKEN, *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=ROOT, env=os.environ, text=True, stdout=pipe, stderr=subprocess.STDOUT
    ) as replay:
        yield replay
