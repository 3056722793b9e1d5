"""A pipeline of its own for each module, since these tests break it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pipeline import Pipeline, running_pipeline


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with running_pipeline(tmp_path_factory.mktemp("faults"), TIDEMARK_PARTITIONS="4") as running:
        yield running
