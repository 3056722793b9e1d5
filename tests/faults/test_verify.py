"""A verification finds what kills left exact, while everything runs and while nothing does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.commands import tidemark
from tests.pipeline import Pipeline, wait_until
from tests.shop import sell
from tests.trace import make_trace, replaying

pytestmark = pytest.mark.faults


@pytest.mark.timeout(300)
def test_a_log_is_exact_after_kills_beside_its_pipeline_and_alone(pipeline: Pipeline, tmp_path: Path) -> None:
    trace = make_trace(tmp_path / "trace.csv", 300)
    with pipeline.client() as client:
        sold = sell(client, limit=float(trace.total / 2))
        with replaying(pipeline, trace, sold) as replay:
            for reports in (50, 100):
                wait_until(lambda at=reports: len(sold.trail()) >= at, 60, "the replay goes on")  # type: ignore[misc]
                pipeline.child("worker").kill()
            output, _ = replay.communicate(timeout=200)
        assert replay.returncode == 0, output
    beside = tidemark(pipeline, "verify")
    assert beside.returncode == 0, beside.stdout + beside.stderr
    assert pipeline.stop() == []
    alone = tidemark(pipeline, "verify")
    assert alone.returncode == 0, alone.stdout + alone.stderr
    assert "Starting Kafka" in alone.stdout
    pipeline.start()  # nothing is left that would hold the data
    assert pipeline.is_well()
