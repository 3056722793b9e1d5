"""The pipeline that tests start: its processes by the names that people call them."""

from __future__ import annotations

import pytest

from tests.pipeline import part_of


@pytest.mark.parametrize(
    ("command", "part"),
    [
        ("java -Xmx512m -cp jars kafka.Kafka server.properties", "kafka"),
        ("python -m tidemark worker --instance worker-2", "worker-2"),
        ("python -m tidemark serve", "http"),
        ("/bin/sh -c read", "watchers"),
    ],
)
def test_a_process_is_called_by_the_part_that_it_is(command: str, part: str) -> None:
    assert part_of(command.split()) == part
