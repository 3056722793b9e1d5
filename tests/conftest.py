"""The real pipeline, started once per session: Kafka, a worker, ClickHouse and the HTTP process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.containers import kafka_and_clickhouse, require_docker
from tests.pipeline import Pipeline, running_pipeline


@pytest.fixture(scope="session", params=["embedded", pytest.param("docker", marks=pytest.mark.docker)])
def pipeline(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """On embedded parts, and again on containers where Docker is."""
    with ExitStack() as stack:
        settings = {"TIDEMARK_PARTITIONS": "4"}
        if request.param == "docker":
            require_docker()
            settings |= stack.enter_context(kafka_and_clickhouse())
        data = tmp_path_factory.mktemp("pipeline")
        yield stack.enter_context(running_pipeline(data, **settings))


@pytest.fixture(scope="session")
def client(pipeline: Pipeline) -> Iterator[httpx.Client]:
    with pipeline.client() as client:
        yield client
