"""`tidemark dead-letters` beside a running pipeline: a record of another producer, found, looked at, sent again."""

from __future__ import annotations

import httpx
import pytest

from stream.dead_letters import LogAppender
from stream.topics import USAGE
from tests.integration.commands import tidemark
from tests.pipeline import Pipeline, wait_until
from tests.shop import sell
from tidemark.kafka import last_servers

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
async def place(pipeline: Pipeline) -> str:
    """Where a record of garbage stands in `usage`."""
    async with LogAppender(last_servers(pipeline.data / "kafka")) as appender:
        return f"1-{await appender.append(USAGE, 1, b'garbage of another producer', None, ())}"


def listed(pipeline: Pipeline, place: str) -> str | None:
    lines = tidemark(pipeline, "dead-letters", "list").stdout.splitlines()
    return next((line for line in lines if f" {place} " in line), None)


def test_a_record_that_cannot_be_decided_is_listed_with_its_reason(pipeline: Pipeline, place: str) -> None:
    line = wait_until(lambda: listed(pipeline, place), 30, "the record is among the dead letters")
    assert "27" in line
    assert "Expected" in line


def test_it_is_shown_byte_for_byte(pipeline: Pipeline, place: str) -> None:
    shown = tidemark(pipeline, "dead-letters", "show", place).stdout
    assert "67 61 72 62 61 67 65" in shown
    assert "garbage of anoth" in shown


def test_it_is_sent_again_once_and_the_pipeline_goes_on(pipeline: Pipeline, client: httpx.Client, place: str) -> None:
    first = tidemark(pipeline, "dead-letters", "redrive", place)
    again = tidemark(pipeline, "dead-letters", "redrive", place)
    assert first.returncode == again.returncode == 0, first.stderr + again.stderr
    new_place = first.stdout.split()[-1]
    assert f"{place} is sent again, as {new_place}" in first.stdout
    assert f"{place} was sent again before, as {new_place}" in again.stdout
    wait_until(lambda: listed(pipeline, new_place), 30, "garbage is a dead letter again, from its new place")
    assert sell(client).report(1).status_code == 200


def test_a_place_without_a_letter_is_told(pipeline: Pipeline) -> None:
    ended = tidemark(pipeline, "dead-letters", "show", "0-99999999")
    assert ended.returncode == 1
    assert "no dead letter from 0-99999999" in ended.stderr
