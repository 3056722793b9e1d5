"""Schemathesis on the running pipeline: no 500, no undocumented status, no answer that its schema does not allow.

A short run, the same each time; `make fuzz` goes on for as long as wanted.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzzing import fuzz
from tests.pipeline import Pipeline
from tests.tenants import furnish

pytestmark = pytest.mark.integration


def test_what_the_document_allows_and_what_not_is_answered_as_it_says(pipeline: Pipeline, tmp_path: Path) -> None:
    token = pipeline.new_organization("Fuzzed")
    with pipeline.client(token) as client:
        tenant = furnish(client)
    phases = ("--phases", "examples,fuzzing,stateful", "--max-examples", "2")
    outcome = fuzz(pipeline, tenant, token, tmp_path, *phases, "--seed", "1", "--no-color")
    assert outcome.is_clean, outcome.told
    assert outcome.cases > 200
