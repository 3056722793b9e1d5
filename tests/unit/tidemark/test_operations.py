"""The operators' page says what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo
from typer.main import get_command

from tidemark.cli import app
from tidemark.settings import Settings

PAGE = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()


def row_of(name: str, field: FieldInfo) -> str:
    default = "" if field.default is None else f"`{field.default}`"
    return f"| `TIDEMARK_{name.upper()}` | {default} | {field.description} |"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_its_row(name: str) -> None:
    assert row_of(name, Settings.model_fields[name]) in PAGE.splitlines()


def test_no_row_is_of_a_setting_that_is_gone() -> None:
    rows = re.findall(r"^\| `TIDEMARK_(\w+)` \|", PAGE, re.MULTILINE)
    assert [row.lower() for row in rows] == [*Settings.model_fields]


def test_every_command_that_the_page_names_is_there() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    named = set(re.findall(r"`?tidemark ([a-z-]+)", PAGE)) - {"-"}
    assert named <= set(commands) | {"serve"}
    assert {"up", "verify", "dead-letters", "migrate"} <= named
