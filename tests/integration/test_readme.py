"""The README's first two minutes: its commands, typed as they stand, give what it says they give."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest

from tests.pipeline import ROOT, Pipeline, wait_until

pytestmark = pytest.mark.integration

_BLOCK = re.compile(r"^```(bash|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def session() -> list[tuple[str, Any]]:
    """Each command block of the README with what it says comes of it (None: not said)."""
    blocks = [(found[1], found[2]) for found in _BLOCK.finditer((ROOT / "README.md").read_text())]
    followers = [*blocks[1:], ("bash", "")]
    return [
        (text, json.loads(told) if kind_after == "json" else None)
        for (kind, text), (kind_after, told) in zip(blocks, followers, strict=True)
        if kind == "bash"
    ]


def is_told(told: Any, found: Any) -> bool:
    """Whether everything that the README tells is in what was found; it leaves out what changes each time."""
    match told:
        case dict():
            return isinstance(found, dict) and all(key in found and is_told(told[key], found[key]) for key in told)
        case list():
            return isinstance(found, list) and len(told) == len(found) and all(map(is_told, told, found))
        case _:
            return bool(told == found)


def type_in(commands: str, environment: dict[str, str]) -> str:
    typed = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands], env=environment, capture_output=True, text=True, check=True
    )
    return typed.stdout


def test_the_curl_session_gives_what_the_readme_says(pipeline: Pipeline) -> None:
    blocks = session()
    assert sum(told is not None for _, told in blocks) >= 3
    (setup, _), *steps = blocks
    setup = re.sub(r"^export .*$", "", setup, flags=re.MULTILINE)
    token = pipeline.environment["TIDEMARK_TOKEN"]
    environment = {**pipeline.environment, "TIDEMARK": pipeline.url, "TOKEN": token}
    for command, told in steps:
        if told is None:
            assert '"status":4' not in type_in(setup + command, environment)
        elif "-d" in command or "'{" in command:
            answer = type_in(setup + command, environment)
            assert is_told(told, json.loads(answer)), f"{command}\ngave {answer}"
        else:
            looked_up = lambda: is_told(told, json.loads(type_in(setup + command, environment)))  # noqa: B023, E731
            wait_until(looked_up, 5, f"what the README says of {command}")
