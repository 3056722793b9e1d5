"""`tidemark verify` beside a running pipeline: everything that the suite did so far is exact."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.integration.commands import tidemark
from tests.pipeline import Pipeline, wait_until
from tests.shop import Sold, sell

pytestmark = pytest.mark.integration


@pytest.fixture
def sold(client: httpx.Client) -> Sold:
    """An instance that reported 4, 5 and, refused, 6 on a limit of 10, and whose rows are there."""
    made = sell(client, limit=10)
    for value in (4, 5, 6):
        made.report(value)
    wait_until(lambda: len(made.trail()) >= 3, 10, "the decisions are in the trail")
    return made


def test_a_running_pipeline_is_exact(pipeline: Pipeline, sold: Sold) -> None:
    ended = tidemark(pipeline, "verify")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Exact" in ended.stdout
    assert rows_compared(ended.stdout) >= 3


def rows_compared(output: str) -> int:
    (line,) = [line for line in output.splitlines() if "rows compared" in line]
    return int(line.split()[-1].replace(",", ""))


def test_what_if_shows_what_a_lower_limit_would_have_refused(pipeline: Pipeline, sold: Sold) -> None:
    ended = tidemark(pipeline, "verify", "--what-if", f"entitlement={sold.entitlement},limit=8")
    assert ended.returncode == 0, ended.stderr
    (row,) = [line for line in ended.stdout.splitlines() if sold.instance in line]
    cells = [cell.strip() for cell in row.strip("│ ").split("│")]
    assert cells[2:6] == ["2", "1", "1", "2"]
    assert cells[6].endswith("#2: 5 on 4")


def test_a_supposition_that_cannot_be_read_could_not_run(pipeline: Pipeline) -> None:
    ended = tidemark(pipeline, "verify", "--what-if", "limit=8")
    assert ended.returncode == 2
    assert "entitlement=SLUG,limit=NUMBER" in ended.stderr


def test_where_there_is_no_log_it_could_not_run(pipeline: Pipeline, tmp_path: Path) -> None:
    ended = tidemark(pipeline, "verify", TIDEMARK_DATA=str(tmp_path))
    assert ended.returncode == 2
    assert "There is no log" in ended.stderr


def test_where_the_log_does_not_answer_it_could_not_run(pipeline: Pipeline, tmp_path: Path) -> None:
    ended = tidemark(pipeline, "verify", TIDEMARK_DATA=str(tmp_path), TIDEMARK_KAFKA="127.0.0.1:1")
    assert ended.returncode == 2
    assert "Not everything can be read" in ended.stderr
