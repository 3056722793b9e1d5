"""The real pipeline, started once per session: embedded Kafka, a worker, chDB and the HTTP process."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.pipeline import Pipeline, running_pipeline


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with running_pipeline(tmp_path_factory.mktemp("pipeline"), TIDEMARK_PARTITIONS="4") as running:
        yield running


@pytest.fixture(scope="session")
def client(pipeline: Pipeline) -> Iterator[httpx.Client]:
    with pipeline.client() as client:
        yield client
