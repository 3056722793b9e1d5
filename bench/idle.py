"""What `make up` costs while nothing happens: memory of every process, and how long a second start takes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.report import Figure
from tests.pipeline import Pipeline, running_pipeline, wait_until
from tests.shop import sell

_MEGA = 1e6


def run() -> Sequence[Figure]:
    with tempfile.TemporaryDirectory() as folder, running_pipeline(Path(folder) / "data") as pipeline:
        with pipeline.client() as client:
            sold = sell(client)
            sold.report(1)
            wait_until(sold.trail, 10, "the report is in the trail")
        pipeline.stop()
        begun = time.perf_counter()
        pipeline.start()
        second_start = time.perf_counter() - begun
        memory = settled_memory(pipeline)
    parts = [Figure(name, size / _MEGA, "MB") for name, size in memory.items()]
    total = sum(memory.values()) / _MEGA
    return [
        *parts,
        Figure("all processes", total, "MB", "memory_mb", at_most=2_000),
        Figure("second start", second_start, "s", "second_start_s", at_most=20),
    ]


def settled_memory(pipeline: Pipeline) -> dict[str, int]:
    """The memory once it grows no more: two looks a few seconds apart that agree within one percent."""
    last = pipeline.resident_bytes()

    def is_settled() -> bool:
        nonlocal last
        time.sleep(3)
        before, last = last, pipeline.resident_bytes()
        return abs(sum(last.values()) - sum(before.values())) < sum(before.values()) / 100

    wait_until(is_settled, 60, "memory settled")
    return last
