"""The command line beside a running pipeline, as an operator uses it."""

from __future__ import annotations

import subprocess
import sys

from tests.pipeline import ROOT, Pipeline


def tidemark(pipeline: Pipeline, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """`tidemark` with the pipeline's settings and 200 columns to write on."""
    return subprocess.run(
        [sys.executable, "-m", "tidemark", *arguments],
        cwd=ROOT,
        env={**pipeline.environment, "COLUMNS": "200", **settings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
