"""Kafka and ClickHouse as containers, for the same tests where Docker is; images as in docker-compose.yml."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import yaml
from testcontainers.community.clickhouse import ClickHouseContainer
from testcontainers.core.container import DockerContainer

from tests.pipeline import ROOT
from tidemark.kafka import HOST
from tidemark.ports import free_port


def require_docker() -> None:
    """Skip the test where no Docker daemon answers: the embedded parts are held to the same tests."""
    client = shutil.which("docker")
    if client is None or subprocess.run([client, "info"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no Docker daemon answers here")


@contextmanager
def kafka_and_clickhouse() -> Iterator[dict[str, str]]:
    """Both, running; gives the settings that name them."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    port = free_port(HOST)
    kafka = DockerContainer(services["kafka"]["image"]).with_bind_ports(9092, port)
    for name, value in services["kafka"]["environment"].items():
        kafka.with_env(name, str(value).replace("kafka:", "localhost:"))
    kafka.with_env("KAFKA_ADVERTISED_LISTENERS", f"PLAINTEXT://{HOST}:{port}")
    clickhouse = ClickHouseContainer(services["clickhouse"]["image"], dbname="tidemark")
    with kafka, clickhouse:
        server = f"{clickhouse.get_container_host_ip()}:{clickhouse.get_exposed_port(8123)}"
        dsn = f"http://{clickhouse.username}:{clickhouse.password}@{server}/tidemark"
        yield {"TIDEMARK_KAFKA": f"{HOST}:{port}", "TIDEMARK_CLICKHOUSE": dsn}
