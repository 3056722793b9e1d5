"""What docs/feature-flags.md tells to send can be sent, and gives what it says."""

from __future__ import annotations

import json
import re

import pytest

from tests.pipeline import ROOT, Pipeline

pytestmark = pytest.mark.integration

_SENT = re.compile(r"^tdm (?P<path>\S+) '(?P<body>\{.*?\})'$", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
PAGE = (ROOT / "docs" / "feature-flags.md").read_text()


def blocks(kind: str) -> list[str]:
    """The page's blocks of this kind."""
    return [found["text"] for found in _BLOCK.finditer(PAGE) if found["kind"] == kind]


def test_the_commands_of_the_flags_page_give_what_it_says(pipeline: Pipeline) -> None:
    make, evaluate = _SENT.finditer(PAGE)
    with pipeline.client(pipeline.new_organization("Flags page")) as client:
        made = client.post(f"/api/{make['path']}", json=json.loads(make["body"]))
        assert made.status_code == 201, made.text
        found = client.post(f"/api/{evaluate['path']}", json=json.loads(evaluate["body"])).json()
        assert found["metadata"].pop("failed_rules") == "Growth plan"  # this organization has no such instance
        evaluated, manifest = map(json.loads, blocks("json"))
        assert found == evaluated
        assert client.get("/api/openfeature/v0/manifest").json() == manifest


def test_the_rules_on_the_flags_page_are_conditions(pipeline: Pipeline) -> None:
    [text] = blocks("")
    rules = text.strip().splitlines()
    flag = {"name": "Rules", "type": "boolean", "enabled": True, "variants": [{"name": "on", "value": True}]}
    basic = {"type": "basic", "variant": "on"}
    targetings = [{**basic, "name": rule, "rule": rule} for rule in rules]
    with pipeline.client(pipeline.new_organization("Rules on the page")) as client:
        made = client.post("/feature-flags", json={**flag, "default_variant": basic, "targetings": targetings})
        assert (made.status_code, len(rules) > 3) == (201, True), made.text
